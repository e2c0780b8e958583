//! What a probe costs in system calls: with them a small router spends its time in a flood.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::flood::{Flood, forged_syn};
use crate::lab::spent::Calls;
use crate::lab::{Lab, ROUTER, SECOND, packet, report};
use std::net::SocketAddr;

const PACKETS: u32 = 200_000;

#[test]
fn a_flood_of_one_source_costs_less_than_a_call_for_each_probe() {
    check(|n| {
        let port = 1024 + u16::try_from(n % 60_000).unwrap();
        let trap = TCP_TRAPS[n as usize % TCP_TRAPS.len()];
        let (from, to) = (SocketAddr::new(SECOND, port), SocketAddr::new(ROUTER, trap));
        packet::tcp(from, to, "S")
    });
}

#[test]
fn a_flood_of_new_sources_costs_less_than_a_call_for_each_probe() {
    check(forged_syn);
}

/// The daemon is slower than the flood here, because strace stops it at each call: what it had no room for is no
/// probe of the count.
#[track_caller]
fn check(packet: impl Fn(u32) -> Vec<u8> + Sync) {
    let Some(lab) = Lab::new(&["strace"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let Some(calls) = Calls::by_strace(&lab, daemon.pid()) else {
        return;
    };
    Flood::during(&lab, packet, |flood| flood.reaches(PACKETS));
    daemon.rests();
    let counted = calls.end();
    let calls = counted.all();
    let status = daemon.ask("status --json").json();
    let seen = status["probes"]["syn"].as_u64().unwrap();
    report(&format!("{calls} calls for {seen} probes of {PACKETS}"));
    assert!(seen > u64::from(PACKETS / 10), "only {seen} were seen");
    assert!(calls * 2 <= seen, "{counted:?} for {seen} probes");
}
