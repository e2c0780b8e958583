//! Whose packet it was: what the kernel's connection tracking knows about it.
//!
//! A packet socket sees packets before NAT, so answers to our own queries and to those of masqueraded
//! LAN clients arrive on any port, and visitors of a forwarded port arrive on that port. Ten of 1.2's
//! 21 UDP traps lie in the range where such answers come in.

use core::net::IpAddr;

use crate::see::probe::{Probe, Protocol};

/// Whose business a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// Nobody's: a probe.
    Nobody,
    /// A service of ours listens there, or has a connection with the sender.
    Us,
    /// An answer to something that we, or somebody behind us, began.
    Reply,
    /// Its connection is led elsewhere (DNAT, REDIRECT).
    Forwarded,
    /// It could not be found out.
    Unknown,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Sender's port.
    pub source_port: u16,
    /// Receiver's port.
    pub port: u16,
}

impl Tuple {
    /// The direction in which the probe came.
    pub fn of(probe: &Probe) -> Self {
        Self {
            source: probe.source,
            destination: probe.destination,
            source_port: probe.source_port,
            port: probe.port,
        }
    }
}

/// A tracked connection: as it began, and as its answers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As the first packet went, before NAT.
    pub original: Tuple,
    /// As an answer comes in, before NAT is undone.
    pub reply: Tuple,
    /// Both sides have taken part in it: of TCP, a whole handshake at least (nf_conntrack_tcp_packet in
    /// net/netfilter/nf_conntrack_proto_tcp.c).
    pub assured: bool,
}

impl Entry {
    /// Whose the probe is if this is its connection; None if it is another's.
    ///
    /// A probe makes an entry of its own when the firewall lets it in; then answers would come from
    /// the very address and port that it went to. An assured one is no probe's: whoever was connected stays so
    /// when the service listens no more, as sshd's sessions do while it is started anew.
    pub fn belongs(&self, probe: &Probe) -> Option<Belongs> {
        let tuple = Tuple::of(probe);
        if tuple == self.reply {
            return Some(Belongs::Reply);
        }
        if tuple != self.original {
            return None;
        }
        let answered_here =
            self.reply.source == probe.destination && self.reply.source_port == probe.port;
        Some(match (answered_here, self.assured) {
            (true, false) => Belongs::Nobody,
            (true, true) => Belongs::Us,
            (false, _) => Belongs::Forwarded,
        })
    }
}

/// One line of `/proc/net/nf_conntrack` (net/netfilter/nf_conntrack_standalone.c), if it is of `protocol`.
pub fn entry_of_line(line: &str, protocol: Protocol) -> Option<Entry> {
    let number: u8 = line.split_ascii_whitespace().nth(3)?.parse().ok()?;
    if number != protocol.number() {
        return None;
    }
    let mut fields = line.split_ascii_whitespace();
    let original = tuple(&mut fields)?;
    let reply = tuple(&mut fields)?;
    Some(Entry {
        original,
        reply,
        assured: fields.any(|field| field == "[ASSURED]"),
    })
}

fn tuple<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Option<Tuple> {
    let mut value = |key: &str| fields.find_map(|field| field.strip_prefix(key));
    let source: IpAddr = value("src=")?.parse().ok()?;
    let destination: IpAddr = value("dst=")?.parse().ok()?;
    Some(Tuple {
        source,
        destination,
        source_port: value("sport=")?.parse().ok()?,
        port: value("dport=")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::Kind;

    const MASQUERADED: &str = "ipv4     2 udp      17 27 src=192.168.1.9 dst=9.9.9.9 sport=54321 dport=53 \
         src=9.9.9.9 dst=203.0.113.5 sport=53 dport=54321 mark=0 zone=0 use=2";
    const FORWARDED: &str = "ipv4     2 tcp      6 86 SYN_SENT src=198.51.100.7 dst=203.0.113.5 sport=4000 \
         dport=1080 [UNREPLIED] src=192.168.1.9 dst=198.51.100.7 sport=1080 dport=4000 mark=0 use=2";
    const CONNECTED: &str = "ipv4     2 tcp      6 431999 ESTABLISHED src=198.51.100.7 dst=203.0.113.5 sport=4000 \
         dport=1080 src=203.0.113.5 dst=198.51.100.7 sport=1080 dport=4000 [ASSURED] mark=0 use=2";
    const PROBE: &str = "ipv4     2 tcp      6 86 SYN_SENT src=198.51.100.7 dst=203.0.113.5 sport=4000 \
         dport=1080 [UNREPLIED] src=203.0.113.5 dst=198.51.100.7 sport=1080 dport=4000 mark=0 use=2";

    #[track_caller]
    fn check(
        line: &str,
        protocol: Protocol,
        from: (&str, u16),
        port: u16,
        expected: Option<Belongs>,
    ) {
        let probe = Probe {
            source: from.0.parse().unwrap(),
            destination: "203.0.113.5".parse().unwrap(),
            source_port: from.1,
            port,
            protocol,
            kind: Kind::Udp,
            options: false,
        };
        let entry = entry_of_line(line, protocol).unwrap();
        assert_eq!(entry.belongs(&probe), expected);
    }

    #[test]
    fn an_entry_tells_whose_a_packet_is() {
        let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
        check(
            MASQUERADED,
            udp,
            ("9.9.9.9", 53),
            54321,
            Some(Belongs::Reply),
        );
        check(MASQUERADED, udp, ("9.9.9.8", 53), 54321, None);
        check(MASQUERADED, udp, ("9.9.9.9", 53), 54320, None);
        check(
            FORWARDED,
            tcp,
            ("198.51.100.7", 4000),
            1080,
            Some(Belongs::Forwarded),
        );
        check(FORWARDED, tcp, ("198.51.100.7", 4001), 1080, None);
        check(
            CONNECTED,
            tcp,
            ("198.51.100.7", 4000),
            1080,
            Some(Belongs::Us),
        );
        check(
            PROBE,
            tcp,
            ("198.51.100.7", 4000),
            1080,
            Some(Belongs::Nobody),
        );
    }

    #[test]
    fn other_protocols_and_rubbish_are_no_entries() {
        assert_eq!(entry_of_line(MASQUERADED, Protocol::Tcp), None);
        for line in [
            "",
            "ipv4 2 udp",
            "ipv4 2 udp 17 1 src=x dst=y sport=1 dport=2",
        ] {
            assert_eq!(entry_of_line(line, Protocol::Udp), None, "{line}");
        }
    }
}
