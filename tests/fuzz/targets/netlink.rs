//! Messages of the kernel: addresses, devices and routes; tracked connections; sockets; news of nftables and of
//! files.

use portsentry::limits::{DEVICES_MAX, GATEWAYS_MAX, LANS_MAX, OWN_MAX};
use portsentry::net::Family;
use portsentry::see::conntrack::{Entry, Tuple};
use portsentry::surroundings::Surroundings;
use portsentry::sys::conntrack::{Told, read_answers};
use portsentry::sys::netlink::hand_out;
use portsentry::sys::{diag, nfnews, notify, route};
use std::net::IpAddr;

/// One datagram, for whoever may get it.
pub fn check(datagram: &[u8]) {
    around(datagram);
    tracked(datagram);
    let mut bodies = Vec::new();
    let end = hand_out(datagram, &mut |body| {
        for family in Family::BOTH {
            if let Some(listener) = diag::listener(family, body) {
                assert_eq!(listener.addr, listener.addr.to_canonical());
                let port = body.get(4..6).map(|bytes| [bytes[0], bytes[1]]);
                assert_eq!(port, Some(listener.port.to_be_bytes()));
            }
        }
        bodies.push(body.to_vec());
        None
    });
    // Up to the end of the list, or an error.
    let walked = walk(datagram)
        .into_iter()
        .take_while(|(kind, _)| !matches!(kind, 2 | 3));
    assert!(
        walked.map(|(_, message)| &message[16..]).eq(bodies),
        "{datagram:02x?}"
    );
    let of_end = end.map(|end| end.map_err(|error| error.raw_os_error()));
    assert!(!matches!(of_end, Some(Err(None))), "{datagram:02x?}");
    news(datagram);
}

/// The kinds of the three lists: linux/rtnetlink.h, RTM_NEWLINK, _NEWADDR, _NEWROUTE. One is asked for by its
/// number and two.
const KINDS: [u16; 3] = [16, 20, 24];

fn around(datagram: &[u8]) {
    let wan = [String::from("wan")];
    let [all, some] = [None, Some(&wan[..])].map(|devices| {
        let read = route::read_from(devices, &mut |asked, each| {
            let of_kind = KINDS.iter().find(|kind| **kind + 2 == asked).unwrap();
            hand_out(&only(datagram, *of_kind), each).unwrap_or(Ok(()))
        });
        read.unwrap()
    });
    for around in [&all, &some] {
        bounded(around);
    }
    // Which devices are watched does not change who we are.
    assert_eq!(all.own, some.own);
    assert_eq!(all.gateways, some.gateways);
    assert_eq!(all.broadcasts, some.broadcasts);
    assert!(all.watched.is_empty() && some.watched_names().all(|name| name == "wan"));
    assert!(some.lans.is_empty() || !only(datagram, KINDS[0]).is_empty());
}

fn bounded(around: &Surroundings) {
    for (at, own) in around.own.iter().enumerate() {
        assert!(!around.own[..at].contains(own), "{own}");
    }
    let four = around.own.iter().filter(|own| own.is_ipv4()).count();
    assert!(four <= OWN_MAX && around.own.len() - four <= OWN_MAX);
    assert!(around.gateways.len() <= GATEWAYS_MAX && around.lans.len() <= LANS_MAX);
    assert!(around.devices.len() <= DEVICES_MAX);
    for device in &around.devices {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        assert!(device.name.bytes().all(plain), "{}", device.name);
    }
    for lan in &around.lans {
        assert_eq!(lan.to_string().parse().as_ref(), Ok(lan));
        assert!(lan.bits() > 0, "{lan}");
    }
}

/// The messages of a datagram with their kinds; lengths are four bytes aligned.
fn walk(mut datagram: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let [a, b, c, d, low, high, ..] = *datagram {
        let len = usize::try_from(u32::from_ne_bytes([a, b, c, d])).unwrap();
        let Some(message) = datagram.get(..len).filter(|_| len >= 16) else {
            break;
        };
        found.push((u16::from_ne_bytes([low, high]), message));
        datagram = datagram.get(len.div_ceil(4) * 4..).unwrap_or_default();
    }
    found
}

