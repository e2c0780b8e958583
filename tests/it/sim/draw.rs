//! What a world is made of, drawn at random.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use portsentry::act::firewall::{Backend, Detail, Distinct, Hold, Site};
use portsentry::judge::ban::Stop;
use portsentry::judge::policy::{Block, Policy};
use portsentry::see::probe::{Flags, Kind, Probe, Protocol};
use portsentry::see::traps::{Ports, Traps};

use super::random::Random;

pub(super) const TCP: [u16; 6] = [1, 11, 79, 111, 512, 1080];
pub(super) const UDP: [u16; 4] = [7, 69, 161, 54321];

/// Spans that a window, a ban and its bound are drawn from, in seconds; zero is without end. Above twenty days the
/// kernel is not given the end.
const WINDOWS: [u64; 5] = [61, 300, 3600, 6 * 3600, 24 * 3600];
const TIMES: [u64; 7] = [0, 5, 90, 90, 600, 12 * 3600, 21 * 24 * 3600];
const TIMES_MAX: [u64; 4] = [0, 300, 3600, 24 * 3600];

pub(super) fn span(random: &mut Random, from: &[u64]) -> Duration {
    Duration::from_secs(random.pick(from))
}

pub(super) fn backend(random: &mut Random) -> Backend {
    random.pick(&[Backend::Iptables, Backend::Ipset, Backend::Nft])
}

/// A probe of one source of a crowd; every tenth is to a port that is no trap, and some finish a handshake.
pub(super) fn probe(random: &mut Random, crowd: usize) -> Probe {
    let kinds = [
        Kind::Syn,
        Kind::Syn,
        Kind::Null,
        Kind::Fin,
        Kind::Xmas,
        Kind::Connect,
        Kind::Unknown(Flags::from_byte(3)),
    ];
    let tcp = random.percent(70);
    let port = match (random.percent(10), tcp) {
        (true, _) => 8080,
        (_, true) => random.pick(&TCP),
        (_, false) => random.pick(&UDP),
    };
    Probe {
        source: address(random.below(crowd)),
        destination: address(0),
        source_port: random.pick(&[4000, 4001, 4002]),
        port,
        protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
        kind: if tcp { random.pick(&kinds) } else { Kind::Udp },
        options: false,
    }
}

/// A crowd blocks by the firewall from the first touch, so that the tables fill.
pub(super) fn policy(random: &mut Random, crowd: usize) -> Policy {
    let mut traps = Traps::default();
    TCP.iter()
        .for_each(|port| traps.tcp.add(*port, *port).unwrap());
    UDP.iter()
        .for_each(|port| traps.udp.add(*port, *port).unwrap());
    use Block::{Full, Off, RunOnly};
    let full = crowd > 300 && random.percent(90);
    let block = |random: &mut Random| match full {
        true => Full,
        false => random.pick(&[Full, Full, Full, RunOnly, Off]),
    };
    let trigger = |random: &mut Random, from: &[u32]| if full { 0 } else { random.pick(from) };
    Policy {
        traps,
        block_tcp: block(random),
        block_udp: block(random),
        stop: match full || random.percent(80) {
            true => Stop::Firewall,
            false => Stop::Route,
        },
        scan_trigger: trigger(random, &[0, 0, 1, 2, 3, 5, 9]),
        undone: random.percent(70),
        trigger_ports: trigger(random, &[0, 0, 0, 1, 2, 3, 5]),
        window: span(random, &WINDOWS),
        block_time: span(random, &TIMES),
        block_time_max: span(random, &TIMES_MAX),
        ban_rate_max: random.pick(&[0, 0, 0, 1, 5, 30]),
    }
}

/// The address of the nth source. Every fourth has IPv6: two to a /64, those in nine /56s of one /48.
pub(super) fn address(n: usize) -> IpAddr {
    let n = u16::try_from(n).unwrap();
    let net = n / 8;
    match n % 4 {
        1 => Ipv6Addr::new(0x2001, 0xdb8, 0, ((net % 9) << 8) | (net / 9), 0, 0, 0, n).into(),
        _ => Ipv4Addr::new(198, 51, (n >> 8).try_into().unwrap(), n.to_be_bytes()[1]).into(),
    }
}

/// What the frame is made of besides who is never held.
#[derive(Clone)]
pub(super) struct Ground {
    devices: Vec<&'static str>,
    named: bool,
    hold: Option<Hold>,
    detail: Detail,
}

impl Ground {
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut traps = Ports::new();
        traps.add(1, 111).unwrap();
        let distinct = random.pick(&[Distinct::First, Distinct::Second]);
        Self {
            devices: random
                .pick(&[&[][..], &["eth0"], &["eth0", "pppoe-wan"]])
                .to_vec(),
            named: random.percent(50),
            hold: random.percent(50).then_some(Hold { traps, distinct }),
            detail: random.pick(&[Detail::Full, Detail::NoIngress, Detail::NoHold]),
        }
    }

    pub(super) fn site<'a>(&'a self, never: &'a [portsentry::net::Prefix]) -> Site<'a> {
        let mut datagrams = Ports::new();
        datagrams.add(7, 69).unwrap();
        Site {
            devices: &self.devices,
            named: self.named,
            datagrams,
            hold: self.hold.clone(),
            never,
            detail: self.detail,
        }
    }
}
