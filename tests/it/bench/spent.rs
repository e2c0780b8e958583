//! What a process has cost, by the kernel's own account: its children count as soon as it has waited for them.

use super::peers::Running;
use crate::lab::daemon::children;
use crate::lab::spent::Spent;
use std::fs;
use std::time::{Duration, Instant};

/// Whoever has done nothing for so long, and has no child, has nothing left to do.
const REST: Duration = Duration::from_millis(500);

/// Seconds on a processor, since an earlier moment, by it and by the children that it has waited for.
pub(super) fn seconds(now: Spent, before: Spent) -> f64 {
    let spent = now.since(before);
    Duration::from_nanos(spent.cpu + spent.children).as_secs_f64()
}

/// When it came to rest, which is not waited for longer than that.
pub(super) fn rest(pid: u32, most: Duration) -> Instant {
    let begun = Instant::now();
    let (mut spent, mut since) = (Spent::by(pid), begun);
    while begun.elapsed() < most {
        std::thread::sleep(Duration::from_millis(5));
        let now = Spent::by(pid);
        if (now.cpu, now.children) != (spent.cpu, spent.children) {
            (spent, since) = (now, Instant::now());
        }
        if since.elapsed() > REST {
            if children(pid).is_empty() {
                return since;
            }
            since = Instant::now();
        }
    }
    Instant::now()
}

/// The most memory that it ever had, in kB (proc(5), VmHWM).
pub(super) fn memory(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.unwrap().trim().trim_end_matches(" kB");
    kb.parse().unwrap()
}

/// How many processes, threads among them, were ever started in this namespace: their numbers are given in a row.
/// `make bench` has one of its own, so those in between are of whoever is measured, and a few of the lab.
pub(super) fn started() -> f64 {
    let last = fs::read_to_string("/proc/sys/kernel/ns_last_pid").unwrap();
    last.trim().parse().unwrap()
}

impl Running<'_> {
    /// The process of it that watches, where there is one.
    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Running::Kernel => None,
            Running::Ours(daemon) => Some(daemon.pid()),
            Running::Original(started) => Some(started.pid()),
            Running::Two(two) => Some(two.pid()),
            Running::Scanlogd(it) => Some(it.pid()),
            Running::Psad(it) => Some(it.pid()),
        }
    }
}