/// Those of one kind.
fn only(datagram: &[u8], kind: u16) -> Vec<u8> {
    let of_kind = walk(datagram)
        .into_iter()
        .filter(|message| message.0 == kind);
    let mut found = Vec::new();
    for (_, message) in of_kind {
        found.extend_from_slice(message);
        found.resize(found.len().next_multiple_of(4), 0);
    }
    found
}

/// What is read of a connection is read again when it is written; and so is any other.
fn tracked(datagram: &[u8]) {
    let sequence = datagram.get(8..12).map_or(0, |bytes| {
        u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    });
    if let Told::Entry(entry) = answer(datagram, sequence) {
        told(entry);
    }
    let Some(of) = datagram.first_chunk::<48>() else {
        return;
    };
    let addr = |at: usize| match of[0] & 1 {
        0 => IpAddr::from(<[u8; 4]>::try_from(&of[at..at + 4]).unwrap()),
        _ => IpAddr::from(<[u8; 16]>::try_from(&of[at..at + 16]).unwrap()),
    };
    let tuple = |source, destination, ports: usize| Tuple {
        source: addr(source),
        destination: addr(destination),
        source_port: u16::from_be_bytes([of[ports], of[ports + 1]]),
        port: u16::from_be_bytes([of[ports + 2], of[ports + 3]]),
    };
    told(Entry {
        original: tuple(0, 16, 32),
        reply: tuple(20, 4, 36),
        assured: of[40] & 1 != 0,
    });
}

/// As the kernel tells it, a connection is read.
fn told(entry: Entry) {
    let assured = u32::from(entry.assured) << 2;
    let body = [
        vec![2, 0, 0, 0],
        attribute(1, &tuple(entry.original)),
        attribute(3, &assured.to_be_bytes()),
        attribute(2, &tuple(entry.reply)),
    ];
    let body = body.concat();
    let len = u32::try_from(16 + body.len()).unwrap();
    let head = [
        len.to_ne_bytes(),
        0x100_u32.to_ne_bytes(),
        9_u32.to_ne_bytes(),
        [0; 4],
    ];
    let written = [head.concat(), body].concat();
    assert_eq!(answer(&written, 9), Told::Entry(entry));
    assert_eq!(answer(&written, 10), Told::Nothing);
    // The second of two questions.
    let mut both = [Told::Nothing; 2];
    read_answers(&written, 8, &mut both);
    assert_eq!(both, [Told::Nothing, Told::Entry(entry)]);
}

/// What is told of the question of that number.
fn answer(datagram: &[u8], sequence: u32) -> Told {
    let mut told = [Told::Nothing];
    read_answers(datagram, sequence, &mut told);
    told[0]
}

/// CTA_TUPLE_IP and CTA_TUPLE_PROTO. Addresses of both families in one make no sense, and are taken as they are.
fn tuple(of: Tuple) -> Vec<u8> {
    let addr = |addr: IpAddr, four, six| match addr {
        IpAddr::V4(addr) => attribute(four, &addr.octets()),
        IpAddr::V6(addr) => attribute(six, &addr.octets()),
    };
    let addresses = [addr(of.source, 1, 3), addr(of.destination, 2, 4)];
    // The number of the protocol is one byte long, and filled up.
    let ports = [
        attribute(1, &[6]),
        attribute(2, &of.source_port.to_be_bytes()),
        attribute(3, &of.port.to_be_bytes()),
    ];
    [
        attribute(1, &addresses.concat()),
        attribute(2, &ports.concat()),
    ]
    .concat()
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn news(datagram: &[u8]) {
    let named = |name: &[u8]| datagram.windows(name.len()).any(|part| part == name);
    let foreign = nfnews::tell_of(datagram, "portsentry", [1, 2]);
    assert!(!foreign || named(b"portsentry"), "{datagram:02x?}");
    let files = [String::from("portsentry.ignore")];
    let ours = notify::tell_of(datagram, &files);
    assert!(!ours || datagram.len() >= 16, "{datagram:02x?}");
}
