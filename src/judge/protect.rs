//! Who is never banned.

use core::fmt;
use core::net::IpAddr;

use crate::limits::RESOLVERS_MAX;
use crate::net::{Prefix, may_send};
use crate::surroundings::Surroundings;

/// The ignore list; whoever reads it keeps it to `IGNORED_MAX`.
pub type Ignored = Vec<Prefix>;

/// The resolvers in use.
pub type Resolvers = heapless::Vec<IpAddr, RESOLVERS_MAX>;

/// What may be done about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No honest packet comes from there: martian, or one of our own addresses.
    Forged,
    /// The owner's ignore list has it: not logged, not counted, not banned.
    Ignored,
    /// By this rule it is logged, and never banned. Its packet may well be forged.
    Protected(Rule),
    /// Anybody else.
    Open,
}

/// Why somebody is never banned, and whom exactly the rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The owner's ignore list has this network.
    Ignored(Prefix),
    /// Unspecified, loopback, multicast, reserved.
    Martian,
    /// One of our own addresses.
    Own(IpAddr),
    /// The broadcast address of a network of ours.
    Broadcast(IpAddr),
    /// A default route leads there.
    Gateway(IpAddr),
    /// A resolver in use.
    Resolver(IpAddr),
    /// The network of a device that is not watched.
    Lan(Prefix),
}

/// For whoever asks why, or may not ban by hand. It names whom the rule is about, because that may be less than
/// what was asked for: the gateway in a network, or more: the network of a host.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored(prefix) => write!(f, "{prefix} is on the ignore list"),
            Self::Martian => f.write_str("no honest packet comes from there"),
            Self::Own(addr) => write!(f, "{addr} is an address of this machine"),
            Self::Broadcast(addr) => write!(f, "{addr} is a broadcast address of this machine"),
            Self::Gateway(addr) => write!(f, "{addr} is a gateway of this machine"),
            Self::Resolver(addr) => write!(f, "{addr} is a resolver in use"),
            Self::Lan(prefix) => {
                write!(f, "{prefix} is the network of a device that is not watched")
            }
        }
    }
}

/// All who are never banned: kept up to date by the shell, asked by the detector, and asked once more by
/// whoever writes to the firewall.
#[derive(Debug, Default)]
pub struct Protect {
    /// Own addresses, gateways, broadcast addresses, networks that are not watched.
    pub surroundings: Surroundings,
    /// The resolvers in use.
    pub resolvers: Resolvers,
    /// The ignore list.
    pub ignored: Ignored,
}

impl Protect {
    /// What may be done about a source.
    pub fn guard(&self, addr: IpAddr) -> Guard {
        match self.rule(&Prefix::host(addr)) {
            None => Guard::Open,
            Some(Rule::Ignored(_)) => Guard::Ignored,
            Some(Rule::Martian | Rule::Own(_) | Rule::Broadcast(_)) => Guard::Forged,
            Some(rule) => Guard::Protected(rule),
        }
    }

    /// Why a ban of `prefix` would hit somebody protected; of several reasons the first in the order of [`Rule`].
    pub fn rule(&self, prefix: &Prefix) -> Option<Rule> {
        let around = &self.surroundings;
        let network = |list: &[Prefix]| list.iter().copied().find(|other| prefix.overlaps(other));
        let host = |list: &[IpAddr]| list.iter().copied().find(|addr| prefix.contains(*addr));
        if let Some(ignored) = network(&self.ignored) {
            return Some(Rule::Ignored(ignored));
        }
        // What is reserved begins or ends every network that it is a part of, and fills every one in it.
        if !may_send(prefix.addr()) || !may_send(prefix.last()) {
            return Some(Rule::Martian);
        }
        let own = host(&around.own).map(Rule::Own);
        own.or_else(|| host(&around.broadcasts).map(Rule::Broadcast))
            .or_else(|| host(&around.gateways).map(Rule::Gateway))
            .or_else(|| host(&self.resolvers).map(Rule::Resolver))
            .or_else(|| network(&around.lans).map(Rule::Lan))
    }

    /// All prefixes that are protected for what they are, besides our own addresses.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        let around = &self.surroundings;
        let hosts = around.gateways.iter().chain(&self.resolvers);
        let networks = self.ignored.iter().chain(&around.lans).copied();
        networks.chain(hosts.map(|addr| Prefix::host(*addr)))
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
        self.rule(prefix).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A router whose WAN alone is watched.
    fn protect() -> Protect {
        let mut protect = Protect::default();
        let addr = |text: &str| text.parse().unwrap();
        let around = &mut protect.surroundings;
        around.add_own(addr("203.0.113.5"));
        around.add_own(addr("192.168.1.1"));
        around.add_own(addr("2001:db8:1::1"));
        around.add_gateway(addr("203.0.113.1"));
        around.add_gateway(addr("fe80::1"));
        around.add_broadcast(addr("203.0.113.255"));
        around.add_broadcast(addr("192.168.1.255"));
        around.add_lan("192.168.1.0/24".parse().unwrap());
        around.add_lan("2001:db8:2:a0::/60".parse().unwrap());
        let resolvers = ["203.0.113.1", "9.9.9.9", "2001:db8:53::1"].map(addr);
        protect.resolvers.extend(resolvers);
        let ignored: [Prefix; 2] = ["198.51.100.0/24", "2001:db8:7::9"].map(|p| p.parse().unwrap());
        protect.ignored.extend(ignored);
        protect
    }

