//! Datagrams whose ports say what they are, where the kernel cannot: its memory of what we asked does not reach
//! everywhere.

use crate::see::probe::{Probe, Protocol};

/// Whether it is a word between a DHCP client and a server: RFC 2131, 4.1, and RFC 8415, 7.2. A client such as
/// busybox's asks through a packet socket, past connection tracking, and has no other; so the answer looks like
/// nobody's. A scanner who puts on these ports hides a touch of a single trap.
pub fn is_dhcp(probe: &Probe) -> bool {
    let ports = (probe.source_port, probe.port);
    probe.protocol == Protocol::Udp
        && matches!(ports, (67, 68) | (68, 67) | (546, 547) | (547, 546))
}

/// Whether it comes from where DNS and NTP answer. It means something only on a machine that tracks no
/// connections, where a late answer cannot be told from a probe by anything else.
pub fn may_answer(probe: &Probe) -> bool {
    probe.protocol == Protocol::Udp && matches!(probe.source_port, 53 | 123)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::Kind;

    #[test]
    fn ports_that_explain_a_datagram() {
        for (protocol, from, to, dhcp, answer) in [
            (Protocol::Udp, 67, 68, true, false),
            (Protocol::Udp, 68, 67, true, false),
            (Protocol::Udp, 547, 546, true, false),
            (Protocol::Udp, 546, 547, true, false),
            (Protocol::Udp, 67, 69, false, false),
            (Protocol::Udp, 40000, 68, false, false),
            (Protocol::Udp, 67, 547, false, false),
            (Protocol::Udp, 53, 32771, false, true),
            (Protocol::Udp, 123, 123, false, true),
            (Protocol::Udp, 32771, 53, false, false),
            (Protocol::Tcp, 67, 68, false, false),
            (Protocol::Tcp, 53, 111, false, false),
        ] {
            let probe = Probe {
                source: "192.0.2.1".parse().unwrap(),
                destination: "192.0.2.2".parse().unwrap(),
                source_port: from,
                port: to,
                protocol,
                kind: Kind::Udp,
                options: false,
            };
            let found = (is_dhcp(&probe), may_answer(&probe));
            assert_eq!(found, (dhcp, answer), "{protocol} {from} {to}");
        }
    }
}
