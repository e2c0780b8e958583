//! Where hostile bytes come from: sound packets, damaged ones, and noise.

use super::guided::targets::packet::seal;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Seeded numbers: SplitMix64 (Steele, Lea, Flood 2014), the same on every machine.
///
/// A draw needs no exclusive access, so draws can stand inside one another.
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn draw(&self) -> u64 {
        let z = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(z);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: usize) -> usize {
        usize::try_from(self.draw() >> 33).unwrap() % bound
    }

    pub(crate) fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn port(&self) -> u16 {
        u16::try_from(self.below(1 << 16)).unwrap()
    }

    pub(crate) fn byte(&self) -> u8 {
        self.draw().to_be_bytes()[0]
    }

    pub(crate) fn bytes(&self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

/// A sound packet from `source` to a port of `destination`, as it lies on an Ethernet wire, which pads it to 46
/// bytes with anything: TCP with any flags, UDP or neither, whole or a fragment, with options or extension
/// headers.
pub(crate) fn sound(random: &Random, source: IpAddr, destination: IpAddr, port: u16) -> Vec<u8> {
    let protocol = random.pick(&[6, 6, 6, 6, 6, 17, 17, 58]);
    let len = 20 + random.pick(&[0, 0, 4, 20, random.below(500)]);
    let mut segment = random.bytes(len);
    segment[2..4].copy_from_slice(&port.to_be_bytes());
    if protocol == 6 {
        segment[12] = if len >= 40 { 0xa0 } else { 0x50 };
        let odd = random.byte();
        segment[13] = random.pick(&[0x00, 0x01, 0x02, 0x29, 0xc2, odd, odd & !0x14, odd & !0x14]);
    } else {
        segment[4..6].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
    }
    let mut packet = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            ipv4(random, source, destination, protocol, segment)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            ipv6(random, source, destination, protocol, segment)
        }
        _ => panic!("{source} cannot send to {destination}"),
    };
    let missing = 46_usize.saturating_sub(packet.len());
    packet.extend(random.bytes(missing));
    packet
}

fn ipv4(
    random: &Random,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    mut segment: Vec<u8>,
) -> Vec<u8> {
    const WHOLE: usize = usize::MAX;
    let (don_t, more, later) = (0x4000_u16, 0x2000_u16, 0x0002_u16);
    let (fragment, len) = random.pick(&[
        (0, WHOLE),
        (don_t, WHOLE),
        (don_t, WHOLE),
        (don_t, WHOLE),
        (more, 8), // `nmap -f`, which ends before the flags
        (more, 8 + random.below(12)),
        (more, WHOLE),
        (more | later, WHOLE),
        (later, WHOLE),
    ]);
    segment.truncate(len);
    let options = random.pick(&[0, 0, 0, 1 + random.below(10)]);
    let total = u16::try_from(20 + 4 * options + segment.len()).unwrap();
    let mut packet = vec![0x45 + u8::try_from(options).unwrap(), 0];
    packet.extend(total.to_be_bytes());
    packet.extend(random.bytes(2));
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend([1].repeat(4 * options)); // "no operation"
    packet.extend(segment);
    seal(&mut packet);
    packet
}

fn ipv6(
    random: &Random,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: u8,
    mut payload: Vec<u8>,
) -> Vec<u8> {
    let count = random.pick(&[0, 0, 0, 1, 1, 2, 3, 8, 60]);
    let mut next = protocol;
    // From the last to the first; only the first may be hop-by-hop (RFC 8200, 4.1).
    for at in (0..count).rev() {
        let kind = random.pick(&[43, 44, 51, 60, if at == 0 { 0 } else { 60 }]);
        let mut header = match kind {
            44 => vec![next, 0, 0, random.pick(&[0, 0, 1, 1, 8, 9]), 0, 0, 0, 7],
            51 => [[next, 4].as_slice(), &random.bytes(22)].concat(),
            _ => [next, 0, 1, 4, 0, 0, 0, 0].to_vec(),
        };
        if kind == 44 && header[3] == 1 && at == count - 1 {
            payload.truncate(random.pick(&[8, 16, payload.len()]));
        }
        if random.below(4) == 0 && matches!(kind, 0 | 43 | 60) {
            header[1] = 1 + u8::try_from(random.below(3)).unwrap();
            header.resize(8 + 8 * usize::from(header[1]), 0);
        }
        header.append(&mut payload);
        payload = header;
        next = kind;
    }
    let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, len[0], len[1], next, 64];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.append(&mut payload);
    packet
}

/// Flips bits, cuts, extends, or puts the tail of something else behind it.
pub(super) fn scratch(random: &Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len().max(1));
    match random.below(4) {
        0 => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
        1 => bytes.truncate(at),
        2 => {
            let len = random.below(64);
            bytes.extend(random.bytes(len));
        }
        _ => {
            bytes.truncate(at);
            bytes.extend(other.iter().skip(random.below(other.len().max(1))));
        }
    }
}

/// The same, and wrong lengths. Half of the IPv4 headers are sealed again: else nothing behind it is ever met.
pub(crate) fn damage(random: &Random, packet: &mut Vec<u8>, other: &[u8]) {
    // Lengths, protocols and fragments of the two families, and the first bytes behind the header.
    let tender = random.pick(&[0, 2, 3, 4, 5, 6, 7, 9, 20, 32, 33, 40, 41, 43, 52, 53]);
    match (random.below(3), packet.get_mut(tender)) {
        (0, Some(byte)) => *byte = random.pick(&[0, 1, 8, 19, 20, 27, 28, 33, 34, 40, 0x46, 255]),
        _ => scratch(random, packet, other),
    }
    if random.below(2) == 0 {
        seal(packet);
    }
}

pub(super) fn real(random: &Random) -> Vec<u8> {
    let [a, b] = [random.draw(), random.draw()];
    let port = random.pick(&[random.port(), random.port() % 1024]);
    let six = random.below(2) == 0;
    let ends = match six {
        true => {
            [a, b].map(|bits| IpAddr::from((0x2001_u128 << 112 | u128::from(bits)).to_be_bytes()))
        }
        false => [a, b].map(|bits| IpAddr::from(u32::try_from(bits >> 32).unwrap().to_be_bytes())),
    };
    sound(random, ends[0], ends[1], port)
}

/// Random bytes; often with a known version, and with lengths that are not absurd.
pub(super) fn noise(random: &Random) -> Vec<u8> {
    let len = random.pick(&[0, 46, 60, random.below(64), random.below(400)]);
    let mut packet = random.bytes(len);
    if let Some(first) = packet.first_mut() {
        *first = random.pick(&[0x45, 0x46, 0x60, *first]);
    }
    if let (0, Some(lengths)) = (random.below(2), packet.get_mut(2..7)) {
        let next = random.pick(&[6, 17, 44, 60, lengths[4]]);
        lengths.copy_from_slice(&[0, lengths[1], 0, lengths[3], next]);
    }
    if random.below(2) == 0 {
        seal(&mut packet);
    }
    packet
}
