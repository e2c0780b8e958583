//! Packets that PortSentry 2.x took for what they are not: forged, damaged, in pieces.

use super::programs::at_router;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, SCANNER, SECOND, packet};
use etherparse::{IpFragOffset, Ipv4Header};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

fn syn(from: IpAddr, port: u16) -> Vec<u8> {
    packet::tcp(SocketAddr::new(from, 40000), at_router(port), "S")
}

#[test]
fn w1_01_and_w2_c11_sources_that_nobody_can_have_are_never_reported_nor_banned() {
    let impossible = [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "10.66.0.1",
        "10.66.0.255",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
    ];
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let mut wire = lab.wire();
    for from in impossible {
        wire.send(&syn(from.parse().unwrap(), 11));
    }
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    for from in impossible {
        assert!(!lab.banned(&format!("{from}/32")), "{from}");
    }
    // Control: the same packet from somebody.
    wire.send(&syn(SECOND, 11));
    let line = probed(SECOND, Tcp, 11);
    lab.log.wait_for(|text| text.ends_with(&line));
}

#[test]
fn w2_c11_a_packet_with_a_bad_header_checksum_is_nothing() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let mut wire = lab.wire();
    let mut bad = syn(SCANNER, 11);
    bad[10] ^= 1;
    wire.send(&bad);
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    bad[10] ^= 1;
    wire.send(&bad);
    daemon.settle();
    assert_eq!(daemon.probe_lines().len(), 1);
}

/// A piece of what an IPv4 packet carries.
fn fragment(packet: &[u8], piece: Range<usize>, at: usize, more_fragments: bool) -> Vec<u8> {
    let (mut header, payload) = Ipv4Header::from_slice(packet).unwrap();
    header.dont_fragment = false;
    header.more_fragments = more_fragments;
    header.fragment_offset = IpFragOffset::try_new(u16::try_from(at / 8).unwrap()).unwrap();
    header.set_payload_len(piece.len()).unwrap();
    header.header_checksum = header.calc_header_checksum();
    let mut fragment = Vec::new();
    header.write(&mut fragment).unwrap();
    fragment.extend(&payload[piece]);
    fragment
}

#[test]
fn w2_c12_a_later_fragment_is_nothing_whatever_it_holds() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let mut wire = lab.wire();
    // A whole TCP header with SYN, as the data of a second, a third and a last piece.
    for (at, more) in [(8, true), (1480, true), (2960, false)] {
        wire.send(&fragment(&syn(SCANNER, 11), 0..20, at, more));
    }
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
}

#[test]
fn w2_c12_a_first_fragment_too_short_for_the_flags_is_a_probe() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let mut wire = lab.wire();
    let whole = syn(SCANNER, 79);
    wire.send(&fragment(&whole, 0..8, 0, true));
    wire.send(&fragment(&whole, 8..20, 8, false));
    daemon.settle();
    let probe = probed(SCANNER, Tcp, 79);
    let line = format!("attackalert: TCP Fragment scan {probe}");
    assert_eq!(daemon.probe_lines(), [line]);
}

/// Insertion (Ptacek and Newsham): packets that only the observer takes, so that what he remembers is not what
/// happened. Nothing is remembered of a connection, so there is nothing to put out of step.
#[test]
fn packets_that_no_host_would_take_neither_hide_a_probe_nor_undo_one() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let mut wire = lab.wire();
    let answer = |flags| packet::tcp(SocketAddr::new(SCANNER, 40000), at_router(11), flags);
    // With the last hop of its life, and a checksum of TCP that is wrong (network cards fill it in late, so that a
    // copy of an honest packet may have a wrong one too).
    let mut last_hop = syn(SCANNER, 11);
    last_hop[8] = 1;
    refresh(&mut last_hop);
    let mut damaged = syn(SCANNER, 79);
    damaged[36] ^= 1;
    for packet in [&last_hop, &answer("R"), &answer("AF"), &damaged] {
        wire.send(packet);
    }
    daemon.settle();
    let line = |port| {
        let probe = probed(SCANNER, Tcp, port);
        format!("attackalert: TCP SYN/Normal scan {probe}")
    };
    assert_eq!(daemon.probe_lines(), [line(11), line(79)]);
}

/// The header's checksum (RFC 791), behind a change of its own.
fn refresh(packet: &mut [u8]) {
    let (mut header, payload) = Ipv4Header::from_slice(packet).unwrap();
    header.header_checksum = header.calc_header_checksum();
    let mut whole = Vec::new();
    header.write(&mut whole).unwrap();
    whole.extend(payload);
    packet.copy_from_slice(&whole);
}
