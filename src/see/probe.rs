//! A probe: one contact with a trap port.

use core::fmt;
use core::net::IpAddr;

/// The transport protocol of a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Both, in the order in which they are served.
    pub const BOTH: [Self; 2] = [Self::Tcp, Self::Udp];

    /// The number in the IP header (IANA).
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl Protocol {
    /// Its name in answers; `Display` has that of the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// As in 1.2's log lines.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

/// How a protocol's traps are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bound sockets; a TCP probe is a finished handshake.
    Connect,
    /// Packet sockets; nothing is bound, nothing answers.
    Stealth,
    /// The same for every port of a range that is neither in use nor excluded.
    Advanced,
}

impl Mode {
    /// All, in the order of 1.2's usage.
    pub const ALL: [Self; 3] = [Self::Connect, Self::Stealth, Self::Advanced];

    /// Whether packet sockets see its probes, rather than bound ones.
    pub fn sees_packets(self) -> bool {
        self != Self::Connect
    }

    /// What 1.2 calls by this name: `stcp` is stealth for TCP.
    pub fn named(name: &str) -> Option<(Protocol, Self)> {
        let both = Protocol::BOTH.into_iter();
        let mut all = both.flat_map(|protocol| Self::ALL.map(|mode| (protocol, mode)));
        all.find(|(protocol, mode)| mode.name(*protocol) == name)
    }

    /// Our name of the mode.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Stealth => "stealth",
            Self::Advanced => "advanced",
        }
    }

    /// 1.2's name of the mode: flag, `$MODE$` and suffix of the blocked file.
    pub fn name(self, protocol: Protocol) -> &'static str {
        match (self, protocol) {
            (Self::Connect, Protocol::Tcp) => "tcp",
            (Self::Connect, Protocol::Udp) => "udp",
            (Self::Stealth, Protocol::Tcp) => "stcp",
            (Self::Stealth, Protocol::Udp) => "sudp",
            (Self::Advanced, Protocol::Tcp) => "atcp",
            (Self::Advanced, Protocol::Udp) => "audp",
        }
    }
}

/// What sort of probe it was: 1.2's kinds, and a fragment too short to tell (`nmap -f`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A finished TCP handshake, or a datagram that a trap socket received.
    Connect,
    /// SYN and nothing else.
    Syn,
    /// No flag at all.
    Null,
    /// FIN and nothing else.
    Fin,
    /// FIN, URG and PSH, with or without SYN.
    Xmas,
    /// Other flags; with ACK or RST among the extended kinds only.
    Unknown(Flags),
    /// The first fragment of a TCP segment, cut before its flags.
    Fragment,
    /// A UDP datagram.
    Udp,
}

/// Which kinds of probes are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// 1.2's.
    #[default]
    Classic,
    /// ACK, Maimon, window and all-flags scans as well, on TCP traps below 1024.
    Extended,
}

impl Kinds {
    /// Below this port are the extended kinds looked for. Above it the answers to all that we and the LAN begin
    /// come in, each of them with ACK: they would wake us for every packet of a download.
    pub const EXTENDED_BELOW: u16 = 1024;

    /// The kinds that are looked for on one port.
    pub fn on(self, port: u16) -> Self {
        match port < Self::EXTENDED_BELOW {
            true => self,
            false => Self::Classic,
        }
    }
}

