//! What a probe costs a small router: the instructions of the program for MIPS, counted one by one by an emulator.
//!
//! The count hardly varies, whatever else the machine does, so it shows what a change costs where no hardware is
//! at hand. What was measured first is in tests/data. `cross/test-cross` starts this with the emulated program,
//! whose emulator writes a line for each instruction to where TRACE says: by standard error, which the daemon
//! leaves open.
//!
//! The emulator has no NETLINK_NETFILTER (cross/test-cross): what asking the kernel for a connection costs is not
//! among it.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::Daemon;
use crate::lab::flood::forged_syn;
use crate::lab::spent::Spent;
use crate::lab::touch::Proto;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually, packet, report, skip};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FIRST: &str = include_str!("../data/mips-instructions.txt");

/// Packets of a burst; another has twice as many.
const BURST: u32 = 64;

/// Bursts of each length.
const ROUNDS: usize = 3;

/// A figure may be so many hundredths of the first.
const MOST: u64 = 110;

#[test]
#[ignore = "needs an emulator that counts; `cross/test-cross` runs it"]
fn a_packet_costs_hardly_more_than_at_first() {
    let Some(trace) = env::var_os("TRACE").map(PathBuf::from) else {
        skip("no TRACE: cross/test-cross sets it");
        return;
    };
    let Some(lab) = Lab::new(&["mkfifo"]) else {
        return;
    };
    let count = follow(&trace);
    let mut found = BTreeMap::new();
    let daemon = lab.start_in("watching", Config::new(Mode::Stealth));
    found.insert("a new source each", each(&lab, &daemon, &count, forged_syn));
    found.insert(
        "probes of one source",
        each(&lab, &daemon, &count, |n| segment(SECOND, n)),
    );
    drop(daemon);
    let daemon = lab.start_in("blocking", Config::blocking(Mode::Stealth));
    lab.scanner
        .touch(Proto::Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    eventually("the ban", || lab.banned("10.66.0.2/32"));
    found.insert(
        "packets of a banned source",
        each(&lab, &daemon, &count, |n| segment(SCANNER, n)),
    );
    drop(daemon);
    report(&format!("instructions a packet: {found:?}"));
    for (what, instructions) in found {
        let first = first(what);
        assert!(
            instructions * 100 <= first * MOST,
            "{what}: {instructions} instructions, {first} at first"
        );
    }
}

/// One SYN to each trap in turn.
fn segment(from: IpAddr, n: u32) -> Vec<u8> {
    let port = 1024 + u16::try_from(n % 60_000).unwrap();
    let trap = TCP_TRAPS[n as usize % TCP_TRAPS.len()];
    packet::tcp(
        SocketAddr::new(from, port),
        SocketAddr::new(ROUTER, trap),
        "S",
    )
}

/// What each packet of a burst costs, by the difference to one of twice as many: after a first, so that what is
/// said only once has been said. Of several the least, because what is due at some time falls into one or another.
fn each(lab: &Lab, daemon: &Daemon, count: &AtomicU64, packet: impl Fn(u32) -> Vec<u8>) -> u64 {
    let burst = |numbers: Range<u32>| {
        // All of them lie ready when it looks, so that it always looks as often.
        daemon.signal(Signal::SIGSTOP);
        let before = count.load(Ordering::Relaxed);
        let sender = lab.scanner.sender();
        numbers.for_each(|n| sender.send(&packet(n)));
        daemon.signal(Signal::SIGCONT);
        let _spent = Spent::at_rest(daemon.pid());
        count.load(Ordering::Relaxed) - before
    };
    burst(0..BURST);
    let mut from = BURST;
    let mut least = |packets| {
        let costs = (0..ROUNDS).map(|_| {
            from += packets;
            burst(from - packets..from)
        });
        costs.min().unwrap()
    };
    let (once, twice) = (least(BURST), least(2 * BURST));
    twice.saturating_sub(once) / u64::from(BURST)
}

/// Counts the lines that are written there, as long as somebody writes.
fn follow(trace: &PathBuf) -> Arc<AtomicU64> {
    let made = std::process::Command::new("mkfifo")
        .arg(trace)
        .status()
        .unwrap();
    assert!(made.success());
    let count = Arc::new(AtomicU64::new(0));
    let lines = Arc::clone(&count);
    // Open for writing as well: it does not end between one daemon and the next.
    let mut fifo = File::options().read(true).write(true).open(trace).unwrap();
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(len) = fifo.read(&mut bytes) {
            let ends = bytes[..len].iter().filter(|byte| **byte == b'\n').count();
            lines.fetch_add(ends as u64, Ordering::Relaxed);
        }
    });
    count
}

/// `a new source each: 1234`.
#[track_caller]
fn first(what: &str) -> u64 {
    let line = FIRST
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{what}: ")));
    line.unwrap_or_else(|| panic!("{what} is not in tests/data/mips-instructions.txt"))
        .parse()
        .unwrap()
}
