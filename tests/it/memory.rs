//! What is remembered of whom, for how long, and who makes room: the core alone, a packet at a time.

mod reports;
mod sites;
mod sources;

use crate::storm::core::{policy, syn};
use portsentry::judge::detector::Detector;
use portsentry::judge::policy::{Block, Policy};
use portsentry::judge::verdict::Verdict;
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::{Mode, Probe};
use portsentry::time::Instant;
use std::net::{IpAddr, Ipv4Addr};

/// The machine was switched on so many milliseconds ago.
fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// The nth of many strangers.
fn stranger(n: usize) -> IpAddr {
    Ipv4Addr::from_bits(0x0b00_0000 | u32::try_from(n).unwrap()).into()
}

/// Reports every touch, and bans nobody.
fn watching(seed: (u64, u64)) -> Detector {
    let rules = Policy {
        block_tcp: Block::Off,
        ..policy()
    };
    Detector::new(rules, seed)
}

fn judge(detector: &mut Detector, now: Instant, probe: &Probe) -> Verdict {
    detector.judge(now, probe, Mode::Stealth, Belongs::Nobody)
}

/// A touch with a lone SYN, from a source port of its own: no retransmission.
fn touch(detector: &mut Detector, now: Instant, source: IpAddr, port: u16) -> Verdict {
    let mut probe = syn(source, port);
    probe.source_port = u16::try_from(now.millis() % 50_000).unwrap() + 10_000;
    judge(detector, now, &probe)
}