    #[test]
    fn each_address_has_its_guard() {
        let forged = "203.0.113.5 203.0.113.255 192.168.1.1 192.168.1.255 255.255.255.255 0.0.0.0 \
                      127.0.0.1 224.0.0.251 :: ::1 ::ffff:192.0.2.1 ff02::1 2001:db8:1::1";
        let ignored = "198.51.100.77 2001:db8:7::9";
        let open = "203.0.113.4 192.168.2.2 2001:db8:1::2 2001:db8:7::8 2001:db8:2:b0::1 fe80::2";
        for (list, guard) in [
            (forged, Guard::Forged),
            (ignored, Guard::Ignored),
            (open, Guard::Open),
        ] {
            for addr in list.split(' ') {
                assert_eq!(protect().guard(addr.parse().unwrap()), guard, "{addr}");
            }
        }
        let logged = "203.0.113.1 fe80::1 9.9.9.9 2001:db8:53::1 192.168.1.99 2001:db8:2:af::7";
        for addr in logged.split(' ') {
            let guard = protect().guard(addr.parse().unwrap());
            assert!(matches!(guard, Guard::Protected(_)), "{addr}: {guard:?}");
        }
    }

    /// What `why` and a refused ban say.
    #[test]
    fn the_rule_is_named_in_words() {
        for (prefix, words) in [
            ("198.51.100.7", "198.51.100.0/24 is on the ignore list"),
            ("198.51.0.0/16", "198.51.100.0/24 is on the ignore list"),
            ("127.0.0.1", "no honest packet comes from there"),
            ("203.0.113.5", "203.0.113.5 is an address of this machine"),
            (
                "203.0.113.255",
                "203.0.113.255 is a broadcast address of this machine",
            ),
            // It is a resolver as well, as in most homes.
            ("203.0.113.1", "203.0.113.1 is a gateway of this machine"),
            ("203.0.113.0/30", "203.0.113.1 is a gateway of this machine"),
            ("9.0.0.0/8", "9.9.9.9 is a resolver in use"),
            ("2001:db8:53::/48", "2001:db8:53::1 is a resolver in use"),
            (
                "192.168.1.7",
                "192.168.1.0/24 is the network of a device that is not watched",
            ),
            (
                "192.168.1.8/29",
                "192.168.1.0/24 is the network of a device that is not watched",
            ),
            (
                "2001:db8:2:a5::/64",
                "2001:db8:2:a0::/60 is the network of a device that is not watched",
            ),
            (
                "2001:db8:2::/48",
                "2001:db8:2:a0::/60 is the network of a device that is not watched",
            ),
        ] {
            let rule = protect().rule(&prefix.parse().unwrap());
            assert_eq!(
                rule.map(|rule| rule.to_string()).as_deref(),
                Some(words),
                "{prefix}"
            );
        }
        for prefix in [
            "203.0.113.6/31",
            "2001:db8:54::/48",
            "192.168.0.0/24",
            "8.0.0.0/8",
        ] {
            assert_eq!(protect().rule(&prefix.parse().unwrap()), None, "{prefix}");
        }
    }

    /// Nobody knows of a loopback address here: it is about the networks alone.
    #[test]
    fn a_network_with_something_reserved_in_it_is_reserved() {
        let nobody = Protect::default();
        let reserved = "0.0.0.0/0 0.0.0.0/7 126.0.0.0/7 64.0.0.0/2 127.1.0.0/16 192.0.0.0/2 240.0.0.0/4 \
                        ::/0 ::/64 ::/16 ::fffe:0:0/95 ff02::/16 fe00::/7";
        for prefix in reserved.split(' ') {
            let rule = nobody.rule(&prefix.parse().unwrap());
            assert_eq!(rule, Some(Rule::Martian), "{prefix}");
        }
        for prefix in "1.0.0.0/8 126.0.0.0/8 128.0.0.0/2 2000::/3 fe80::/10 1::/64".split(' ') {
            assert_eq!(nobody.rule(&prefix.parse().unwrap()), None, "{prefix}");
        }
    }

    /// Besides our own addresses, which never come from outside.
    #[test]
    fn the_kernel_is_told_of_everybody_who_is_protected() {
        let told: Vec<String> = protect().prefixes().map(|p| p.to_string()).collect();
        let everybody = "198.51.100.0/24 2001:db8:7::9 192.168.1.0/24 2001:db8:2:a0::/60 \
                         203.0.113.1 fe80::1 203.0.113.1 9.9.9.9 2001:db8:53::1";
        assert_eq!(told.join(" "), everybody);
    }

    #[test]
    fn a_source_is_a_64_unless_somebody_protected_lives_there() {
        for (addr, source) in [
            ("203.0.113.4", "203.0.113.4"),
            ("2001:db8:2::2", "2001:db8:2::/64"),
            ("2001:db8:1::2", "2001:db8:1::2"),
            ("2001:db8:7::8", "2001:db8:7::8"),
            ("2001:db8:53::2", "2001:db8:53::2"),
            ("2001:db8:2:af::2", "2001:db8:2:af::2"),
            ("fe80::2", "fe80::2"),
        ] {
            let source_of = protect().source(addr.parse().unwrap());
            assert_eq!(source_of.to_string(), source, "{addr}");
        }
    }
}
