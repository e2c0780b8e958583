//! Packets of both families: what is read of one agrees with etherparse, which others wrote.

use etherparse::{IpNumber, IpSlice, Ipv6ExtensionSlice, TcpSlice};
use portsentry::see::packet::{self, NoProbe};
use portsentry::see::probe::{Kind, Kinds, Probe};

/// Bytes of a packet that are read. The daemon reads more (`limits::SNAP`); with this, many are cut.
pub const READ: usize = 256;

/// The first byte says what is looked for, how much is read, and whether the checksum is made right: else a packet
/// that is changed at random is hardly ever read beyond it.
pub fn check(input: &[u8]) {
    let Some((how, packet)) = input.split_first() else {
        return;
    };
    let mut packet = packet.to_vec();
    if how & 1 == 0 {
        seal(&mut packet);
    }
    let kinds = match how & 2 {
        0 => Kinds::Classic,
        _ => Kinds::Extended,
    };
    let most = match usize::from(how & 0xfc) {
        0 => READ,
        most => most,
    };
    let read = packet.get(..most).unwrap_or(&packet);
    let found = packet::parse(read, packet.len(), kinds);
    let _agreed = compare(&packet, kinds, most, found);
    if found == Err(NoProbe::Length) {
        return;
    }
    // What Ethernet fills a short frame up with is no part of it.
    let padded = [&packet[..], &[0xff; 46]].concat();
    let read = padded.get(..most).unwrap_or(&padded);
    assert_eq!(packet::parse(read, padded.len(), kinds), found);
    if found.is_ok() {
        // The extended kinds come in addition.
        assert_eq!(packet::parse(read, padded.len(), Kinds::Extended), found);
    }
}

/// Reads the packet a second time, with a reader that others wrote and that is given all of it. What the two agree
/// in; None where etherparse reads nothing. `read` is how much of it was read.
pub fn compare(
    packet: &[u8],
    kinds: Kinds,
    read: usize,
    found: Result<Probe, NoProbe>,
) -> Option<&'static str> {
    if found.is_ok() {
        let claimed = match packet[0] >> 4 {
            4 => usize::from(u16::from_be_bytes([packet[2], packet[3]])),
            _ => 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
        };
        let there = claimed <= packet.len();
        assert!(there, "it is longer than what arrived: {packet:02x?}");
    }
    let ip = IpSlice::from_slice(packet).ok()?;
    let probe = match found {
        Ok(probe) => probe,
        Err(why) => {
            let missed = is_probe(&ip, kinds, read);
            assert!(!missed, "{why:?} is a probe: {packet:02x?}");
            return Some("etherparse sees none either");
        }
    };
    let payload = ip.payload();
    let ours = (probe.source, probe.destination, probe.protocol.number());
    let theirs = (ip.source_addr(), ip.destination_addr(), payload.ip_number.0);
    assert_eq!(ours, theirs, "{packet:02x?}");
    let ports = [probe.source_port.to_be_bytes(), probe.port.to_be_bytes()];
    assert_eq!(ports.concat(), payload.payload[..4], "{packet:02x?}");
    let (offset, more) = piece(&ip);
    assert_eq!(offset, 0, "{packet:02x?}");
    match (payload.ip_number, TcpSlice::from_slice(payload.payload)) {
        // Wherever the segment is sound; of one with a wrong length the flags say no more than they say.
        (IpNumber::TCP, Ok(tcp)) => {
            let theirs = kind_of(&tcp, kinds);
            assert_eq!(theirs, Some(plain(probe.kind)), "{packet:02x?}");
        }
        _ if probe.kind == Kind::Fragment => {
            assert!(more && payload.payload.len() < 14, "{packet:02x?}");
        }
        _ => {}
    }
    let options = ip
        .ipv4()
        .is_some_and(|four| !four.header().options().is_empty());
    assert_eq!(probe.options, options, "{packet:02x?}");
    Some("etherparse reads the same")
}

