//! How many of what: for `portsentry status`.

use crate::judge::record::{KINDS, kind};
use crate::see::probe::Probe;

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Probes by kind: connect, SYN, NULL, FIN, XMAS, other flags, fragment, UDP.
    pub kinds: [u64; KINDS],
    /// Packets that no honest source sends.
    pub forged: u64,
    /// Of whoever is on the ignore list.
    pub ignored: u64,
    /// Answers, forwarded connections, visitors of a service.
    pub explained: u64,
    /// Nobody could tell whose the packet was.
    pub unknown: u64,
    /// Below the trigger.
    pub counted: u64,
    /// Repeats, or more than the log bears.
    pub folded: u64,
    /// Reported, a line each.
    pub reported: u64,
    /// Bans that began.
    pub bans: u64,
    /// Bans that would have begun if blocking were on.
    pub would_be: u64,
    /// Sources held up by the storm valve.
    pub valve: u64,
    /// Protected sources that touched a trap.
    pub protected: u64,
    /// Bans that ended with their time.
    pub expired: u64,
    /// Bans that failed for good.
    pub failed: u64,
}

impl Counts {
    /// Names of the kinds, in the order of `kinds`.
    pub const KINDS: [&'static str; KINDS] = [
        "connect", "syn", "null", "fin", "xmas", "other", "fragment", "udp",
    ];

    pub(super) fn note(&mut self, probe: &Probe) {
        if let Some(count) = self.kinds.get_mut(usize::from(kind(probe))) {
            *count += 1;
        }
    }
}
