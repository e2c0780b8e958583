//! Addresses and prefixes.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// The two kinds of IP address; each has its own socket, filter and firewall program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, in the order in which they are served.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A network in CIDR notation. Bits behind the length are zero, so equal networks compare equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

impl Prefix {
    /// The network of `len` bits around `addr`; None if the family has fewer bits.
    pub fn new(addr: IpAddr, len: u8) -> Option<Self> {
        let addr = match addr {
            IpAddr::V4(a) if len <= 32 => {
                IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & mask32(len)))
            }
            IpAddr::V6(a) if len <= 128 => {
                IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & mask128(len)))
            }
            _ => return None,
        };
        Some(Self { addr, len })
    }

    /// The network that holds this address alone.
    pub fn host(addr: IpAddr) -> Self {
        let len = match addr {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        Self { addr, len }
    }

    /// The first address.
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The last address.
    pub fn last(&self) -> IpAddr {
        match self.addr {
            IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits() | !mask32(self.len)).into(),
            IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits() | !mask128(self.len)).into(),
        }
    }

    /// The number of leading bits that count.
    pub fn bits(&self) -> u8 {
        self.len
    }

    /// Whether it is a single address.
    pub fn is_host(&self) -> bool {
        *self == Self::host(self.addr)
    }

    /// Whether `addr` lies inside.
    pub fn contains(&self, addr: IpAddr) -> bool {
        Self::new(addr, self.len) == Some(*self)
    }

    /// Whether some address lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.len <= other.len {
            self.contains(other.addr)
        } else {
            other.contains(self.addr)
        }
    }
}

/// As the firewall programs want it: no length for a single address.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() {
            write!(f, "{}", self.addr)
        } else {
            write!(f, "{}/{}", self.addr, self.len)
        }
    }
}

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAPrefix {
    /// The part before the slash is no IPv4 or IPv6 address.
    Address,
    /// The part after the slash is no number of bits of that family.
    Length,
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    /// `192.0.2.7`, `192.0.2.0/24` (bits behind the length are cut off), the same in IPv6.
    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let (addr, len) = match text.split_once('/') {
            Some((addr, len)) => (addr, Some(len)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| NotAPrefix::Address)?;
        let addr = addr.to_canonical();
        let Some(len) = len else {
            return Ok(Self::host(addr));
        };
        let digits = !len.is_empty() && len.bytes().all(|b| b.is_ascii_digit());
        let len = len.parse().ok().filter(|_| digits);
        len.and_then(|len| Self::new(addr, len))
            .ok_or(NotAPrefix::Length)
    }
}

/// Whether an honest packet can come from this address: not unspecified, loopback, multicast,
/// broadcast or reserved (RFC 6890, RFC 1122 3.2.1.3), nor an IPv4 address in IPv6's clothes.
pub fn may_send(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => {
            let first = a.octets()[0];
            first != 0 && first != 127 && first < 224
        }
        IpAddr::V6(a) => {
            let mapped = a.to_ipv4_mapped().is_some();
            !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || mapped)
        }
    }
}

fn mask32(len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0)
}

fn mask128(len: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let prefix: Prefix = text.parse().unwrap();
        assert_eq!(prefix.to_string(), expected);
    }

    #[test]
    fn a_prefix_loses_the_bits_behind_its_length() {
        check("10.1.2.3", "10.1.2.3");
        check("10.1.2.3/32", "10.1.2.3");
        check("10.1.2.3/8", "10.0.0.0/8");
        check("10.1.2.3/0", "0.0.0.0/0");
        check("2001:DB8:1:2:3::4/64", "2001:db8:1:2::/64");
        check("::1/128", "::1");
        check("::ffff:192.0.2.7", "192.0.2.7");
    }

    #[test]
    fn what_is_no_prefix_says_why() {
        for (text, why) in [
            ("", NotAPrefix::Address),
            ("10.7", NotAPrefix::Address),
            ("010.7.7.2", NotAPrefix::Address),
            ("router.lan", NotAPrefix::Address),
            ("10.0.0.0/33", NotAPrefix::Length),
            ("10.0.0.0/", NotAPrefix::Length),
            ("10.0.0.0/+8", NotAPrefix::Length),
            ("10.0.0.0/255.0.0.0", NotAPrefix::Length),
            ("::/129", NotAPrefix::Length),
        ] {
            assert_eq!(text.parse::<Prefix>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        for (prefix, last) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.128/25", "192.0.2.255"),
            ("0.0.0.0/0", "255.255.255.255"),
            ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"),
            ("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let prefix: Prefix = prefix.parse().unwrap();
            assert_eq!(prefix.last().to_string(), last, "{prefix}");
        }
    }

    #[test]
    fn families_do_not_mix() {
        let all4: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(all4.contains("192.0.2.1".parse().unwrap()));
        assert!(!all4.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn overlap_does_not_depend_on_the_order() {
        let wide: Prefix = "10.0.0.0/8".parse().unwrap();
        let host: Prefix = "10.1.2.3".parse().unwrap();
        let other: Prefix = "11.0.0.0/8".parse().unwrap();
        assert!(wide.overlaps(&host) && host.overlaps(&wide));
        assert!(!wide.overlaps(&other) && !other.overlaps(&host));
    }
}
