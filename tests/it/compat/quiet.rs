//! Whether a program has nothing left to do, as far as can be seen from outside.
//!
//! 1.2 runs its commands one after the other and sees nothing meanwhile, ours runs them beside: the
//! order of lines is the same only if each touch is dealt with before the next is sent.

use crate::lab::daemon::children;
use std::fs;

/// So many looks in a row, a millisecond apart, must find it at rest.
pub(super) const CALM: usize = 3;

/// IPv4 packets that have arrived in the network of a process.
pub(crate) fn received(pid: u32) -> u64 {
    let counters = fs::read_to_string(format!("/proc/{pid}/net/snmp")).unwrap();
    let mut lines = counters.lines().filter(|line| line.starts_with("Ip: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut counters = names.split(' ').zip(values.split(' '));
    let (_, received) = counters.find(|(name, _)| *name == "InReceives").unwrap();
    received.parse().unwrap()
}

/// It sleeps, has no child, and no socket of its network holds anything for it.
pub(super) fn is_idle(pid: u32) -> bool {
    sleeps(pid) && !has_mail(pid) && children(pid).is_empty()
}

fn sleeps(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('S'))
}

fn has_mail(pid: u32) -> bool {
    let table = |name| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let waits = |name| {
        let table: String = table(name);
        let mut lines = table.lines().skip(1).map(|line| line.split_whitespace());
        lines.any(|mut words| match name {
            // Rmem: bytes that a packet socket holds.
            "packet" => words.nth(6).is_some_and(|bytes| bytes != "0"),
            _ => {
                let (state, queues) = (words.nth(3), words.next());
                // Of TCP only listeners: there the second queue is that of accept().
                let counts = name != "tcp" || state == Some("0A");
                counts && queues.is_some_and(|queues| !queues.ends_with(":00000000"))
            }
        })
    };
    ["raw", "udp", "tcp", "packet"].into_iter().any(waits)
}
