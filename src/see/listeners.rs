//! Our own services, as `/proc/net/{tcp,tcp6,udp,udp6}` lists them: a port with a service is no trap.
//!
//! 1.2 found out by binding and listening itself, which opened the port to the scanner for a moment
//! and took a service on 127.0.0.1 for one on every address.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::HALF_OPEN_MAX;
use crate::see::probe::Protocol;

/// A socket that receives what anybody sends to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its address; unspecified for "any".
    pub addr: IpAddr,
    /// Its port.
    pub port: u16,
    /// It is known to be for IPv6 alone, `IPV6_V6ONLY` of ipv6(7).
    pub only_v6: bool,
}

impl Listener {
    /// Whether a packet to `destination` and `port` reaches it. A socket on `::` serves IPv4 as well, unless
    /// it is known that it does not: a service taken for a trap would be the worse mistake.
    pub fn serves(&self, destination: IpAddr, port: u16) -> bool {
        let any = match self.addr {
            IpAddr::V4(a) => a.is_unspecified() && destination.is_ipv4(),
            IpAddr::V6(a) => a.is_unspecified() && (destination.is_ipv6() || !self.only_v6),
        };
        self.port == port && (any || self.addr == destination)
    }
}

/// One line of such a list (Documentation/networking/proc_net_tcp.rst), if it is a listener: in TCP the
/// state LISTEN, in UDP any bound socket.
pub fn listener_of_line(line: &str, protocol: Protocol) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    if protocol == Protocol::Tcp && state != "0A" {
        return None;
    }
    let (addr, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let addr = address(addr)?;
    Some(Listener {
        addr,
        port,
        only_v6: false,
    })
}

/// What the lines of TCP's list have said so far about what comes behind them. The list begins with the listeners
/// (tcp_get_idx in net/ipv4/tcp_ipv4.c), and behind them come all connections: many, on a busy machine.
#[derive(Debug, Default)]
pub struct Progress {
    half_open: usize,
}

impl Progress {
    /// Whether a listener may stand behind this line. Kernels before 4.4 list half-open connections, state 03,
    /// among the listeners; later ones behind them, and a flood of SYNs makes them the most of all. So some are
    /// passed over.
    pub fn goes_on(&mut self, line: &str, protocol: Protocol) -> bool {
        let state = line.split_ascii_whitespace().nth(3);
        match state.filter(|_| protocol == Protocol::Tcp) {
            Some("03") => {
                self.half_open += 1;
                self.half_open <= HALF_OPEN_MAX
            }
            // The first line is the head of the table.
            Some(state) => matches!(state, "0A" | "st"),
            None => true,
        }
    }
}

/// The address is printed as 32-bit words in the machine's own byte order.
fn address(hex: &str) -> Option<IpAddr> {
    let mut words = [0u32; 4];
    let count = hex.len() / 8;
    for (at, word) in words.iter_mut().enumerate().take(count) {
        *word = u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()?;
    }
    let [a, b, c, d] = words.map(u32::to_ne_bytes);
    match count {
        1 => Some(Ipv4Addr::from(a).into()),
        4 => {
            let bits = [a, b, c, d].map(u32::from_be_bytes);
            let addr = bits
                .iter()
                .fold(0, |sum, &word| sum << 32 | u128::from(word));
            Some(Ipv6Addr::from_bits(addr).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn lines_of_a_little_endian_kernel() {
        let tcp =
            "   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1";
        let any =
            "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1";
        let open =
            "   2: 0202000A:0050 0300000A:1234 01 00000000:00000000 00:00000000 00000000 0 0 1";
        let six = "   0: 00000000000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 0";
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when";
        let found =
            |line| listener_of_line(line, Protocol::Tcp).map(|l| (l.addr.to_string(), l.port));
        assert_eq!(found(tcp), Some(("127.0.0.1".into(), 25)));
        assert_eq!(found(any), Some(("0.0.0.0".into(), 80)));
        assert_eq!(found(six), Some(("::1".into(), 25)));
        assert_eq!(found(open), None);
        assert_eq!(found(head), None);
        assert!(listener_of_line(open, Protocol::Udp).is_some());
        let mut progress = Progress::default();
        let mut goes_on = |line: &str| progress.goes_on(line, Protocol::Tcp);
        let half_open = open.replace(" 01 ", " 03 ");
        assert!(goes_on(head) && goes_on(tcp) && !goes_on(open));
        assert!((0..HALF_OPEN_MAX).all(|_| goes_on(&half_open)));
        assert!(!goes_on(&half_open) && goes_on(tcp));
        assert!(Progress::default().goes_on(open, Protocol::Udp));
    }

    #[test]
    fn a_service_is_known_by_its_address() {
        let at = |addr: &str| Listener {
            addr: addr.parse().unwrap(),
            port: 25,
            only_v6: false,
        };
        let wan: IpAddr = "203.0.113.5".parse().unwrap();
        let wan6: IpAddr = "2001:db8::5".parse().unwrap();
        assert!(
            at("0.0.0.0").serves(wan, 25) && at("::").serves(wan, 25) && at("::").serves(wan6, 25)
        );
        assert!(at("203.0.113.5").serves(wan, 25));
        assert!(!at("127.0.0.1").serves(wan, 25));
        assert!(!at("0.0.0.0").serves(wan6, 25));
        assert!(!at("0.0.0.0").serves(wan, 26));
        let only_v6 = Listener {
            only_v6: true,
            ..at("::")
        };
        assert!(!only_v6.serves(wan, 25) && only_v6.serves(wan6, 25));
    }
}
