//! SIGTERM in the midst of a flood, counted in what the daemon still does and not in time, which others use as
//! well: it finishes the turn of its loop that is under way, and no more.

use super::modes::to_trap;
use crate::lab::config::{Config, Mode};
use crate::lab::flood::{Flood, forged_datagram, forged_syn};
use crate::lab::{Lab, ROUTER, eventually, report};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;

/// What it does to take touches, to start children, to wait, and to close; and what its sensors are.
const CALLS: &str =
    "recvfrom,recvmsg,recvmmsg,accept4,?clone,?clone3,?vfork,?poll,?ppoll,close,socket,bind";

/// Touches that one turn takes at most: 64 from each of two packet sockets, and 256 from all others.
const TURN: usize = 2 * 64 + 4 * 64;
/// A turn may start one child of the firewall, and one of the owner's.
const CHILDREN: usize = 2;

#[test]
fn packet_sensors_stop_within_a_turn() {
    check(Mode::Stealth, |lab, work| {
        Flood::during(lab, forged_syn, work)
    });
}

#[test]
fn datagrams_to_bound_sockets_stop_within_a_turn() {
    check(Mode::Connect, |lab, work| {
        Flood::during(lab, forged_datagram, work)
    });
}

#[test]
fn handshakes_stop_within_a_turn() {
    check(Mode::Connect, |lab, work| {
        Flood::of_handshakes(lab, to_trap(), work)
    });
}

fn check(mode: Mode, flood: impl FnOnce(&Lab, &dyn Fn(&Flood)) -> u32) {
    let Some(lab) = Lab::new(&["strace"]) else {
        return;
    };
    let (config, trace) = lab.traced(Config::blocking(mode), CALLS);
    let daemon = std::cell::RefCell::new(lab.start(config));
    flood(&lab, &|_| {
        eventually("bans under way", || {
            lab.chain(ROUTER).is_some_and(|bans| bans.len() > 10)
        });
        let mut daemon = daemon.borrow_mut();
        daemon.signal(Signal::SIGTERM);
        assert!(daemon.wait().success(), "{}", daemon.stderr());
    });
    let lines = trace.to_the_end();
    let sensors: BTreeSet<&str> = lines.iter().filter_map(|line| sensor(line)).collect();
    let takes =
        |line: &&String| descriptor(line).is_some_and(|fd| sensors.contains(fd)) && takes_any(line);
    let told = lines
        .iter()
        .position(|line| line.contains("--- SIGTERM "))
        .unwrap();
    let after = &lines[told..];
    // Only at first: its number is used again.
    let close = |fd: &&str| after.iter().position(|line| closed(line) == Some(*fd));
    let closes = sensors.iter().map(|fd| close(fd).expect("it is closed"));
    let closed = closes.max().expect("sensors");
    let taken: usize = after.iter().filter(takes).map(|line| touches(line)).sum();
    let children = after[..closed]
        .iter()
        .filter(|line| starts_a_child(line))
        .count();
    let (turn, late) = (
        longest_turn(&lines[..told]),
        time(&after[closed]) - time(&after[0]),
    );
    report(&format!(
        "{mode:?}: {taken} touches and {children} children after SIGTERM; the sensors closed {late} us \
         later, a turn took up to {turn} us"
    ));
    assert!(taken <= TURN, "{taken} touches after SIGTERM");
    assert!(children <= CHILDREN, "{children} children after SIGTERM");
    let late_takes = after[closed..].iter().filter(takes).count();
    assert_eq!(late_takes, 0, "touches after the sensors were closed");
    // Beside what is counted: the machine has other things to do as well.
    assert!(
        late <= 100_000 + 10 * turn,
        "{late} us, and a turn took {turn} us"
    );
    assert_eq!(lab.chain(ROUTER), None);
}

/// The descriptor of a sensor, where the line shows that it is one: `accept4(7<TCP:[…]>, …`,
/// `recvmsg(…, MSG_TRUNC)`, `bind(5<…>, {sa_family=AF_PACKET, …`. Several messages at once come from netlink too.
fn sensor(line: &str) -> Option<&str> {
    let touch = takes_any(line) && !line.contains(" recvmmsg(");
    let packets = line.contains(" bind(") && line.contains("AF_PACKET");
    (touch || packets).then(|| descriptor(line)).flatten()
}

fn closed(line: &str) -> Option<&str> {
    line.contains(" close(").then(|| descriptor(line)).flatten()
}

/// `1764079200.123456 close(7<socket:[1234]>) = 0`
fn descriptor(line: &str) -> Option<&str> {
    line.split_once('(')?.1.split(['<', ',', ')']).next()
}

/// Only the sensors want to know how long a packet was.
fn takes_any(line: &str) -> bool {
    line.contains(" accept4(") && !line.contains("AF_UNIX") && !line.contains("control")
        || line.contains("MSG_TRUNC")
}

/// How many a call has brought: `recvmmsg(…) = 16`, one of the others, none where it failed.
fn touches(line: &str) -> usize {
    let answer = line.rsplit_once(" = ").map_or("", |(_, answer)| answer);
    let count = answer.split(' ').next().unwrap_or_default();
    match line.contains(" recvmmsg(") {
        true => count.parse().unwrap_or(0),
        false => usize::from(count != "-1"),
    }
}

fn starts_a_child(line: &str) -> bool {
    [" clone(", " clone3(", " vfork("]
        .iter()
        .any(|call| line.contains(call))
}

/// In microseconds.
fn time(line: &str) -> u64 {
    let seconds = line.split(' ').next().unwrap();
    seconds.replace('.', "").parse().unwrap()
}

/// Between one look at what is ready and the next.
fn longest_turn(lines: &[String]) -> u64 {
    let polls = lines.iter().filter(|line| line.contains("poll("));
    let polls: Vec<u64> = polls.map(|line| time(line)).collect();
    let turns = polls.windows(2).map(|pair| pair[1] - pair[0]);
    // Those of the flood alone: before it, it waits.
    turns.rev().take(1000).max().unwrap()
}
