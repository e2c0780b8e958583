//! Whoever sends SYNs in the name of others.

use super::core::{Core, syn};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// How forged sources spend their SYNs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// Each touches one trap.
    One,
    /// Each touches four, one after the other.
    Four,
    /// A thousand of them take turns, until each has touched four.
    FourInTurns,
}

impl Shape {
    pub(super) const ALL: [Self; 3] = [Self::One, Self::Four, Self::FourInTurns];
}

pub(super) struct Forger {
    shape: Shape,
    seed: u32,
    sent: u32,
}

impl Forger {
    pub(super) fn new(shape: Shape, seed: u32) -> Self {
        Self {
            shape,
            seed,
            sent: 0,
        }
    }

    /// So many SYNs, ten in a millisecond.
    pub(super) fn send(&mut self, count: u32, core: &mut Core) {
        for _ in 0..count {
            let n = self.sent;
            let (source, touch) = match self.shape {
                Shape::One => (n, 0),
                Shape::Four => (n / 4, n % 4),
                Shape::FourInTurns => (n / 4000 * 1000 + n % 1000, n / 1000 % 4),
            };
            let port = u16::try_from(500 + touch).unwrap();
            let _verdict = core.take(&syn(self.source(source), port));
            self.sent += 1;
            if n % 10 == 9 {
                core.pass(Duration::from_millis(1));
            }
        }
    }

    /// The nth source, never the same twice: every other one has IPv6, each from a site of its own.
    fn source(&self, n: u32) -> IpAddr {
        let scattered = n.wrapping_add(self.seed << 20).wrapping_mul(0x9e37_79b1);
        match n % 2 {
            0 => Ipv4Addr::from_bits(0x0b00_0000 | scattered >> 6).into(),
            _ => Ipv6Addr::from_bits(0x2001 << 112 | u128::from(scattered) << 80 | 1).into(),
        }
    }
}
