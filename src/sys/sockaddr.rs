//! Socket addresses between C and Rust.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Room for an address of either family.
pub(super) type Storage = libc::sockaddr_storage;

/// An empty one, for the kernel to fill.
pub(super) fn empty() -> Storage {
    // SAFETY: all members are integers, for which zero is a value.
    unsafe { core::mem::zeroed() }
}

/// What the kernel filled in; an IPv4 address in IPv6's clothes becomes IPv4.
pub(super) fn read(storage: &Storage) -> Option<SocketAddr> {
    let pointer = &raw const *storage;
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which structure lies there, and the storage is aligned for all.
            let v4 = unsafe { *pointer.cast::<libc::sockaddr_in>() };
            let addr = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some((addr, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { *pointer.cast::<libc::sockaddr_in6>() };
            let addr = IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)).to_canonical();
            Some((addr, u16::from_be(v6.sin6_port)).into())
        }
        _ => None,
    }
}

/// The address in C's form, and its length.
pub(super) fn write(address: SocketAddr) -> (Storage, libc::socklen_t) {
    let mut storage = empty();
    let pointer = &raw mut storage;
    let family = |number| libc::sa_family_t::try_from(number).unwrap_or(0);
    match address {
        SocketAddr::V4(v4) => {
            let pointer = pointer.cast::<libc::sockaddr_in>();
            // SAFETY: the storage is larger than the structure and aligned for it.
            let to = unsafe { &mut *pointer };
            to.sin_family = family(libc::AF_INET);
            to.sin_port = v4.port().to_be();
            to.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
            (storage, super::len_of::<libc::sockaddr_in>())
        }
        SocketAddr::V6(v6) => {
            let pointer = pointer.cast::<libc::sockaddr_in6>();
            // SAFETY: as above.
            let to = unsafe { &mut *pointer };
            to.sin6_family = family(libc::AF_INET6);
            to.sin6_port = v6.port().to_be();
            to.sin6_addr.s6_addr = v6.ip().octets();
            to.sin6_scope_id = v6.scope_id();
            (storage, super::len_of::<libc::sockaddr_in6>())
        }
    }
}
