//! What a router may lack, for a while or for good: scans are seen all the same, bans work where they can, each
//! gap is said once, and nobody waits for it awake.

mod devices;
mod disk;
mod programs;
mod six;

use crate::lab::Lab;
use crate::lab::daemon::{Daemon, probed};
use crate::lab::touch::Proto::Tcp;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Somebody new touches a trap, which is seen.
#[track_caller]
fn scan(lab: &Lab, router: IpAddr, port: u16) -> IpAddr {
    let from = lab.stranger(router);
    lab.scanner.touch(Tcp, from, SocketAddr::new(router, port));
    let line = probed(from, Tcp, port);
    lab.log.wait_for(|text| text.ends_with(&line));
    from
}

/// What is said of what does not work, in the order of the log. That a single host is not blocked is 1.2's own
/// line, and no such thing.
fn complaints(lab: &Lab) -> Vec<String> {
    let words = [
        "ERROR",
        "refused",
        "takes its place",
        "works",
        "devices that are named",
    ];
    let is_complaint = |text: &String| {
        words.iter().any(|word| text.contains(word)) && !text.contains("Could not block host")
    };
    let texts = lab.log.texts().into_iter().filter(is_complaint);
    let texts = texts.map(|text| text.trim_start_matches("adminalert: ").to_owned());
    texts.collect()
}

/// Between two attempts, however many are banned or wait, it sleeps.
#[track_caller]
fn check_sleeps(daemon: &Daemon<'_>) {
    let before = daemon.wakeups();
    std::thread::sleep(Duration::from_secs(3));
    let woken = daemon.wakeups() - before;
    assert!(woken < 40, "woken {woken} times");
}
