//! What a world is made of, drawn at random.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portsentry::judge::ban::Stop;
use portsentry::judge::policy::{Block, Policy};
use portsentry::limits::WINDOW;
use portsentry::see::probe::{Flags, Kind, Probe, Protocol};
use portsentry::see::traps::{Ports, Traps};
use std::time::Duration;

use super::random::Random;

pub(super) const TCP: [u16; 6] = [1, 11, 79, 111, 512, 1080];
pub(super) const UDP: [u16; 4] = [7, 69, 161, 54321];

/// A probe of one source of a crowd; every tenth is to a port that is no trap.
pub(super) fn probe(random: &mut Random, crowd: usize) -> Probe {
    let kinds = [
        Kind::Syn,
        Kind::Syn,
        Kind::Null,
        Kind::Fin,
        Kind::Xmas,
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
    let mut ports = (Ports::new(), Ports::new());
    TCP.iter()
        .for_each(|port| ports.0.add(*port, *port).unwrap());
    UDP.iter()
        .for_each(|port| ports.1.add(*port, *port).unwrap());
    let blocks = [
        Block::Full,
        Block::Full,
        Block::Full,
        Block::RunOnly,
        Block::Off,
    ];
    let full = crowd > 1000 && random.percent(90);
    let mut block = || {
        if full {
            Block::Full
        } else {
            random.pick(&blocks)
        }
    };
    Policy {
        traps: Traps {
            tcp: ports.0,
            udp: ports.1,
        },
        block_tcp: block(),
        block_udp: block(),
        stop: match full || random.percent(80) {
            true => Stop::Firewall,
            false => Stop::Route,
        },
        scan_trigger: if full {
            0
        } else {
            random.pick(&[0, 1, 2, 3, 5, 9])
        },
        undone: true,
        trigger_ports: 0,
        window: WINDOW,
        block_time: Duration::ZERO,
        block_time_max: Duration::ZERO,
        ban_rate_max: 0,
    }
}

/// The address of the nth source; every fourth has IPv6, four of them to a /64.
pub(super) fn address(n: usize) -> IpAddr {
    let n = u16::try_from(n).unwrap();
    match n % 4 {
        1 => Ipv6Addr::new(0x2001, 0xdb8, 0, n / 16, 0, 0, 0, n).into(),
        _ => Ipv4Addr::new(198, 51, (n >> 8).try_into().unwrap(), n.to_be_bytes()[1]).into(),
    }
}
