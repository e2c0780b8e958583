//! Bytes from a packet socket, beginning at the IP header, become a probe or a reason why not.
//!
//! The kernel's filter has thrown away almost everything; what comes here may still be anything.
//! All lengths come from the IP header and are checked against what was received: an Ethernet frame
//! is padded to 60 bytes, and the padding behind a short fragment reads like a NULL scan.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::see::probe::{Flags, Kind, Kinds, Probe, Protocol};

/// Why a packet is no probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoProbe {
    /// Neither version 4 nor 6.
    Version,
    /// Shorter than its headers say, or than its headers need.
    Length,
    /// The checksum of the IPv4 header is wrong: the kernel drops it unanswered.
    Checksum,
    /// Not the first fragment: it carries no ports.
    LaterFragment,
    /// Neither TCP nor UDP.
    Protocol,
    /// ACK or RST, where that is no kind that is looked for: it begins nothing.
    Answer,
}

/// What the IP header said, and what it carries.
struct Carried<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// Cut to the length in the IP header, or to what was read of it.
    payload: &'a [u8],
    /// Bytes of payload on the wire.
    payload_len: usize,
    more_fragments: bool,
    options: bool,
}

/// Reads one packet. `bytes` is the beginning of it, `wire_len` its full length as received, `kinds` what is
/// looked for.
pub fn parse(bytes: &[u8], wire_len: usize, kinds: Kinds) -> Result<Probe, NoProbe> {
    let carried = match bytes.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(bytes, wire_len)?,
        Some(6) => ipv6(bytes, wire_len)?,
        _ => return Err(NoProbe::Version),
    };
    match carried.protocol {
        6 => tcp(&carried, kinds),
        17 => udp(&carried),
        _ => Err(NoProbe::Protocol),
    }
}

/// RFC 791, 3.1.
fn ipv4(bytes: &[u8], wire_len: usize) -> Result<Carried<'_>, NoProbe> {
    let fixed = bytes.first_chunk::<20>().ok_or(NoProbe::Length)?;
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    let total_len = usize::from(be16(fixed[2], fixed[3]));
    if header_len < 20 || total_len < header_len || total_len > wire_len {
        return Err(NoProbe::Length);
    }
    let (header, rest) = bytes.split_at_checked(header_len).ok_or(NoProbe::Length)?;
    if checksum(header) != 0 {
        return Err(NoProbe::Checksum);
    }
    let fragment = be16(fixed[6], fixed[7]);
    if fragment & 0x1fff != 0 {
        return Err(NoProbe::LaterFragment);
    }
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *fixed;
    let payload_len = total_len - header_len;
    Ok(Carried {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        protocol: fixed[9],
        payload: rest.get(..payload_len).unwrap_or(rest),
        payload_len,
        more_fragments: fragment & 0x2000 != 0,
        options: header_len > 20,
    })
}

/// RFC 8200, 3 and 4: the fixed header, then a chain that ends at TCP or UDP.
fn ipv6(bytes: &[u8], wire_len: usize) -> Result<Carried<'_>, NoProbe> {
    let (fixed, rest) = bytes.split_first_chunk::<8>().ok_or(NoProbe::Length)?;
    let (source, rest) = rest.split_first_chunk::<16>().ok_or(NoProbe::Length)?;
    let (destination, rest) = rest.split_first_chunk::<16>().ok_or(NoProbe::Length)?;
    let payload_len = usize::from(be16(fixed[4], fixed[5]));
    if payload_len + 40 > wire_len {
        return Err(NoProbe::Length);
    }
    let mut carried = Carried {
        source: Ipv6Addr::from(*source).into(),
        destination: Ipv6Addr::from(*destination).into(),
        protocol: fixed[6],
        payload: rest.get(..payload_len).unwrap_or(rest),
        payload_len,
        more_fragments: false,
        options: false,
    };
    // Each takes eight bytes at least of what was read, so the chain ends.
    while is_extension(carried.protocol) {
        carried = skip_extension(carried)?;
    }
    Ok(carried)
}

/// Hop-by-hop options, routing, fragment, authentication, destination options.
fn is_extension(next_header: u8) -> bool {
    matches!(next_header, 0 | 43 | 44 | 51 | 60)
}

fn skip_extension(carried: Carried<'_>) -> Result<Carried<'_>, NoProbe> {
    let head = carried.payload.first_chunk::<4>().ok_or(NoProbe::Length)?;
    let len = match carried.protocol {
        44 => 8,
        51 => (usize::from(head[1]) + 2) * 4, // RFC 4302 counts it in words, less two
        _ => (usize::from(head[1]) + 1) * 8,
    };
    let mut more_fragments = carried.more_fragments;
    if carried.protocol == 44 {
        if be16(head[2], head[3]) & 0xfff8 != 0 {
            return Err(NoProbe::LaterFragment);
        }
        more_fragments |= head[3] & 1 != 0;
    }
    Ok(Carried {
        protocol: head[0],
        payload: carried.payload.get(len..).ok_or(NoProbe::Length)?,
        payload_len: carried.payload_len - len,
        more_fragments,
        ..carried
    })
}

/// RFC 9293, 3.1. A first fragment may be cut before byte 14, where the flags are: `nmap -f` sends
/// eight bytes. It is a probe all the same; no honest host cuts a segment there.
fn tcp(carried: &Carried<'_>, kinds: Kinds) -> Result<Probe, NoProbe> {
    if carried.more_fragments && carried.payload_len < 14 {
        return probe(carried, Protocol::Tcp, Kind::Fragment);
    }
    if !carried.more_fragments && carried.payload_len < 20 {
        return Err(NoProbe::Length);
    }
    let head = carried.payload.first_chunk::<14>().ok_or(NoProbe::Length)?;
    // The kernel drops a segment whose header is longer than itself; what else a fragment brings is not known.
    let header_len = usize::from(head[12] >> 4) * 4;
    if header_len < 20 || (!carried.more_fragments && header_len > carried.payload_len) {
        return Err(NoProbe::Length);
    }
    let kinds = kinds.on(be16(head[2], head[3]));
    let kind = Flags::from_byte(head[13]).kind(kinds);
    probe(carried, Protocol::Tcp, kind.ok_or(NoProbe::Answer)?)
}

/// RFC 768.
fn udp(carried: &Carried<'_>) -> Result<Probe, NoProbe> {
    if carried.payload_len < 8 {
        return Err(NoProbe::Length);
    }
    probe(carried, Protocol::Udp, Kind::Udp)
}

fn probe(carried: &Carried<'_>, protocol: Protocol, kind: Kind) -> Result<Probe, NoProbe> {
    let ports = carried.payload.first_chunk::<4>().ok_or(NoProbe::Length)?;
    Ok(Probe {
        source: carried.source,
        destination: carried.destination,
        source_port: be16(ports[0], ports[1]),
        port: be16(ports[2], ports[3]),
        protocol,
        kind,
        options: carried.options,
    })
}

fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

/// RFC 1071: zero over a sound header. An IPv4 header has an even number of bytes.
fn checksum(header: &[u8]) -> u16 {
    let (mut sum, mut weight) = (0, 256);
    for byte in header {
        sum += u32::from(*byte) * weight;
        // 256 and 1 in turn.
        weight ^= 257;
    }
    let folded = (sum >> 16) + (sum & 0xffff);
    let folded = (folded >> 16) + (folded & 0xffff);
    !u16::try_from(folded).unwrap_or(0)
}
