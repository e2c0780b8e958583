//! News of nftables: who changed what is ours (linux/netfilter/nf_tables.h, group NFNLGRP_NFTABLES).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::netlink::{self, Netlink};

/// Group 7 of NETLINK_NETFILTER, as a bit.
const GROUP: u32 = 1 << 6;
/// The upper byte of a message's type: NFNL_SUBSYS_NFTABLES.
const SUBSYSTEM: u16 = 10;
/// The lower byte: a transaction is over. It names no table.
const NEWGEN: u16 = 15;
/// Bytes of a `struct nfgenmsg`.
const HEADER: usize = 4;
/// Of tables, chains, rules, sets, elements and objects alike, the first attribute is the table's name.
const TABLE_NAME: u16 = 1;

/// Hears of changes.
pub struct News(Netlink);

impl News {
    /// Listens from now on.
    pub fn open() -> io::Result<Self> {
        Netlink::open(libc::NETLINK_NETFILTER, GROUP).map(Self)
    }

    /// Takes all news. Whether somebody else than the processes `ours` changed a table of that name; where news
    /// were lost (ENOBUFS) somebody may have. A program's first netlink socket has its process id for a name
    /// (netlink(7)).
    pub fn drain(&self, table: &str, ours: [u32; 2]) -> bool {
        let mut buffer = vec![0; 32768];
        let mut foreign = false;
        // Bounded; what is left wakes us again.
        for _ in 0..64 {
            match self.0.receive(&mut buffer) {
                Ok(bytes) => foreign |= tell_of(bytes, table, ours),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => foreign = true,
            }
        }
        foreign
    }
}

impl AsFd for News {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether the news in one datagram are of a change by somebody else.
pub fn tell_of(bytes: &[u8], table: &str, ours: [u32; 2]) -> bool {
    netlink::messages(bytes).any(|message| is_foreign(&message, table, ours))
}

fn is_foreign(message: &netlink::Message<'_>, table: &str, ours: [u32; 2]) -> bool {
    if message.kind >> 8 != SUBSYSTEM
        || message.kind & 0xff == NEWGEN
        || ours.contains(&message.port)
    {
        return false;
    }
    let attributes = message.body.get(HEADER..).unwrap_or_default();
    let mut named = netlink::attributes(attributes).filter(|(kind, _)| *kind == TABLE_NAME);
    named.any(|(_, name)| name.split(|byte| *byte == 0).next() == Some(table.as_bytes()))
}
