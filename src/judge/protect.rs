//! Who is never banned.

use core::net::IpAddr;

use crate::net::{Prefix, may_send};
use crate::surroundings::Surroundings;

/// The ignore list; whoever reads it keeps it to `IGNORED_MAX`.
pub type Ignored = Vec<Prefix>;

/// What may be done about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No honest packet comes from there: martian, or one of our own addresses.
    Forged,
    /// The owner's ignore list has it: not logged, not counted, not banned.
    Ignored,
    /// A gateway of ours: logged, never banned.
    Gateway,
    /// Anybody else.
    Open,
}

/// All who are never banned: kept up to date by the shell, asked by the detector, and asked once more by
/// whoever writes to the firewall.
#[derive(Debug, Default)]
pub struct Protect {
    /// Own addresses, gateways, broadcast addresses.
    pub surroundings: Surroundings,
    /// The ignore list.
    pub ignored: Ignored,
}

impl Protect {
    /// What may be done about a source.
    pub fn guard(&self, addr: IpAddr) -> Guard {
        let around = &self.surroundings;
        if self.ignored.iter().any(|prefix| prefix.contains(addr)) {
            return Guard::Ignored;
        }
        if !may_send(addr) || around.own.contains(&addr) || around.broadcasts.contains(&addr) {
            return Guard::Forged;
        }
        if around.gateways.contains(&addr) {
            return Guard::Gateway;
        }
        Guard::Open
    }

    /// All prefixes that are protected for what they are, besides our own addresses.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        let gateways = self.surroundings.gateways.iter();
        let ignored = self.ignored.iter().copied();
        ignored.chain(gateways.map(|addr| Prefix::host(*addr)))
    }

    /// What an address stands for: itself in IPv4, its /64 in IPv6, because one host owns a whole /64 and
    /// has a fresh address for every probe. Where somebody protected lives in that /64 it stands for
    /// itself only.
    pub fn source(&self, addr: IpAddr) -> Prefix {
        let host = Prefix::host(addr);
        match Prefix::new(addr, 64) {
            Some(wide) if addr.is_ipv6() && !self.covers(&wide) => wide,
            _ => host,
        }
    }

    /// Whether a ban of `prefix` would hit somebody protected.
    pub fn covers(&self, prefix: &Prefix) -> bool {
        let around = &self.surroundings;
        let ours = around.own.iter().chain(&around.gateways);
        let mut ours = ours.chain(&around.broadcasts);
        ours.any(|addr| prefix.contains(*addr))
            || self.ignored.iter().any(|other| prefix.overlaps(other))
            || !may_send(prefix.addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protect() -> Protect {
        let mut protect = Protect::default();
        let around = &mut protect.surroundings;
        around.add_own("203.0.113.5".parse().unwrap());
        around.add_own("2001:db8:1::1".parse().unwrap());
        around.add_gateway("203.0.113.1".parse().unwrap());
        around.add_gateway("fe80::1".parse().unwrap());
        around.add_broadcast("203.0.113.255".parse().unwrap());
        let ignored: [Prefix; 2] = ["198.51.100.0/24", "2001:db8:7::9"].map(|p| p.parse().unwrap());
        protect.ignored.extend(ignored);
        protect
    }

    #[test]
    fn each_address_has_its_guard() {
        for (addr, guard) in [
            ("203.0.113.5", Guard::Forged),
            ("203.0.113.255", Guard::Forged),
            ("255.255.255.255", Guard::Forged),
            ("0.0.0.0", Guard::Forged),
            ("127.0.0.1", Guard::Forged),
            ("224.0.0.251", Guard::Forged),
            ("::", Guard::Forged),
            ("::1", Guard::Forged),
            ("::ffff:192.0.2.1", Guard::Forged),
            ("ff02::1", Guard::Forged),
            ("2001:db8:1::1", Guard::Forged),
            ("203.0.113.1", Guard::Gateway),
            ("fe80::1", Guard::Gateway),
            ("198.51.100.77", Guard::Ignored),
            ("2001:db8:7::9", Guard::Ignored),
            ("203.0.113.4", Guard::Open),
            ("2001:db8:1::2", Guard::Open),
            ("2001:db8:7::8", Guard::Open),
        ] {
            assert_eq!(protect().guard(addr.parse().unwrap()), guard, "{addr}");
        }
    }

    #[test]
    fn a_source_is_a_64_unless_somebody_protected_lives_there() {
        for (addr, source) in [
            ("203.0.113.4", "203.0.113.4"),
            ("2001:db8:2::2", "2001:db8:2::/64"),
            ("2001:db8:1::2", "2001:db8:1::2"),
            ("2001:db8:7::8", "2001:db8:7::8"),
            ("fe80::2", "fe80::2"),
        ] {
            let source_of = protect().source(addr.parse().unwrap());
            assert_eq!(source_of.to_string(), source, "{addr}");
        }
    }
}
