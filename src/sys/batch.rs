//! Several datagrams by one system call: in a flood the calls cost more than all that is done with what
//! they bring.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::limits::{RECEIVED_MAX, SNAP};

/// recv(2): the length of the whole datagram is told, not of what was read. A plain number, because C libraries
/// differ in the type of the flags of recvmmsg.
const FULL_LENGTH: u8 = 0x20;
const _: () = assert!(libc::MSG_TRUNC == 0x20);

/// Room for the datagrams of one call, each by itself.
pub struct Batch {
    /// Pages that nothing was received into cost nothing: they are not even set to zero.
    rooms: Box<[MaybeUninit<[u8; SNAP]>]>,
    /// The full lengths of those that are there.
    lens: heapless::Vec<usize, RECEIVED_MAX>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            rooms: Box::new_uninit_slice(RECEIVED_MAX),
            lens: heapless::Vec::new(),
        }
    }
}

impl Batch {
    /// How many datagrams are there.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }

    /// Whether there was room for no more: others may be waiting.
    pub fn is_full(&self) -> bool {
        self.lens.is_full()
    }

    /// What was read of each, and its full length.
    pub fn each(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.rooms.iter().zip(&self.lens).map(|(room, len)| {
            // SAFETY: the kernel has written so many bytes there, at most SNAP.
            let bytes =
                unsafe { core::slice::from_raw_parts(room.as_ptr().cast(), *len.min(&SNAP)) };
            (bytes, *len)
        })
    }

    /// Takes what waits at a socket, in the place of what was there. An error is the socket's own; that nothing
    /// waits is none.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        self.lens.clear();
        // SAFETY: all members are integers and pointers, for which zero is a value.
        let mut places: [libc::iovec; RECEIVED_MAX] = unsafe { core::mem::zeroed() };
        // SAFETY: as above.
        let mut heads: [libc::mmsghdr; RECEIVED_MAX] = unsafe { core::mem::zeroed() };
        let all = self.rooms.iter_mut().zip(&mut places);
        for ((room, place), head) in all.zip(&mut heads) {
            place.iov_base = room.as_mut_ptr().cast();
            place.iov_len = SNAP;
            head.msg_hdr.msg_iov = &raw mut *place;
            head.msg_hdr.msg_iovlen = 1;
        }
        let count = libc::c_uint::try_from(heads.len()).unwrap_or(0);
        let (fd, heads_at) = (socket.as_raw_fd(), heads.as_mut_ptr());
        let (flags, no_timeout) = (FULL_LENGTH.into(), core::ptr::null_mut());
        // SAFETY: each head leads to one place, and each place to a room of ours of that length; all of them live
        // across the call.
        let taken = unsafe { libc::recvmmsg(fd, heads_at, count, flags, no_timeout) };
        let taken = match super::check(taken) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            taken => usize::try_from(taken?).unwrap_or(0),
        };
        let lens = heads.iter().take(taken).map(|head| head.msg_len);
        self.lens
            .extend(lens.map(|len| usize::try_from(len).unwrap_or(0)));
        Ok(())
    }
}
