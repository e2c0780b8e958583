//! What is sent.

use crate::lab::config::TCP_TRAPS;
use crate::lab::flood::forged_syn;
use crate::lab::packet;
use crate::lab::touch::Proto;
use crate::lab::{LAN, ROUTER, SCANNER, SECOND};
use std::net::{IpAddr, SocketAddr};

/// Packets of one kind.
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) proto: Proto,
    /// Who is banned before it begins.
    pub(super) banned: Option<IpAddr>,
    /// A service of the router that it goes to.
    pub(super) service: Option<u16>,
    pub(super) packet: fn(u32) -> Vec<u8>,
}

/// A trap port with a service on it.
pub(super) const SERVICE: u16 = 161;

/// The touch of a trap, each from another source.
pub(super) const PLAIN: Load = Load {
    name: "",
    proto: Proto::Tcp,
    banned: None,
    service: None,
    packet: forged_syn,
};

pub(super) const LOADS: [Load; 7] = [
    Load {
        name: "probes of one source",
        packet: |n| segment(SECOND, n, trap(n), "S"),
        ..PLAIN
    },
    Load {
        name: "a new source each",
        packet: forged_syn,
        ..PLAIN
    },
    Load {
        name: "probes of a banned source",
        banned: Some(SCANNER),
        packet: |n| segment(SCANNER, n, trap(n), "S"),
        ..PLAIN
    },
    Load {
        name: "SYNs to ports that are no traps",
        packet: |n| segment(SECOND, n, 2000 + u16::try_from(n % 20_000).unwrap(), "S"),
        ..PLAIN
    },
    Load {
        name: "ACKs to trap ports",
        packet: |n| segment(SECOND, n, trap(n), "A"),
        ..PLAIN
    },
    Load {
        name: "forwarded TCP",
        packet: |n| packet::tcp(from(SECOND, n), SocketAddr::new(LAN, 5001), "A"),
        ..PLAIN
    },
    Load {
        name: "UDP to a service on a trap port",
        proto: Proto::Udp,
        service: Some(SERVICE),
        packet: |n| packet::udp(from(SECOND, n), SocketAddr::new(ROUTER, SERVICE)),
        ..PLAIN
    },
];

fn trap(n: u32) -> u16 {
    TCP_TRAPS[n as usize % TCP_TRAPS.len()]
}

fn segment(source: IpAddr, n: u32, to: u16, flags: &str) -> Vec<u8> {
    packet::tcp(from(source, n), SocketAddr::new(ROUTER, to), flags)
}

/// Another port each time, as scanners do and busy clients.
fn from(source: IpAddr, n: u32) -> SocketAddr {
    SocketAddr::new(source, 1024 + u16::try_from(n % 60_000).unwrap())
}
