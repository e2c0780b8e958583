//! Connect sensors: a bound socket for each trap port and family.

use std::cell::Cell;
use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::net::Family;
use crate::see::probe::Protocol;
use crate::sys::sockaddr;

/// Handshakes that the kernel finishes before we fetch them; the number of 1.2.
const BACKLOG: libc::c_int = 5;

/// Touches that every trap socket has room for: one that had fewer has lost none since. A datagram has more room.
pub const QUEUE_MIN: usize = 5;

/// Numbers that SO_MEMINFO gives, and the place of the packets that were dropped among them (linux/sock_diag.h,
/// SK_MEMINFO_DROPS).
const MEMINFO: usize = 9;
const DROPS: usize = 8;

/// A trap socket.
pub struct Trap {
    socket: OwnedFd,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its family.
    pub family: Family,
    /// Its port.
    pub port: u16,
    /// What the kernel had dropped when it was asked last.
    dropped: Cell<u32>,
}

/// Who touched a trap.
pub struct Touch {
    /// Address and port that it came from.
    pub from: SocketAddr,
    /// The address of ours that it went to.
    pub to: IpAddr,
    /// How to answer.
    pub answer: Answer,
}

/// The way back to whoever touched a trap.
pub enum Answer {
    /// The connection; it ends when this is dropped.
    Stream(TcpStream),
    /// How many bytes came in: an answer must not be longer.
    Datagram(usize),
}

