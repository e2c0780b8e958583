//! Packets as bytes, from the IP header on.

use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header, PacketBuilder,
    PacketBuilderStep, TcpHeader,
};
use std::net::{IpAddr, SocketAddr};

const HOPS: u8 = 64;

/// A TCP segment with the flags of a string such as "SF": F S R P A U, in any order, or "" for none.
pub(crate) fn tcp(from: SocketAddr, to: SocketAddr, flags: &str) -> Vec<u8> {
    written(ip(from, to, &[]).tcp_header(tcp_header(from, to, flags)))
}

/// A datagram with a few bytes.
pub(crate) fn udp(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut packet = Vec::with_capacity(64);
    let step = ip(from, to, &[]).udp(from.port(), to.port());
    step.write(&mut packet, b"query").unwrap();
    packet
}

/// A TCP segment in a packet whose IP header has options: four times "no operation".
pub(crate) fn tcp_with_ip_options(from: SocketAddr, to: SocketAddr, flags: &str) -> Vec<u8> {
    written(ip(from, to, &[1, 1, 1, 1]).tcp_header(tcp_header(from, to, flags)))
}

/// What `nmap -f` sends first, the way a network card sends it: eight bytes of a TCP header, which
/// end before the flags, and then padding up to the least that Ethernet carries.
///
/// The length in the header covers the padding, because the kernel of the sender insists on that;
/// `Lab::pads_fragments` makes it say 28 again on the way out.
pub(crate) fn padded_fragment(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (from.ip(), to.ip()) else {
        panic!("only IPv4 has fragments of this kind")
    };
    let mut packet = Vec::with_capacity(PADDED);
    let payload = u16::try_from(PADDED - Ipv4Header::MIN_LEN).unwrap();
    let mut header = Ipv4Header::new(
        payload,
        HOPS,
        IpNumber::TCP,
        source.octets(),
        destination.octets(),
    )
    .unwrap();
    header.identification = from.port();
    header.dont_fragment = false;
    header.more_fragments = true;
    header.fragment_offset = IpFragOffset::ZERO;
    header.write(&mut packet).unwrap();
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.resize(PADDED, 0);
    packet
}

/// An Ethernet frame has 60 bytes at least, of which the first 14 are its own.
pub(crate) const PADDED: usize = 46;

/// Where a packet wants to go, for sockets that ask although the header says it.
pub(crate) fn destination(packet: &[u8]) -> IpAddr {
    if packet[0] >> 4 == 4 {
        return IpAddr::from(<[u8; 4]>::try_from(&packet[16..20]).unwrap());
    }
    IpAddr::from(<[u8; 16]>::try_from(&packet[24..40]).unwrap())
}

fn ip(from: SocketAddr, to: SocketAddr, options: &[u8]) -> PacketBuilderStep<IpHeaders> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let (source, destination) = (source.octets(), destination.octets());
            let mut header = Ipv4Header::new(0, HOPS, IpNumber::TCP, source, destination).unwrap();
            header.options = Ipv4Options::try_from(options).unwrap();
            PacketBuilder::ip(IpHeaders::Ipv4(header, Default::default()))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let (source, destination) = (source.octets(), destination.octets());
            let header = Ipv6Header {
                source,
                destination,
                hop_limit: HOPS,
                ..Default::default()
            };
            PacketBuilder::ip(IpHeaders::Ipv6(header, Default::default()))
        }
        _ => panic!("{from} cannot send to {to}"),
    }
}

fn tcp_header(from: SocketAddr, to: SocketAddr, flags: &str) -> TcpHeader {
    let mut header = TcpHeader::new(from.port(), to.port(), 0x1000_0000, 1024);
    for flag in flags.chars() {
        match flag {
            'F' => header.fin = true,
            'S' => header.syn = true,
            'R' => header.rst = true,
            'P' => header.psh = true,
            'A' => header.ack = true,
            'U' => header.urg = true,
            _ => panic!("no such flag: {flag}"),
        }
    }
    header
}

fn written(step: PacketBuilderStep<TcpHeader>) -> Vec<u8> {
    let mut packet = Vec::with_capacity(64);
    step.write(&mut packet, &[]).unwrap();
    packet
}
