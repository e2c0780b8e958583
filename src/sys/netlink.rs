//! Netlink: sockets, messages, attributes (Documentation/userspace-api/netlink/intro.rst). Numbers are in the
//! machine's own byte order unless an attribute says otherwise.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::limits::RECEIVED_MAX;
use crate::sys::batch::Batch;

/// Bytes of a `struct nlmsghdr`.
const HEADER: usize = 16;

// linux/netlink.h.
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
pub(super) const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// A netlink socket.
pub(super) struct Netlink(OwnedFd);

/// One message: its type, and what stands behind the header.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    /// Who caused it: 0 is the kernel.
    pub(super) port: u32,
    pub(super) body: &'a [u8],
}

impl Netlink {
    /// A socket of a netlink family that hears the given multicast groups (bits).
    pub(super) fn open(family: libc::c_int, groups: u32) -> io::Result<Self> {
        let socket = super::socket(libc::AF_NETLINK, libc::SOCK_RAW, family)?;
        // SAFETY: all members are integers, for which zero is a value.
        let mut address: libc::sockaddr_nl = unsafe { core::mem::zeroed() };
        address.nl_family = libc::sa_family_t::try_from(libc::AF_NETLINK).unwrap_or(0);
        address.nl_groups = groups;
        let len = super::len_of::<libc::sockaddr_nl>();
        let (fd, address) = (socket.as_raw_fd(), (&raw const address).cast());
        // SAFETY: the address lives across the call and has the length given.
        super::check(unsafe { libc::bind(fd, address, len) })?;
        Ok(Self(socket))
    }

    /// Sends one request.
    pub(super) fn request(
        &self,
        kind: u16,
        flags: u16,
        sequence: u32,
        body: &[u8],
    ) -> io::Result<()> {
        let mut request = Requests::new();
        add_request(&mut request, kind, flags, sequence, body)?;
        self.send(&request)
    }

    /// Sends requests; the kernel serves them one after the other (netlink_rcv_skb in net/netlink/af_netlink.c).
    pub(super) fn send(&self, requests: &[u8]) -> io::Result<()> {
        let (pointer, len) = (requests.as_ptr().cast(), requests.len());
        // SAFETY: pointer and length are those of the slice.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), pointer, len, libc::MSG_DONTWAIT) };
        super::check_len(sent).map(drop)
    }

    /// Receives what is there; `WouldBlock` when there is nothing. Answers of the kernel to a request are
    /// there when the request has been sent.
    pub(super) fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
        let (pointer, len) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: pointer and length are those of the slice.
        let received = unsafe { libc::recv(self.0.as_raw_fd(), pointer, len, 0) };
        let received = super::check_len(received)?;
        Ok(buffer.get(..received).unwrap_or_default())
    }

    /// The same for several datagrams; none when there is nothing.
    pub(super) fn receive_all(&self, batch: &mut Batch) -> io::Result<()> {
        batch.receive(self.0.as_fd())
    }
}

/// Requests that are sent together.
pub(super) type Requests = heapless::Vec<u8, { 128 * RECEIVED_MAX }>;

/// Appends one.
pub(super) fn add_request(
    to: &mut Requests,
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &[u8],
) -> io::Result<()> {
    let len = u32::try_from(HEADER + body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let flags = flags | NLM_F_REQUEST;
    let parts: [&[u8]; 6] = [
        &len.to_ne_bytes(),
        &kind.to_ne_bytes(),
        &flags.to_ne_bytes(),
        &sequence.to_ne_bytes(),
        &0u32.to_ne_bytes(),
        body,
    ];
    for part in parts {
        let added = to.extend_from_slice(part);
        added.map_err(|_| io::ErrorKind::InvalidInput)?;
    }
    Ok(())
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Asks a netlink family for all objects of a kind and hands the body of each to `each`, whose None says that it
/// cannot be read: that is nothing to us. `buffer` is for one datagram.
pub(super) fn dump(
    family: libc::c_int,
    kind: u16,
    body: &[u8],
    buffer: &mut [u8],
    each: &mut dyn FnMut(&[u8]) -> Option<()>,
) -> io::Result<()> {
    let socket = Netlink::open(family, 0)?;
    socket.request(kind, NLM_F_DUMP, 1, body)?;
    loop {
        if let Some(end) = hand_out(socket.receive(buffer)?, each) {
            return end;
        }
    }
}

/// Hands the body of each object of one datagram to `each`. What has come to its end, or was refused, is Some.
pub fn hand_out(bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> Option<()>) -> Option<io::Result<()>> {
    for message in messages(bytes) {
        match message.kind {
            NLMSG_DONE => return Some(Ok(())),
            NLMSG_ERROR => return Some(Err(refusal(message.body))),
            _ => {
                let _unread = each(message.body);
            }
        }
    }
    None
}

/// What a message of the kind NLMSG_ERROR says: a `struct nlmsgerr` begins with the error, negative.
pub(super) fn refusal(body: &[u8]) -> io::Error {
    let code = body
        .first_chunk()
        .map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    io::Error::from_raw_os_error(code.wrapping_neg())
}

/// The messages of one datagram.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    Chunks {
        rest: bytes,
        header: HEADER,
        len: |chunk| Some(to_usize(u32_at(chunk, 0)?)),
    }
    .filter_map(|chunk| {
        Some(Message {
            kind: u16_at(chunk, 4)?,
            sequence: u32_at(chunk, 8)?,
            port: u32_at(chunk, 12)?,
            body: chunk.get(HEADER..)?,
        })
    })
}

/// The attributes in `bytes`: type (without its two flag bits) and value.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    Chunks {
        rest: bytes,
        header: 4,
        len: |chunk| Some(usize::from(u16_at(chunk, 0)?)),
    }
    .filter_map(|chunk| Some((u16_at(chunk, 2)? & 0x3fff, chunk.get(4..)?)))
}

/// Pieces that begin with their own length and lie four bytes aligned.
struct Chunks<'a> {
    rest: &'a [u8],
    header: usize,
    len: fn(&[u8]) -> Option<usize>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = (self.len)(self.rest)?;
        if len < self.header {
            return None;
        }
        let chunk = self.rest.get(..len)?;
        self.rest = self.rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(chunk)
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
