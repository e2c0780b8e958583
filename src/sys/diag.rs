//! sock_diag(7): the listeners of this machine, without a walk over all its connections, and whether one of IPv6
//! serves IPv4 as well; the lists under /proc have neither.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::Family;
use crate::see::listeners::Listener;
use crate::see::probe::Protocol;
use crate::sys::netlink;

// linux/sock_diag.h, linux/inet_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_SKV6ONLY: u16 = 11;
/// Bytes of a `struct inet_diag_msg`, behind which the attributes begin.
const FIXED: usize = 72;
/// Bytes of a `struct inet_diag_req_v2`.
const REQUEST: usize = 56;

/// Hands each listener of a family to `each`. An error for which [`is_missing`] holds will not go away.
pub(super) fn each(
    family: Family,
    protocol: Protocol,
    each: &mut dyn FnMut(&Listener),
) -> io::Result<()> {
    let each = &mut |body: &[u8]| listener(family, body).as_ref().map(&mut *each);
    let (diag, kind) = (libc::NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY);
    netlink::dump(diag, kind, &request(family, protocol), &mut [0; 8192], each)
}

/// The kernel has no sock_diag, or not for this protocol.
pub(super) fn is_missing(error: &io::Error) -> bool {
    let missing = [
        libc::EPROTONOSUPPORT,
        libc::EOPNOTSUPP,
        libc::ENOENT,
        libc::EINVAL,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| missing.contains(&code))
}

/// All sockets of the family in these states; the rest, which would name single ones, is zero.
fn request(family: Family, protocol: Protocol) -> [u8; REQUEST] {
    // include/net/tcp_states.h: listening; for a UDP socket "closed" is its usual state, "established" a connected
    // one.
    let states: u32 = match protocol {
        Protocol::Tcp => 1 << 10,
        Protocol::Udp => 1 << 7 | 1 << 1,
    };
    let mut request = [0; REQUEST];
    let family = match family {
        Family::V4 => libc::AF_INET,
        Family::V6 => libc::AF_INET6,
    };
    let family = u8::try_from(family).unwrap_or(0);
    let head = [family, protocol.number(), 0, 0].into_iter();
    for (to, byte) in request.iter_mut().zip(head.chain(states.to_ne_bytes())) {
        *to = byte;
    }
    request
}

/// Reads a `struct inet_diag_msg`: its own port lies at byte 4 and its address at byte 8, as on the wire.
pub fn listener(family: Family, body: &[u8]) -> Option<Listener> {
    let addr = body.get(8..)?;
    let addr = match family {
        Family::V4 => IpAddr::from(Ipv4Addr::from(*addr.first_chunk()?)),
        Family::V6 => Ipv6Addr::from(*addr.first_chunk()?).to_canonical(),
    };
    let only =
        netlink::attributes(body.get(FIXED..)?).find(|(kind, _)| *kind == INET_DIAG_SKV6ONLY);
    Some(Listener {
        addr,
        port: u16::from_be_bytes(*body.get(4..)?.first_chunk()?),
        only_v6: only.is_some_and(|(_, value)| value.first() == Some(&1)),
    })
}
