//! A storm of forged sources: each is banned, by few runs of a program; and whoever is banned costs no more.

use super::{at, blocking};
use crate::lab::backend::Backend;
use crate::lab::config::Config;
use crate::lab::daemon::Daemon;
use crate::lab::firewall::Watch;
use crate::lab::flood::{Flood, forged, forged_syn};
use crate::lab::held::{host, scanner};
use crate::lab::packet;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually, report};
use regex::Regex;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const SOURCES: u32 = 5_000;
const EACH_SECOND: u32 = 5_000;

/// Bans that sets take, and rules that a plain chain takes.
const BANS_MAX: usize = 8192;
const RULES_MAX: usize = 1024;

/// What the allocator of a process may round up to without having been asked for more.
const SLACK_KB: u64 = 64;

fn config(backend: Backend) -> Config {
    blocking(backend)
        .with("BAN_RATE_MAX", "0")
        .with("BLOCK_TIME", "10m")
}

fn storm(lab: &Lab, from: u32, count: u32) {
    Flood::paced(lab, from..from + count, EACH_SECOND, forged_syn);
}

/// Waits until all is done that is to be done; how long that took.
fn quiet(daemon: &Daemon, watch: &Watch) -> Duration {
    let (begun, mut runs, mut since) = (Instant::now(), watch.runs(), Instant::now());
    eventually("quiet", || {
        if runs != watch.runs() || !daemon.children().is_empty() {
            (runs, since) = (watch.runs(), Instant::now());
        }
        since.elapsed() > Duration::from_millis(500)
    });
    since - begun
}

/// Who is not banned was not seen, and that is told, unless the wire itself lost the packet: where others have the
/// processor for half a second, neither has room for so many.
#[track_caller]
fn check_lost(lab: &Lab, missing: usize) {
    let lost = Regex::new(r"(\d+) packets to traps were lost").unwrap();
    let told = || {
        let texts = lab.log.texts();
        let lost = texts.iter().filter_map(|text| lost.captures(text));
        lost.map(|lost| lost[1].parse::<usize>().unwrap())
            .sum::<usize>()
    };
    let explained = || told() + lab.lost_on_the_wire() >= missing;
    eventually(
        &format!("each of {missing} that are missing is explained"),
        explained,
    );
    assert!(missing < SOURCES as usize / 2, "{missing} are missing");
}

/// Waits until nothing has woken it for a while: the kernel tells of new IPv6 addresses a second late.
fn still(daemon: &Daemon) {
    let (mut wakeups, mut since) = (daemon.wakeups(), Instant::now());
    eventually("a daemon at rest", || {
        if wakeups != daemon.wakeups() {
            (wakeups, since) = (daemon.wakeups(), Instant::now());
        }
        since.elapsed() > Duration::from_secs(2)
    });
}

#[test]
fn every_forged_source_is_banned_by_a_few_runs() {
    for backend in [Backend::Nft, Backend::Ipset] {
        let Some(lab) = backend.lab(Lab::new) else {
            return;
        };
        let watch = lab.watch_firewall();
        let mut daemon = lab.start(config(backend));
        let before = watch.runs();
        storm(&lab, 0, SOURCES);
        let took = quiet(&daemon, &watch);
        let bans = lab.bans(backend);
        let runs = watch.runs() - before;
        report(&format!(
            "{backend:?}: {} bans by {runs} runs, {took:?} after the last packet",
            bans.len()
        ));
        let banned = |ip: &IpAddr| bans.contains_key(&host(*ip));
        let missing = (0..SOURCES).map(forged).filter(|ip| !banned(ip)).count();
        check_lost(&lab, missing);
        assert!(runs <= 100, "{runs} runs");
        check_bounds(&lab, &mut daemon, &watch, backend, BANS_MAX);
    }
}

#[test]
fn a_plain_chain_takes_what_it_can_and_the_rest_is_refused_and_counted() {
    for backend in [Backend::Iptables, Backend::Legacy] {
        let Some(lab) = backend.lab(Lab::new) else {
            return;
        };
        let watch = lab.watch_firewall();
        let mut daemon = lab.start(config(backend));
        let before = watch.runs();
        storm(&lab, 0, SOURCES);
        let took = quiet(&daemon, &watch);
        let (bans, runs) = (lab.bans(backend).len(), watch.runs() - before);
        report(&format!(
            "{backend:?}: {bans} bans by {runs} runs, {took:?} after the last packet"
        ));
        assert_eq!(bans, RULES_MAX);
        assert!(runs <= 100, "{runs} runs");
        lab.log.wait_for_text("The table of bans is full");
        check_bounds(&lab, &mut daemon, &watch, backend, RULES_MAX);
    }
}

/// Ten thousand more, and ten thousand again: no more bans than there may be, no more memory, one program at a
/// time.
#[track_caller]
fn check_bounds(lab: &Lab, daemon: &mut Daemon, watch: &Watch, backend: Backend, most: usize) {
    storm(lab, SOURCES, 10_000);
    quiet(daemon, watch);
    let full = daemon.memory_kb();
    storm(lab, SOURCES + 10_000, 10_000);
    quiet(daemon, watch);
    let end = daemon.memory_kb();
    report(&format!("{backend:?}: {full} kB, {end} kB"));
    assert!(
        end <= full + SLACK_KB,
        "{full} kB when all was full, {end} kB at the end"
    );
    assert_eq!(lab.bans(backend).len(), most);
    assert_eq!(watch.most_at_once(), 1, "programs at the same time");
    let changed = |text: &str| text.contains("Somebody else changed");
    assert_eq!(lab.log.count(changed), 0, "it does not know its own hand");
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert_eq!(lab.frame(), [""; 0]);
}

/// One SYN of the scanner to each trap in turn.
fn again(n: u32) -> Vec<u8> {
    let port = crate::lab::config::TCP_TRAPS[n as usize % 12];
    packet::tcp(at(SCANNER, 40000), at(ROUTER, port), "S")
}

#[test]
fn a_source_that_is_banned_costs_no_line_and_no_program() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        let watch = lab.watch_firewall();
        let daemon = lab.start(config(backend));
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
        eventually("the ban", || lab.holds(backend, &scanner()));
        still(&daemon);
        let before = (watch.runs(), lab.log.all().len(), daemon.wakeups());
        Flood::paced(lab, 0..10_000, 20_000, again);
        quiet(&daemon, &watch);
        let (runs, lines, wakeups) = (
            watch.runs() - before.0,
            lab.log.all().len() - before.1,
            daemon.wakeups() - before.2,
        );
        report(&format!(
            "{backend:?}: {runs} runs, {lines} lines, {wakeups} wakeups"
        ));
        // A look at a firewall that tells nobody of changes may fall in that time.
        if backend == Backend::Nft {
            assert_eq!((runs, lines, wakeups), (0, 0, 0));
        }
        let a_line_a_trap = 2 * 12;
        assert!(lines <= a_line_a_trap, "{lines} lines");
        daemon.settle();
    });
}

#[test]
fn five_thousand_bans_at_rest_wake_nobody() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    let watch = lab.watch_firewall();
    let daemon = lab.start(config(Backend::Nft).with("BLOCK_TIME", "1d"));
    storm(&lab, 0, SOURCES);
    quiet(&daemon, &watch);
    let bans = lab.bans(Backend::Nft).len();
    check_lost(&lab, SOURCES as usize - bans);
    still(&daemon);
    let before = (watch.runs(), lab.log.all().len(), daemon.wakeups());
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(
        (watch.runs(), lab.log.all().len(), daemon.wakeups()),
        before
    );
    // Control: it lives.
    daemon.settle();
}
