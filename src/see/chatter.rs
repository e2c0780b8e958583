//! Datagrams whose ports say what they are, where the kernel cannot: its memory of what we asked does not reach
//! everywhere.

use crate::see::probe::{Flags, Kind, Probe, Protocol};

/// Whether it is a word between a DHCP client and a server: RFC 2131, 4.1, and RFC 8415, 7.2. A client such as
/// busybox's asks through a packet socket, past connection tracking, and has no other; so the answer looks like
/// nobody's. A scanner who puts on these ports hides a touch of a single trap.
pub fn is_dhcp(probe: &Probe) -> bool {
    let ports = (probe.source_port, probe.port);
    probe.protocol == Protocol::Udp
        && matches!(ports, (67, 68) | (68, 67) | (546, 547) | (547, 546))
}

/// Whether it comes from where DNS and NTP answer, or is a TCP segment of the middle of a connection. It means
/// something only on a machine that tracks no connections, where an answer cannot be told from a probe by
/// anything else.
pub fn may_answer(probe: &Probe) -> bool {
    match probe.kind {
        Kind::Udp | Kind::Connect => {
            probe.protocol == Protocol::Udp && matches!(probe.source_port, 53 | 123)
        }
        Kind::Unknown(flags) => flags.has(Flags::ACK) && !flags.has(Flags::SYN),
        Kind::Syn | Kind::Null | Kind::Fin | Kind::Xmas | Kind::Fragment => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::Kinds;

    fn probe(kind: Kind, from: u16, to: u16) -> Probe {
        Probe {
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
            source_port: from,
            port: to,
            protocol: match kind {
                Kind::Udp => Protocol::Udp,
                _ => Protocol::Tcp,
            },
            kind,
            options: false,
        }
    }

    #[test]
    fn ports_that_explain_a_datagram() {
        for (kind, from, to, dhcp, answer) in [
            (Kind::Udp, 67, 68, true, false),
            (Kind::Udp, 68, 67, true, false),
            (Kind::Udp, 547, 546, true, false),
            (Kind::Udp, 546, 547, true, false),
            (Kind::Udp, 67, 69, false, false),
            (Kind::Udp, 40000, 68, false, false),
            (Kind::Udp, 67, 547, false, false),
            (Kind::Udp, 53, 32771, false, true),
            (Kind::Udp, 123, 123, false, true),
            (Kind::Udp, 32771, 53, false, false),
            (Kind::Syn, 67, 68, false, false),
            (Kind::Syn, 53, 111, false, false),
        ] {
            let probe = probe(kind, from, to);
            let found = (is_dhcp(&probe), may_answer(&probe));
            assert_eq!(found, (dhcp, answer), "{kind:?} {from} {to}");
        }
    }

    #[test]
    fn a_segment_of_the_middle_of_a_connection_may_answer() {
        for (byte, answer) in [
            (0x10, true),  // ACK
            (0x11, true),  // FIN ACK
            (0x18, true),  // PSH ACK
            (0x3f, false), // all
            (0x03, false), // SYN FIN
            (0x08, false), // PSH
        ] {
            let kind = Flags::from_byte(byte).kind(Kinds::Extended).unwrap();
            assert_eq!(may_answer(&probe(kind, 2049, 700)), answer, "{byte:#04x}");
        }
    }
}