/// TCP flags, the low six bits of byte 13 of the header (RFC 9293, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// FIN.
    pub const FIN: Self = Self(0x01);
    /// SYN.
    pub const SYN: Self = Self(0x02);
    /// RST.
    pub const RST: Self = Self(0x04);
    /// PSH.
    pub const PSH: Self = Self(0x08);
    /// ACK.
    pub const ACK: Self = Self(0x10);
    /// URG.
    pub const URG: Self = Self(0x20);

    /// From byte 13 of the TCP header; ECE and CWR say nothing about a probe and are cut off.
    pub fn from_byte(byte: u8) -> Self {
        Self(byte & 0x3f)
    }

    /// Whether all of `flags` are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// What a segment with these flags is, in 1.2's order. With ACK or RST it answers something, or pretends
    /// to: that is None, or 1.2's words for what it does not know where the extended kinds are looked for.
    pub fn kind(self, kinds: Kinds) -> Option<Kind> {
        let xmas = Self(Self::FIN.0 | Self::URG.0 | Self::PSH.0);
        if self.has(Self::ACK) || self.has(Self::RST) {
            let looked_for = kinds == Kinds::Extended && !self.is_backscatter();
            return looked_for.then_some(Kind::Unknown(self));
        }
        Some(match self {
            Self(0) => Kind::Null,
            flags if flags.has(xmas) => Kind::Xmas,
            Self::FIN => Kind::Fin,
            Self::SYN => Kind::Syn,
            flags => Kind::Unknown(flags),
        })
    }

    /// Whether a host sends us such a segment when somebody forged one to it in our name: SYN-ACK, RST, RST-ACK
    /// (RFC 9293, 3.10.7). SYN together with FIN or RST comes from no stack.
    fn is_backscatter(self) -> bool {
        match self.has(Self::SYN) {
            true => !self.has(Self::FIN) && !self.has(Self::RST),
            false => self.has(Self::RST),
        }
    }
}

/// One contact with a port that may be a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Where it says that it comes from.
    pub source: IpAddr,
    /// Which of our addresses it went to.
    pub destination: IpAddr,
    /// Its source port, host byte order; 0 where it is not known.
    pub source_port: u16,
    /// The port it touched, host byte order.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// What sort of probe it was.
    pub kind: Kind,
    /// Whether the IPv4 header carried options.
    pub options: bool,
}

impl Probe {
    /// Whether the source is proven: it answered what we sent to it.
    pub fn verified(&self) -> bool {
        self.protocol == Protocol::Tcp && self.kind == Kind::Connect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_judged_in_the_order_of_1_2() {
        let unknown = |byte| Some(Kind::Unknown(Flags(byte)));
        for (byte, kind) in [
            (0x00, Some(Kind::Null)),
            (0x01, Some(Kind::Fin)),
            (0x02, Some(Kind::Syn)),
            (0xc2, Some(Kind::Syn)), // SYN with ECE and CWR: an honest client with ECN
            (0x29, Some(Kind::Xmas)),
            (0x2b, Some(Kind::Xmas)),
            (0x03, unknown(0x03)),
            (0x08, unknown(0x08)),
            (0x20, unknown(0x20)),
            (0x10, None),
            (0x12, None),
            (0x04, None),
            (0x39, None),
            (0x3f, None),
        ] {
            let flags = Flags::from_byte(byte);
            assert_eq!(flags.kind(Kinds::Classic), kind, "{byte:#04x}");
            // The extended kinds take nothing away.
            let extended = flags.kind(Kinds::Extended);
            assert!(kind.is_none() || kind == extended, "{byte:#04x}");
        }
    }

    #[test]
    fn what_answers_nothing_is_an_extended_kind_and_backscatter_is_none() {
        for (byte, is_probe) in [
            (0x10, true),  // ACK: `nmap -sA`, `-sW`
            (0x11, true),  // FIN ACK: `nmap -sM`
            (0x18, true),  // PSH ACK
            (0x39, true),  // ACK URG PSH FIN
            (0x3f, true),  // `nmap --scanflags all`
            (0x06, true),  // SYN RST
            (0x13, true),  // SYN FIN ACK
            (0x12, false), // SYN ACK
            (0xd2, false), // SYN ACK with ECE and CWR
            (0x1a, false), // SYN ACK PSH
            (0x04, false), // RST
            (0x14, false), // RST ACK
            (0x15, false), // RST ACK FIN
        ] {
            let flags = Flags::from_byte(byte);
            let kind = is_probe.then_some(Kind::Unknown(flags));
            assert_eq!(flags.kind(Kinds::Extended.on(1023)), kind, "{byte:#04x}");
            assert_eq!(flags.kind(Kinds::Extended.on(1024)), None, "{byte:#04x}");
            assert_eq!(flags.kind(Kinds::Classic.on(1023)), None, "{byte:#04x}");
        }
    }
}
