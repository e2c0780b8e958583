//! Hostile bytes: whatever the network or a file holds, every reader answers, never panics, and is right.
//!
//! Half of the packets are real ones, most of them damaged: of a million random buffers hardly one gets past the
//! first check. What was reached is counted, because a fuzz that reaches nothing is green as well.

pub(crate) mod bytes;
pub(crate) mod guided;
mod requests;
mod resolvers;
mod text;
mod uci;

use bytes::{Random, damage, noise, real};
use etherparse::IpSlice;
use guided::targets::packet::{READ, compare};
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
        if let Some(agreed) = compare(&packet, kinds, READ, found) {
            reached(&mut reach, agreed);
        }
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
