//! What PortSentry 2.x did not see of IPv6.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{Lab, ROUTER6, SCANNER6, eventually, packet};
use etherparse::PacketBuilder;
use std::net::{IpAddr, SocketAddr};

/// Extension headers (RFC 8200, 4.3 to 4.6): their numbers, and what follows the number of the next header.
const HOP_BY_HOP: (u8, [u8; 7]) = (0, PADDING);
const DESTINATION: (u8, [u8; 7]) = (60, PADDING);
/// With no segment left: then it is for nobody on the way.
const ROUTING: (u8, [u8; 7]) = (43, [0; 7]);
/// Of a packet in one piece (RFC 6946).
const FRAGMENT: (u8, [u8; 7]) = (44, [0, 0, 0, 0, 0, 0, 1]);
/// Length 0, which is eight bytes; then an option PadN of six.
const PADDING: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

/// 13 bits of offset: the piece at byte 8.
const LATER: (u8, [u8; 7]) = (44, [0, 0, 9, 0, 0, 0, 1]);

/// The packet with these headers between IPv6's and the rest.
fn extended(packet: &[u8], headers: &[(u8, [u8; 7])]) -> Vec<u8> {
    let (fixed, rest) = packet.split_at(40);
    let mut all = fixed.to_vec();
    let length = rest.len() + 8 * headers.len();
    all[4..6].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
    let mut next_at = 6;
    for (number, body) in headers {
        all[next_at] = *number;
        next_at = all.len();
        all.push(0);
        all.extend(body);
    }
    all[next_at] = fixed[6];
    all.extend(rest);
    all
}

fn probe(proto: Proto, from: IpAddr, to: IpAddr, port: u16) -> Vec<u8> {
    let [source, target] = [SocketAddr::new(from, 40000), SocketAddr::new(to, port)];
    let (IpAddr::V6(from), IpAddr::V6(to)) = (from, to) else {
        panic!("only IPv6 has these headers")
    };
    if proto == Tcp {
        return packet::tcp(source, target, "S");
    }
    let mut packet = Vec::new();
    PacketBuilder::ipv6(from.octets(), to.octets(), 64)
        .udp(source.port(), port)
        .write(&mut packet, b"query")
        .unwrap();
    packet
}

#[test]
fn w2_a6_a_probe_behind_extension_headers_is_seen() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let mut wire = lab.wire();
    let chains: [&[_]; 5] = [
        &[HOP_BY_HOP],
        &[DESTINATION],
        &[ROUTING],
        &[FRAGMENT],
        &[HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT, DESTINATION],
    ];
    let traps = [(Tcp, [11, 15, 79, 111, 512]), (Udp, [7, 69, 161, 513, 700])];
    let mut expected = Vec::new();
    for (proto, ports) in traps {
        for (headers, port) in chains.iter().zip(ports) {
            let packet = probe(proto, SCANNER6, ROUTER6, port);
            wire.send(&extended(&packet, headers));
            expected.push(probed(SCANNER6, proto, port));
        }
    }
    daemon.settle();
    let found = daemon.probe_lines();
    let found: Vec<_> = found
        .iter()
        .map(|line| &line[line.find("from host").unwrap()..])
        .collect();
    let missing = expected.iter().filter(|line| !found.contains(&&line[..]));
    assert_eq!(missing.count(), 0, "{found:?}");
    assert_eq!(found.len(), expected.len());
}

#[test]
fn w2_1_6_later_fragments_are_nothing_and_not_worth_a_line() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let before = lab.log.texts().len();
    let mut wire = lab.wire();
    for proto in [Tcp, Udp] {
        let packet = probe(proto, SCANNER6, ROUTER6, 513);
        (0..50).for_each(|_| wire.send(&extended(&packet, &[LATER])));
    }
    daemon.settle();
    // Those of `settle` and what comes of them.
    let control = [": fd99:", ": 10.99.", "per configuration file setting"];
    let is_other = |text: &String| !control.iter().any(|part| text.contains(part));
    let said: Vec<_> = lab.log.texts().into_iter().skip(before).collect();
    assert_eq!(said.into_iter().find(is_other), None);
}

/// Those that the kernel asks nobody about, and those of the link.
#[test]
fn w2_1_6_own_addresses_of_every_kind_are_watched() {
    let Some(lab) = Lab::new(&["perl"]) else {
        return;
    };
    let _daemon = lab.start(Config::new(Mode::Stealth));
    lab.router.sh("ip addr add fd77::12/64 dev wan nodad
                   ip addr add fd77::13/128 dev wan nodad");
    let mut wire = lab.wire();
    // Of the hardware address 02:66:00:00:00:01 (RFC 4291, appendix A).
    for own in ["fd77::12", "fd77::13", "fe80::66:ff:fe00:1"] {
        let from = match own.starts_with("fe80") {
            true => "fe80::66:ff:fe00:2".parse().unwrap(),
            false => lab.stranger(ROUTER6),
        };
        let packet = probe(Tcp, from, own.parse().unwrap(), 11);
        let line = probed(from, Tcp, 11);
        eventually(own, || {
            wire.send(&packet);
            lab.log.count(|text| text.ends_with(&line)) > 0
        });
    }
}
