//! What is taken from packet sockets, and how.

use core::time::Duration;

/// Packets taken from one socket before the loop looks at the others, the signals and the children.
pub const BATCH_MAX: usize = 64;

/// Datagrams taken by one system call: so the call is a small part of what each costs. 24 kB of memory.
pub const RECEIVED_MAX: usize = 16;

/// Packets in a millisecond after which the next are left to gather for [`GATHER`]. No person's scan is so fast
/// that a millisecond counts, and in a flood a packet costs half as much in company.
pub const FLOOD_MIN: usize = 8;

/// How long packets gather in a flood. The kernel has room for those of a hundred times as long.
pub const GATHER: Duration = Duration::from_millis(1);

/// Bytes of a packet that are read: all of what an Ethernet carries, because IPv6 may put any number of
/// extension headers before TCP, and the kernel answers behind all of them. What a larger frame carries
/// behind them is not seen.
pub const SNAP: usize = 1536;

/// Between two lines about packets that were lost. A flood goes on for hours, and what it says is always the same.
pub const LOSS_PAUSE: Duration = Duration::from_secs(10);

const _: () = assert!(BATCH_MAX.is_multiple_of(RECEIVED_MAX));