/// Where in its datagram this piece begins, and whether another follows: from the bytes, because etherparse 0.18
/// takes other bits of IPv6's fragment header for the offset than RFC 8200, 4.5, does.
fn piece(ip: &IpSlice<'_>) -> (u16, bool) {
    match ip {
        IpSlice::Ipv4(four) => {
            let header = four.header();
            (header.fragments_offset().value(), header.more_fragments())
        }
        IpSlice::Ipv6(six) => {
            let mut piece = (0, false);
            for header in six.extensions().clone() {
                if let Ipv6ExtensionSlice::Fragment(header) = header {
                    let bytes = header.slice();
                    piece.0 |= u16::from_be_bytes([bytes[2], bytes[3]]) >> 3;
                    piece.1 |= bytes[3] & 1 != 0;
                }
            }
            piece
        }
    }
}

/// Whether it is a probe that must not be overlooked: not garbled, and with all that counts in what is read.
fn is_probe(ip: &IpSlice<'_>, kinds: Kinds, read: usize) -> bool {
    let (sound, header) = match ip {
        IpSlice::Ipv4(four) => {
            let header = four.header().slice();
            let sealed = remainder(header) == 0;
            (sealed && four.extensions().auth.is_none(), header.len())
        }
        IpSlice::Ipv6(six) => {
            let chain = six.extensions();
            // A piece of a piece: nobody sends such a thing, and what it is depends on who puts it together.
            let pieces = chain.clone().into_iter();
            let pieces = pieces.filter(|h| matches!(h, Ipv6ExtensionSlice::Fragment(_)));
            let plain = pieces.count() < 2;
            // Length zero is a jumbogram to etherparse, and nothing to us.
            let sized = six.header().payload_length() > 0;
            (plain && sized, 40 + chain.slice().len())
        }
    };
    let (offset, more) = piece(ip);
    let payload = ip.payload().payload;
    if !sound || offset > 0 || header + 14 > read {
        return false;
    }
    match (ip.payload().ip_number, payload.len(), more) {
        (IpNumber::TCP, 4..14, true) => true,
        (IpNumber::TCP, ..) => {
            TcpSlice::from_slice(payload).is_ok_and(|tcp| kind_of(&tcp, kinds).is_some())
        }
        (IpNumber::UDP, 8.., _) => true,
        _ => false,
    }
}

/// 1.2's kinds in the words of its manual, and the extended ones in those of ours; None for what is none of them.
fn kind_of(tcp: &TcpSlice<'_>, kinds: Kinds) -> Option<&'static str> {
    let flags = [tcp.fin(), tcp.syn(), tcp.psh(), tcp.urg()];
    let extended = kinds == Kinds::Extended && tcp.destination_port() < 1024;
    match (tcp.ack() || tcp.rst(), flags) {
        (true, _) if !extended => None,
        (true, [_, false, ..]) if tcp.rst() => None,
        (true, [false, true, ..]) if !tcp.rst() => None,
        (true, _) => Some("odd"),
        (false, [false, false, false, false]) => Some("no flag"),
        (false, [true, false, false, false]) => Some("FIN alone"),
        (false, [false, true, false, false]) => Some("SYN alone"),
        (false, [true, _, true, true]) => Some("FIN, PSH, URG"),
        _ => Some("odd"),
    }
}

fn plain(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "no flag",
        Kind::Fin => "FIN alone",
        Kind::Syn => "SYN alone",
        Kind::Xmas => "FIN, PSH, URG",
        Kind::Unknown(_) => "odd",
        Kind::Connect | Kind::Fragment | Kind::Udp => "none of TCP's",
    }
}

/// Makes the checksum of an IPv4 header right (RFC 1071).
pub fn seal(packet: &mut [u8]) {
    let len = packet
        .first()
        .map_or(0, |first| usize::from(first & 15) * 4);
    if (20..=packet.len()).contains(&len) && packet[0] >> 4 == 4 {
        packet[10..12].fill(0);
        let rest = remainder(&packet[..len]);
        packet[10..12].copy_from_slice(&(0xffff - rest).to_be_bytes());
    }
}

/// What is left of a header, read as one number, divided by 65,535: nothing if its checksum is right.
fn remainder(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2);
    let sum: u32 = words
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    u16::try_from(sum % 0xffff).unwrap()
}