impl Trap {
    /// Binds (and listens). An address in TIME_WAIT is no hindrance, a service is.
    pub fn bind(protocol: Protocol, family: Family, port: u16) -> io::Result<Self> {
        let (domain, any): (_, IpAddr) = match family {
            Family::V4 => (libc::AF_INET, Ipv4Addr::UNSPECIFIED.into()),
            Family::V6 => (libc::AF_INET6, Ipv6Addr::UNSPECIFIED.into()),
        };
        let kind = match protocol {
            Protocol::Tcp => libc::SOCK_STREAM,
            Protocol::Udp => libc::SOCK_DGRAM,
        };
        let socket = super::socket(domain, kind, 0)?;
        let on: libc::c_int = 1;
        let fd = socket.as_fd();
        if family == Family::V6 {
            super::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, on)?;
        }
        match (protocol, family) {
            (Protocol::Tcp, _) => {
                super::set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, on)?;
            }
            (Protocol::Udp, Family::V4) => {
                super::set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, on)?;
            }
            (Protocol::Udp, Family::V6) => {
                super::set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, on)?;
            }
        }
        let (address, len) = sockaddr::write((any, port).into());
        // SAFETY: the address lives across the call and has the length given.
        let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
        super::check(bound)?;
        if protocol == Protocol::Tcp {
            // SAFETY: plain numbers.
            super::check(unsafe { libc::listen(fd.as_raw_fd(), BACKLOG) })?;
        }
        Ok(Self {
            socket,
            protocol,
            family,
            port,
            dropped: Cell::new(0),
        })
    }

    /// Fetches the next touch; None when there is none. `Err` is a failure of the system, such as no
    /// descriptor left: whoever was there waits, or is gone.
    pub fn receive(&self) -> io::Result<Option<Touch>> {
        let touch = match self.protocol {
            Protocol::Tcp => self.accept(),
            Protocol::Udp => self.receive_datagram(),
        };
        match touch {
            Ok(touch) => Ok(Some(touch)),
            Err(error) if is_quiet(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The address comes from accept itself: getpeername fails when the scanner has reset already, and
    /// `nmap -sT` always has.
    fn accept(&self) -> io::Result<Touch> {
        let mut address = sockaddr::empty();
        let mut len = super::len_of::<sockaddr::Storage>();
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let (fd, to) = (self.socket.as_raw_fd(), (&raw mut address).cast());
        // SAFETY: the kernel fills at most `len` bytes of the address.
        let fd = super::check(unsafe { libc::accept4(fd, to, &raw mut len, flags) })?;
        // SAFETY: the kernel just gave us this descriptor, nobody else owns it.
        let stream = unsafe { TcpStream::from_raw_fd(fd) };
        let from = sockaddr::read(&address).ok_or(io::ErrorKind::InvalidData)?;
        let to = stream.local_addr().map_or(from.ip(), |local| local.ip());
        Ok(Touch {
            from,
            to: to.to_canonical(),
            answer: Answer::Stream(stream),
        })
    }

    #[allow(
        clippy::useless_conversion,
        reason = "msg_controllen is a size_t with glibc and a socklen_t with musl"
    )]
    fn receive_datagram(&self) -> io::Result<Touch> {
        let mut byte = 0u8;
        let mut part = libc::iovec {
            iov_base: (&raw mut byte).cast(),
            iov_len: 1,
        };
        let mut address = sockaddr::empty();
        // Aligned for the structures that the kernel puts there.
        let mut control = [0u64; 16];
        // SAFETY: all members are integers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { core::mem::zeroed() };
        message.msg_name = (&raw mut address).cast();
        message.msg_namelen = super::len_of::<sockaddr::Storage>();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control)
            .try_into()
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        let fd = self.socket.as_raw_fd();
        // SAFETY: every pointer in the message is to a live variable of the length given.
        let len = unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_TRUNC) };
        let len = super::check_len(len)?;
        let from = sockaddr::read(&address).ok_or(io::ErrorKind::InvalidData)?;
        let to = destination(&message).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Touch {
            from,
            to: to.to_canonical(),
            answer: Answer::Datagram(len),
        })
    }

    /// How many packets the kernel had no room for since this was asked last: datagrams, and what would have
    /// begun or finished a handshake (linux/net/ipv4, `__udp_enqueue_schedule_skb` and `tcp_listendrop`). Those
    /// with a wrong checksum are among them. None before Linux 4.12.
    pub fn lost(&self) -> u32 {
        let mut counts = [0u32; MEMINFO];
        let mut len = super::len_of::<[u32; MEMINFO]>();
        let (fd, level, name) = (self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO);
        let pointer = (&raw mut counts).cast();
        // SAFETY: the kernel fills at most `len` bytes of the numbers.
        let asked = unsafe { libc::getsockopt(fd, level, name, pointer, &raw mut len) };
        let dropped = match (asked, counts.get(DROPS)) {
            (0, Some(dropped)) => *dropped,
            _ => return 0,
        };
        // It only grows, and begins anew behind the largest number.
        dropped.wrapping_sub(self.dropped.replace(dropped))
    }

    /// Sends the owner's banner. Never waits. To a datagram, whose source may be forged, only what is
    /// shorter than the datagram: nobody is served as an amplifier, and an echo dies out.
    pub fn greet(&self, touch: &Touch, banner: &str) {
        match &touch.answer {
            Answer::Stream(stream) => {
                let mut stream = stream;
                let _gone = io::Write::write(&mut stream, banner.as_bytes());
                let _gone = stream.shutdown(Shutdown::Write);
            }
            Answer::Datagram(len) if banner.len() < *len => {
                let (address, len) = sockaddr::write(touch.from);
                let (pointer, size) = (banner.as_ptr().cast(), banner.len());
                let (fd, to) = (self.socket.as_raw_fd(), (&raw const address).cast());
                // SAFETY: pointers and lengths are those of the text and the address.
                unsafe { libc::sendto(fd, pointer, size, libc::MSG_DONTWAIT, to, len) };
            }
            Answer::Datagram(_) => {}
        }
    }
}

impl AsFd for Trap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Nothing there, or not any more: what accept(2) calls errors of the network that came with the connection.
fn is_quiet(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EAGAIN
                | libc::EINTR
                | libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ECONNREFUSED
        )
    )
}

/// The address in the header of a datagram (ip(7), ipv6(7)): a broadcast is no probe.
fn destination(message: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel has filled the control buffer of this message.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: not null, so it points to a header in the control buffer.
        let found = unsafe { *header };
        // SAFETY: as above.
        let data = unsafe { libc::CMSG_DATA(header) };
        match (found.cmsg_level, found.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: level and type say what lies there; it need not be aligned.
                let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                return Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: as above.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
            }
            _ => {}
        }
        // SAFETY: message and header belong together.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    None
}

const _: () = assert!(size_of::<libc::in6_pktinfo>() + size_of::<libc::cmsghdr>() <= 128);
