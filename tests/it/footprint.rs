//! What the daemon costs while nothing happens.

use crate::lab::Lab;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::{Daemon, binary};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// For the static program of a router: 316 kB are the program itself, which the kernel can drop and read again,
/// 184 kB is memory of its own.
const STATIC_KB: u64 = 520;
/// A dynamic one's share of the C library is counted as its own: 2,300 kB with Debian's.
const DYNAMIC_KB: u64 = 3_500;

#[test]
fn idle_it_is_small_and_asleep() {
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(lab) = Lab::new(&[]) else { return };
        let daemon = lab.start(shipped(mode));
        check_asleep(&daemon);
        let most = match is_static() {
            true => STATIC_KB,
            false => DYNAMIC_KB,
        };
        let resident = daemon.memory_kb();
        assert!(resident < most, "{mode:?}: {resident} kB are resident");
    }
}

#[track_caller]
fn check_asleep(daemon: &Daemon) {
    // Until the kernel has found the link-local addresses of the lab to be unique (RFC 4862), which is news.
    sleep(Duration::from_secs(4));
    let before = daemon.wakeups();
    sleep(Duration::from_secs(5));
    assert_eq!(
        daemon.wakeups() - before,
        0,
        "woken although nothing happened"
    );
}

/// The ports of the configuration that is installed, and those of the lab.
fn shipped(mode: Mode) -> Config {
    let text = include_str!("../../cross/etc/portsentry/portsentry.conf");
    let ports = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        let ports = line.trim_matches(['=', '"']);
        format!("{ports},{}", Config::control())
    };
    Config::new(mode)
        .with("TCP_PORTS", &ports("TCP_PORTS"))
        .with("UDP_PORTS", &ports("UDP_PORTS"))
}

/// A program that names no loader brings its C library along.
fn is_static() -> bool {
    let program = fs::read(binary()).unwrap();
    !program.windows(4).any(|bytes| bytes == b"/ld-")
}
