//! What a filter is made for, drawn at random, and the frames that arrive there.

use super::machine::Frame;
use crate::fuzz::bytes::{Random, damage, sound};
use crate::lab::packet::tcp;
use portsentry::limits::{DEVICES_MAX, OWN_MAX, RANGES_MAX};
use portsentry::net::Family;
use portsentry::see::filter::{Devices, Insn, Sight, program};
use portsentry::see::probe::Kinds;
use portsentry::see::traps::{Ports, Traps};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) const KINDS: [Kinds; 2] = [Kinds::Classic, Kinds::Extended];

/// What one machine watches, and where it is at home.
pub(super) struct World {
    pub(super) traps: Traps,
    pub(super) own: Vec<IpAddr>,
    pub(super) devices: Vec<u32>,
    pub(super) only: bool,
    pub(super) kinds: Kinds,
}

impl World {
    /// At most so many ranges, addresses and devices; the limits where nothing is said.
    pub(super) fn draw(random: &Random, full: bool) -> Self {
        let upto = |max: usize| if full { max } else { random.below(max.min(8)) };
        let like = random.draw();
        let own = Family::BOTH.map(|family| {
            let addresses = (0..upto(OWN_MAX)).map(|_| addr(random, family, like));
            addresses.collect::<Vec<_>>()
        });
        Self {
            traps: Traps {
                tcp: ports(random, upto(RANGES_MAX)),
                udp: ports(random, upto(RANGES_MAX)),
            },
            own: own.concat(),
            devices: (0..upto(DEVICES_MAX))
                .map(|_| 1 + u32::from(random.byte() % 32))
                .collect(),
            only: random.below(2) == 0,
            kinds: random.pick(&KINDS),
        }
    }

    pub(super) fn program(&self, family: Family) -> Vec<Insn> {
        let devices = match self.only {
            true => Devices::Only(&self.devices),
            false => Devices::AllBut(&self.devices),
        };
        let sight = Sight {
            devices,
            own: &self.own,
            traps: &self.traps,
            kinds: self.kinds,
        };
        program(family, &sight)
    }

    /// Arrived here, on a device that is watched, for an address that is ours.
    pub(super) fn is_ours(&self, frame: &Frame<'_>) -> bool {
        let watched = self.devices.contains(&frame.device) == self.only;
        let to = |at: usize, len: usize| frame.bytes.get(at..at + len);
        let ours = |addr: &IpAddr| match addr {
            IpAddr::V4(a) => frame.bytes[0] >> 4 == 4 && to(16, 4) == Some(&a.octets()),
            IpAddr::V6(a) => frame.bytes[0] >> 4 == 6 && to(24, 16) == Some(&a.octets()),
        };
        frame.packet_type == 0 && watched && self.own.iter().any(ours)
    }

    /// A frame that is likely to be judged late: mostly to us, mostly near the edge of a trap.
    pub(super) fn frame(&self, random: &Random, family: Family) -> (Vec<u8>, u32, u32, bool) {
        let source = addr(random, family, random.draw());
        let ours: Vec<_> = self
            .own
            .iter()
            .filter(|own| Family::of(**own) == family)
            .collect();
        let destination = match ours.is_empty() || random.below(8) == 0 {
            true => addr(random, family, random.draw()),
            false => *random.pick(&ours),
        };
        let traps = random.pick(&[&self.traps.tcp, &self.traps.udp]).ranges();
        let port = match traps.is_empty() || random.below(4) == 0 {
            true => random.port(),
            false => {
                let (first, last) = random.pick(traps);
                random.pick(&[first, last, first.wrapping_sub(1), last.wrapping_add(1)])
            }
        };
        let mut bytes = sound(random, source, destination, port);
        let damaged = random.below(4) == 0;
        if damaged {
            damage(random, &mut bytes, &[]);
        }
        let packet_type = random.pick(&[0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        let strange = u32::from(random.byte() % 40);
        let device = match random.below(4) {
            0 => strange,
            _ if self.only => self.devices.first().copied().unwrap_or(strange),
            _ => 1000,
        };
        (bytes, packet_type, device, damaged)
    }
}

/// Half of the addresses differ from `like` in the last bits only.
fn addr(random: &Random, family: Family, like: u64) -> IpAddr {
    let bits = match random.below(2) {
        0 => like ^ u64::from(random.byte()),
        _ => random.draw(),
    };
    match family {
        Family::V4 => IpAddr::from(u32::try_from(bits & 0xffff_ffff).unwrap().to_be_bytes()),
        Family::V6 => IpAddr::from((0x2001 << 112 | u128::from(bits)).to_be_bytes()),
    }
}

pub(super) fn ports(random: &Random, ranges: usize) -> Ports {
    let mut ports = Ports::new();
    while ports.ranges().len() < ranges {
        let first = random.pick(&[random.port(), random.port(), random.port(), 1, 65535]);
        let longer = random.pick(&[0, 0, 1, 3, u16::from(random.byte())]);
        // What no longer fits may be left out: it is the limit that is wanted.
        let _ = ports.add(first, first.saturating_add(longer));
    }
    ports
}

pub(super) fn listed(ranges: &[(u16, u16)]) -> Ports {
    let mut ports = Ports::new();
    for &(first, last) in ranges {
        ports.add(first, last).unwrap();
    }
    ports
}

/// A world at every limit, whose addresses cost as much as they can: the one that is asked for comes last.
pub(super) fn full(random: &Random, only: bool, kinds: Kinds) -> World {
    let four =
        (0..OWN_MAX).map(|n| IpAddr::from(Ipv4Addr::new(192, 0, 2, u8::try_from(n).unwrap())));
    let six = (0..OWN_MAX).map(|n| {
        IpAddr::from(Ipv6Addr::new(
            0x2001,
            0xdb8,
            0,
            0,
            0,
            0,
            0,
            u16::try_from(n).unwrap(),
        ))
    });
    let devices = 1..=u32::try_from(DEVICES_MAX).unwrap();
    World {
        traps: Traps {
            tcp: ports(random, RANGES_MAX),
            udp: ports(random, RANGES_MAX),
        },
        own: four.chain(six).collect(),
        devices: devices.collect(),
        only,
        kinds,
    }
}

/// An empty TCP segment to the last of our own addresses, as it arrives on the device that is asked for last.
pub(super) fn segment(world: &World, family: Family, port: u16, flags: &str) -> Vec<u8> {
    let ours = world.own.iter().rfind(|own| Family::of(**own) == family);
    let from = match family {
        Family::V4 => IpAddr::from(Ipv4Addr::new(198, 51, 100, 7)),
        Family::V6 => IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 7)),
    };
    tcp(
        SocketAddr::new(from, 40_000),
        SocketAddr::new(*ours.unwrap(), port),
        flags,
    )
}

pub(super) fn arrived<'a>(world: &World, bytes: &'a [u8]) -> Frame<'a> {
    let last = world.devices.last().copied().unwrap();
    Frame {
        bytes,
        packet_type: 0,
        device: if world.only { last } else { last + 1 },
    }
}
