//! The known keys, and which of them somebody meant.

use crate::config::Language;

/// All keys, in the order of the shipped file; those of a router, which only UCI has, come last.
const KEYS: [&str; CLASSIC + 3] = [
    "TCP_PORTS",
    "UDP_PORTS",
    "TCP_MODE",
    "UDP_MODE",
    "INTERFACE",
    "BACKEND",
    "ADVANCED_PORTS_TCP",
    "ADVANCED_PORTS_UDP",
    "ADVANCED_EXCLUDE_TCP",
    "ADVANCED_EXCLUDE_UDP",
    "KINDS",
    "IGNORE_FILE",
    "HISTORY_FILE",
    "BLOCKED_FILE",
    "JOURNAL_FILE",
    "RESOLVE_HOST",
    "BLOCK_TCP",
    "BLOCK_UDP",
    "BLOCK_TIME",
    "BLOCK_TIME_MAX",
    "BAN_RATE_MAX",
    "KILL_ROUTE",
    "KILL_HOSTS_DENY",
    "KILL_RUN_CMD",
    "KILL_RUN_CMD_FIRST",
    "UNBLOCK_CMD",
    "SCAN_TRIGGER",
    "TRIGGER_PORTS",
    "WINDOW",
    "PORT_BANNER",
    "ENABLED",
    "NETWORK",
    "IGNORE",
];

/// How many there are in portsentry.conf.
const CLASSIC: usize = 30;

/// How the value of a key is written in UCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it stands: a text, a number, a span of time.
    Text,
    /// Yes or no.
    Bool,
    /// Any number of words, one to a `list` or several in one `option`.
    List,
}

const LISTS: [&str; 7] = [
    "TCP_PORTS",
    "UDP_PORTS",
    "ADVANCED_EXCLUDE_TCP",
    "ADVANCED_EXCLUDE_UDP",
    "INTERFACE",
    "NETWORK",
    "IGNORE",
];

const BOOLS: [&str; 3] = ["RESOLVE_HOST", "KILL_RUN_CMD_FIRST", "ENABLED"];

impl Shape {
    /// That of a key, in capitals.
    pub(super) fn of(key: &str) -> Self {
        if LISTS.contains(&key) {
            return Self::List;
        }
        match BOOLS.contains(&key) {
            true => Self::Bool,
            false => Self::Text,
        }
    }
}

/// The keys of a language, in capitals.
pub(super) fn keys(language: Language) -> &'static [&'static str] {
    match language {
        Language::Classic => KEYS.get(..CLASSIC).unwrap_or_default(),
        Language::Uci => &KEYS,
    }
}

/// The known key nearest to `key`, if it is near enough to be what was meant.
pub(super) fn nearest(key: &str, language: Language) -> Option<&'static str> {
    let key = key.to_ascii_uppercase();
    let measured = keys(language)
        .iter()
        .map(|known| (distance(&key, known), *known));
    let near = measured
        .min()
        .filter(|(edits, known)| *edits <= known.len() / 3);
    near.map(|(_, known)| known)
}

/// Edits between two words, two letters exchanged counting as one (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let at = |row: &[usize], i: usize| row.get(i).copied().unwrap_or(usize::MAX / 2);
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let change = at(&last, j) + usize::from(x != y);
            let mut best = change.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let exchanged = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if exchanged {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = core::mem::replace(&mut last, row);
    }
    at(&last, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_meant() {
        use Language::{Classic, Uci};
        for (language, typed, meant) in [
            (Classic, "TPC_PORTS", Some("TCP_PORTS")),
            (Classic, "tcp_ports", Some("TCP_PORTS")),
            (Classic, "BLOCK_TPC", Some("BLOCK_TCP")),
            (Classic, "KILL_RUN_COMMAND", Some("KILL_RUN_CMD")),
            (Classic, "KILL_HOST_DENY", Some("KILL_HOSTS_DENY")),
            (Classic, "SCANTRIGGER", Some("SCAN_TRIGGER")),
            (Classic, "INTERFACES", Some("INTERFACE")),
            (Classic, "COLOUR", None),
            (Classic, "X", None),
            (Classic, "NETWORK", None),
            (Uci, "TCP_PORTS", Some("TCP_PORTS")),
            (Uci, "tpc_ports", Some("TCP_PORTS")),
            (Uci, "interface", Some("INTERFACE")),
            (Uci, "networks", Some("NETWORK")),
            (Uci, "enable", Some("ENABLED")),
            (Uci, "ignored", Some("IGNORE")),
            (Uci, "colour", None),
        ] {
            assert_eq!(nearest(typed, language), meant, "{typed}");
        }
    }
}
