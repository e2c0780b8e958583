//! Stealth sensors: a packet socket for each family, which sees what arrives before the firewall drops it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::net::Family;
use crate::see::filter::{self, Insn};
use crate::sys::batch::Batch;

/// Bytes that may wait for us in the kernel; a burst of 2,000 probes.
const RECEIVE_BUFFER: libc::c_int = 1024 * 1024;

/// A packet socket with a filter in front.
pub struct Sniffer(OwnedFd);

impl Sniffer {
    /// Opens one that passes nothing yet. `SOCK_DGRAM` begins at the IP header on every kind of link.
    pub fn open(family: Family) -> io::Result<Self> {
        // Protocol 0 receives nothing: no packet gets in before the filter is there.
        let fd = super::socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0)?;
        let sniffer = Self(fd);
        sniffer.aim(&filter::nothing())?;
        // May be refused (user namespaces, qemu): the default is smaller, and loses more in a burst.
        let forced = libc::SO_RCVBUFFORCE;
        if super::set_option(sniffer.as_fd(), libc::SOL_SOCKET, forced, RECEIVE_BUFFER).is_err() {
            let plain = libc::SO_RCVBUF;
            let _ = super::set_option(sniffer.as_fd(), libc::SOL_SOCKET, plain, RECEIVE_BUFFER);
        }
        sniffer.bind(family)?;
        Ok(sniffer)
    }

    /// Gives it another program; the kernel exchanges the two at once.
    pub fn aim(&self, program: &[Insn]) -> io::Result<()> {
        const _: () = assert!(size_of::<Insn>() == size_of::<libc::sock_filter>());
        let len = libc::c_ushort::try_from(program.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let program = libc::sock_fprog {
            len,
            filter: program.as_ptr().cast_mut().cast(),
        };
        // The kernel copies the instructions; `Insn` is laid out as its own structure.
        super::set_option(
            self.0.as_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            program,
        )
    }

    fn bind(&self, family: Family) -> io::Result<()> {
        let protocol = match family {
            Family::V4 => libc::ETH_P_IP,
            Family::V6 => libc::ETH_P_IPV6,
        };
        // SAFETY: all members are integers, for which zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { core::mem::zeroed() };
        address.sll_family = libc::c_ushort::try_from(libc::AF_PACKET).unwrap_or(0);
        address.sll_protocol = u16::try_from(protocol).unwrap_or(0).to_be();
        let len = super::len_of::<libc::sockaddr_ll>();
        // SAFETY: the address lives across the call and has the length given.
        let bound = unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), len) };
        super::check(bound).map(drop)
    }

    /// Takes the next packets. A device that went down makes an error, which is fetched and forgotten: others go
    /// on.
    pub fn receive(&self, batch: &mut Batch) {
        for _ in 0..2 {
            if batch.receive(self.0.as_fd()).is_ok() {
                return;
            }
        }
    }

    /// How many packets the kernel had no room for since this was asked last: it counts anew each time (packet(7),
    /// PACKET_STATISTICS).
    pub fn lost(&self) -> u32 {
        let mut counts = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut len = super::len_of::<libc::tpacket_stats>();
        let (fd, level, name) = (
            self.0.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
        );
        let pointer = (&raw mut counts).cast();
        // SAFETY: the kernel fills at most `len` bytes of the structure.
        let _none_on_error = unsafe { libc::getsockopt(fd, level, name, pointer, &raw mut len) };
        counts.tp_drops
    }
}

impl AsFd for Sniffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
