//! The known keys, and which of them somebody meant.

/// All keys, in the order of the shipped file.
pub(super) const KEYS: [&str; 30] = [
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
];

/// The known key nearest to `key`, if it is near enough to be what was meant.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_uppercase();
    let measured = KEYS.iter().map(|known| (distance(&key, known), *known));
    let (edits, known) = measured.min()?;
    (edits <= known.len() / 3).then_some(known)
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
        for (typed, meant) in [
            ("TPC_PORTS", Some("TCP_PORTS")),
            ("tcp_ports", Some("TCP_PORTS")),
            ("BLOCK_TPC", Some("BLOCK_TCP")),
            ("KILL_RUN_COMMAND", Some("KILL_RUN_CMD")),
            ("KILL_HOST_DENY", Some("KILL_HOSTS_DENY")),
            ("SCANTRIGGER", Some("SCAN_TRIGGER")),
            ("INTERFACES", Some("INTERFACE")),
            ("COLOUR", None),
            ("X", None),
        ] {
            assert_eq!(nearest(typed), meant, "{typed}");
        }
    }
}
