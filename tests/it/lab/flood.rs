//! As many packets as one core can send.

use super::packet;
use super::{BOUND, Lab, ROUTER, eventually};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// An address for a flood: 198.18.0.0/15 is set aside for load tests, and has room for 131,072.
pub(crate) fn forged(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 + n % 0x2_0000))
}

/// The touch of a trap that seems to come from the n-th forged address.
pub(crate) fn forged_syn(n: u32) -> Vec<u8> {
    packet::tcp(
        SocketAddr::new(forged(n), 40000),
        SocketAddr::new(ROUTER, 11),
        "S",
    )
}

impl Lab {
    /// Packets that the scanner's machine has sent and the router's had no room for, by the count of the device
    /// (proc(5), /proc/net/dev).
    pub(crate) fn lost_on_the_wire(&self) -> usize {
        let count = "awk '/eth0:/ { print $13 }' /proc/self/net/dev";
        self.scanner.sh(count).trim().parse().unwrap()
    }
}

/// A flood under way.
#[derive(Default)]
pub(crate) struct Flood {
    sent: AtomicU32,
    over: AtomicBool,
}

impl Flood {
    /// Does something while the scanner's machine sends what `packet` makes of 0, 1, 2 and so on.
    pub(crate) fn during(
        lab: &Lab,
        packet: impl Fn(u32) -> Vec<u8> + Sync,
        work: impl FnOnce(&Flood),
    ) {
        let sender = lab.scanner.sender();
        let flood = Flood::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let end = Instant::now() + 4 * BOUND;
                while !flood.over.load(Ordering::Relaxed) && Instant::now() < end {
                    sender.send(&packet(flood.sent.fetch_add(1, Ordering::Relaxed)));
                }
            });
            // Also when the work panics: otherwise its thread would wait for the flood, and for ever.
            let _end = Ending(&flood.over);
            work(&flood);
        });
    }

    /// Sends what `packet` makes of each number of a range, so many a second.
    pub(crate) fn paced(
        lab: &Lab,
        numbers: Range<u32>,
        each_second: u32,
        packet: impl Fn(u32) -> Vec<u8>,
    ) {
        let sender = lab.scanner.sender();
        let begun = Instant::now();
        for (at, n) in (0..).zip(numbers) {
            let due = Duration::from_secs(1) * at / each_second;
            // A sleep of less than a millisecond is none.
            while begun.elapsed() + Duration::from_millis(1) < due {
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
            sender.send(&packet(n));
        }
    }

    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns when so many packets have been sent.
    #[track_caller]
    pub(crate) fn reaches(&self, packets: u32) {
        eventually("the flood goes on", || self.sent() >= packets);
    }
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
