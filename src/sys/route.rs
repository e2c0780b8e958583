//! rtnetlink(7): our addresses, devices and default routes, and the news that one of them changed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::limits::UNWATCHED_MAX;
use crate::net::Prefix;
use crate::surroundings::Surroundings;
use crate::sys::netlink::{self, Netlink, u32_at};

// linux/rtnetlink.h: RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFLA_IFNAME: u16 = 3;
const IFF_LOOPBACK: u32 = 8;
const RTA_GATEWAY: u16 = 5;
const RTA_MULTIPATH: u16 = 9;
const RTA_VIA: u16 = 18;

/// Hears of changes.
pub struct Watch(Netlink);

impl Watch {
    /// Listens from now on.
    pub fn open() -> io::Result<Self> {
        Netlink::open(libc::NETLINK_ROUTE, GROUPS).map(Self)
    }

    /// Takes all news. What they say does not matter, nor that some may be lost (ENOBUFS): everything is read
    /// anew.
    pub fn drain(&self) {
        let mut buffer = [0; 8192];
        // Bounded; what is left wakes us again.
        for _ in 0..64 {
            match self.0.receive(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Indexes of devices that are not watched.
type Unwatched = heapless::Vec<u32, UNWATCHED_MAX>;

/// Reads everything anew. `devices` are those that are watched, of which one may be missing; None: all.
pub fn read(devices: Option<&[String]>) -> io::Result<Surroundings> {
    // Not on the stack, whose pages stay: the kernel writes to few of these.
    let mut buffer = vec![0; 32768];
    read_from(devices, &mut |kind, each| {
        // The longest of the three fixed parts, `struct ifinfomsg`; family 0 asks for all.
        netlink::dump(libc::NETLINK_ROUTE, kind, &[0; 16], &mut buffer, each)
    })
}

/// Hands on each object that there is.
pub type Each<'a> = &'a mut dyn FnMut(&[u8]) -> Option<()>;

/// The same, from whoever knows all objects of a kind.
pub fn read_from(
    devices: Option<&[String]>,
    dump: &mut dyn FnMut(u16, Each<'_>) -> io::Result<()>,
) -> io::Result<Surroundings> {
    let mut around = Surroundings::default();
    let mut unwatched = Unwatched::new();
    dump(libc::RTM_GETLINK, &mut |body| {
        link(body, devices, &mut unwatched, &mut around)
    })?;
    dump(libc::RTM_GETADDR, &mut |body| {
        address(body, &unwatched, &mut around)
    })?;
    dump(libc::RTM_GETROUTE, &mut |body| route(body, &mut around))?;
    Ok(around)
}

/// `struct ifinfomsg`: family, type, index at 4, flags at 8, change; 16 bytes.
fn link(
    body: &[u8],
    devices: Option<&[String]>,
    unwatched: &mut Unwatched,
    around: &mut Surroundings,
) -> Option<()> {
    let index = u32_at(body, 4)?;
    let loopback = u32_at(body, 8)? & IFF_LOOPBACK != 0;
    if loopback {
        around.add_loopback(index);
    }
    let mut attributes = netlink::attributes(body.get(16..)?);
    let (_, name) = attributes.find(|(kind, _)| *kind == IFLA_IFNAME)?;
    let name = name.split(|byte| *byte == 0).next()?;
    let names = |devices: &[String]| devices.iter().any(|wanted| wanted.as_bytes() == name);
    let named = devices.is_some_and(names);
    if named {
        around.add_watched(index);
    }
    if named || (devices.is_none() && !loopback) {
        // The kernel takes names that are no UTF-8.
        around.add_device(index, core::str::from_utf8(name).ok()?);
    } else if !loopback {
        around.overflow |= unwatched.push(index).is_err();
    }
    Some(())
}

/// `struct ifaddrmsg`: family, length, flags, scope, index at 4; 8 bytes.
///
/// Only a device that was seen a moment ago, and was not watched then, has a network that is not watched: one that
/// came in between may be the watched one.
fn address(body: &[u8], unwatched: &[u32], around: &mut Surroundings) -> Option<()> {
    let (family, bits) = (*body.first()?, *body.get(1)?);
    let attributes = body.get(8..)?;
    let find = |wanted| {
        let (_, value) = netlink::attributes(attributes).find(|(kind, _)| *kind == wanted)?;
        ip(family, value)
    };
    // On a point-to-point link IFA_ADDRESS is the other end (linux/if_addr.h).
    let address = find(IFA_ADDRESS);
    let own = find(IFA_LOCAL).or(address)?;
    around.add_own(own);
    if let Some(broadcast) = find(IFA_BROADCAST).or_else(|| broadcast_of(own, bits)) {
        around.add_broadcast(broadcast);
    }
    if unwatched.contains(&u32_at(body, 4)?) {
        around.add_lan(lan(own, address.unwrap_or(own), bits)?);
    }
    Some(())
}

/// The network of an address, or of the other end of its link, which is what the kernel makes a route of
/// (net/ipv4/fib_frontend.c, fib_add_ifaddr; net/ipv6/addrconf.c, addrconf_prefix_route).
///
/// Link-local addresses are the same on every link, watched or not, so of them the other end alone is known.
fn lan(own: IpAddr, other: IpAddr, bits: u8) -> Option<Prefix> {
    let link_local = match other {
        IpAddr::V4(addr) => addr.is_link_local(),
        IpAddr::V6(addr) => addr.is_unicast_link_local(),
    };
    let lan = match link_local {
        true => Prefix::host(other),
        // No bits are no network, and no route.
        false => Prefix::new(other, bits).filter(|_| bits > 0)?,
    };
    (lan != Prefix::host(own)).then_some(lan)
}

/// An address that was added without its broadcast has one all the same: the last of its network (RFC 919). Links
/// of one or two addresses have none (RFC 3021).
fn broadcast_of(own: IpAddr, bits: u8) -> Option<IpAddr> {
    match own {
        IpAddr::V4(own) if bits < 31 && !own.is_loopback() => {
            let hosts = u32::MAX.checked_shr(u32::from(bits))?;
            Some(Ipv4Addr::from_bits(own.to_bits() | hosts).into())
        }
        _ => None,
    }
}

/// `struct rtmsg`: family, destination length at 1, …; 12 bytes. Only default routes matter.
fn route(body: &[u8], around: &mut Surroundings) -> Option<()> {
    let (family, len) = (*body.first()?, *body.get(1)?);
    // Tunnels lay two halves of the world over the default route.
    if len > 1 {
        return None;
    }
    gateway(family, body.get(12..)?, around);
    Some(())
}

fn gateway(family: u8, attributes: &[u8], around: &mut Surroundings) {
    for (kind, value) in netlink::attributes(attributes) {
        let found = match kind {
            RTA_GATEWAY => ip(family, value),
            // `struct rtvia`: a gateway of the other family.
            RTA_VIA => value
                .first()
                .zip(value.get(2..))
                .and_then(|(f, v)| ip(*f, v)),
            RTA_MULTIPATH => {
                next_hops(family, value, around);
                None
            }
            _ => None,
        };
        if let Some(addr) = found {
            around.add_gateway(addr);
        }
    }
}

/// A row of `struct rtnexthop`: length at 0, flags, hops, index; 8 bytes, then attributes.
fn next_hops(family: u8, mut row: &[u8], around: &mut Surroundings) {
    while let Some(len) = netlink::u16_at(row, 0).map(usize::from) {
        let Some(attributes) = row.get(8..len) else {
            return;
        };
        gateway(family, attributes, around);
        row = row.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match libc::c_int::from(family) {
        libc::AF_INET => Some(Ipv4Addr::from(*value.first_chunk::<4>()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(*value.first_chunk::<16>()?).into()),
        _ => None,
    }
}
