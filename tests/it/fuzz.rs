//! Hostile bytes: whatever the network or a file holds, every reader answers, never panics, and is right.
//!
//! Half of the packets are real ones, most of them damaged: of a million random buffers hardly one gets past the
//! first check. What was reached is counted, because a fuzz that reaches nothing is green as well.

pub(crate) mod bytes;
mod requests;
mod resolvers;
mod text;
mod uci;

use bytes::{Random, damage, noise, real, remainder};
use etherparse::{IpNumber, IpSlice, Ipv6ExtensionSlice, TcpSlice};
use portsentry::see::packet::{self, NoProbe};
use portsentry::see::probe::{Kind, Kinds, Probe};
use std::collections::BTreeMap;
use std::net::IpAddr;

const PACKETS: usize = 1_000_000;

/// Every answer of the reader, and how often it must have been given at least.
const MUST: [(&str, u64); 20] = [
    ("Version", 100_000),
    ("Length", 200_000),
    ("Checksum", 15_000),
    ("LaterFragment", 40_000),
    ("Protocol", 20_000),
    ("Answer", 8_000),
    ("Syn", 15_000),
    ("Null", 10_000),
    ("Fin", 10_000),
    ("Xmas", 10_000),
    ("Unknown", 10_000),
    ("Unknown, among the extended kinds only", 500),
    ("Fragment", 5_000),
    ("Udp", 30_000),
    ("probe over IPv6", 50_000),
    ("probe behind extension headers", 30_000),
    ("probe with IPv4 options", 10_000),
    ("probe longer than what is read of it", 10_000),
    ("etherparse reads the same", 100_000),
    ("etherparse sees none either", 100_000),
];

/// Bytes of a packet that are read. The daemon reads more (`limits::SNAP`); with this, many are cut.
const READ: usize = 256;

type Reach = BTreeMap<&'static str, u64>;

fn reached(reach: &mut Reach, what: &'static str) {
    *reach.entry(what).or_default() += 1;
}

#[track_caller]
fn must(reach: &Reach, wanted: &[(&str, u64)]) {
    for (what, least) in wanted {
        let times = reach.get(what).copied().unwrap_or(0);
        assert!(
            times >= *least,
            "\"{what}\" was reached {times} times, not {least}: {reach:#?}"
        );
    }
}

#[test]
fn a_packet_of_any_bytes_is_a_probe_or_a_reason() {
    let random = Random::new(1);
    let mut reach = Reach::new();
    for n in 0..PACKETS {
        let packet = match n % 8 {
            0 => real(&random),
            1..=3 => {
                let (mut packet, other) = (real(&random), real(&random));
                damage(&random, &mut packet, &other);
                packet
            }
            _ => noise(&random),
        };
        // The sensor reads the beginning of a long packet, and is told the length of the whole.
        let read = packet.get(..READ).unwrap_or(&packet);
        let kinds = random.pick(&[Kinds::Classic, Kinds::Extended]);
        let found = std::panic::catch_unwind(|| packet::parse(read, packet.len(), kinds));
        let found = found.unwrap_or_else(|_| panic!("it panics on {packet:02x?}"));
        count(&packet, found, &mut reach);
        compare(&packet, kinds, found, &mut reach);
    }
    must(&reach, &MUST);
}

fn count(packet: &[u8], found: Result<Probe, NoProbe>, reach: &mut Reach) {
    let probe = match found {
        Ok(probe) => probe,
        Err(why) => return reached(reach, name_of(why)),
    };
    reached(
        reach,
        match probe.kind {
            Kind::Connect => "Connect",
            Kind::Syn => "Syn",
            Kind::Null => "Null",
            Kind::Fin => "Fin",
            Kind::Xmas => "Xmas",
            Kind::Unknown(flags) if flags.kind(Kinds::Classic).is_none() => {
                "Unknown, among the extended kinds only"
            }
            Kind::Unknown(_) => "Unknown",
            Kind::Fragment => "Fragment",
            Kind::Udp => "Udp",
        },
    );
    let six = probe.source.is_ipv6();
    for (so, what) in [
        (six, "probe over IPv6"),
        (
            six && packet[6] != probe.protocol.number(),
            "probe behind extension headers",
        ),
        (probe.options, "probe with IPv4 options"),
        (packet.len() > READ, "probe longer than what is read of it"),
    ] {
        if so {
            reached(reach, what);
        }
    }
}

fn name_of(why: NoProbe) -> &'static str {
    match why {
        NoProbe::Version => "Version",
        NoProbe::Length => "Length",
        NoProbe::Checksum => "Checksum",
        NoProbe::LaterFragment => "LaterFragment",
        NoProbe::Protocol => "Protocol",
        NoProbe::Answer => "Answer",
    }
}

/// Reads the packet a second time, with a reader that others wrote and that is given all of it.
fn compare(packet: &[u8], kinds: Kinds, found: Result<Probe, NoProbe>, reach: &mut Reach) {
    if found.is_ok() {
        let claimed = match packet[0] >> 4 {
            4 => u16::from_be_bytes([packet[2], packet[3]]),
            _ => 40 + u16::from_be_bytes([packet[4], packet[5]]),
        };
        let there = usize::from(claimed) <= packet.len();
        assert!(there, "it is longer than what arrived: {packet:02x?}");
    }
    let Ok(ip) = IpSlice::from_slice(packet) else {
        return;
    };
    let probe = match found {
        Ok(probe) => probe,
        Err(why) => {
            let missed = is_probe(&ip, kinds);
            assert!(!missed, "{why:?} is a probe: {packet:02x?}");
            return reached(reach, "etherparse sees none either");
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
    reached(reach, "etherparse reads the same");
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
fn is_probe(ip: &IpSlice<'_>, kinds: Kinds) -> bool {
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
    if !sound || offset > 0 || header + 14 > READ {
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

/// The source of the packets is itself put to the test: etherparse takes every sound one.
#[test]
fn sound_packets_are_sound() {
    let random = Random::new(2);
    for _ in 0..10_000 {
        let packet = real(&random);
        let ip = IpSlice::from_slice(&packet);
        let ip = ip.unwrap_or_else(|error| panic!("{error}: {packet:02x?}"));
        let found = packet::parse(&packet, packet.len(), Kinds::Classic);
        let fit = !matches!(
            found,
            Err(NoProbe::Version | NoProbe::Length | NoProbe::Checksum)
        );
        assert!(fit, "{found:?}: {packet:02x?}");
        assert!(matches!(
            (ip.source_addr(), ip.destination_addr()),
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_))
        ));
    }
}
