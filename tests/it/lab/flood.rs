//! As many packets as one core can send.

use super::packet;
use super::{BOUND, Lab, ROUTER, eventually};
use socket2::{Domain, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// An address for a flood: 198.18.0.0/15 is set aside for load tests, and has room for 131,072.
pub(crate) fn forged(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 + n % 0x2_0000))
}

/// The nth stranger of a flood of handshakes, of 65,536, and a port for each time.
fn stranger(n: u32) -> SocketAddr {
    let [_, round, high, low] = n.to_be_bytes();
    SocketAddr::new(
        IpAddr::V4(Ipv4Addr::new(10, 99, high, low)),
        30_000 + u16::from(round),
    )
}

/// Between two namespaces of one kernel a handshake is finished when connect() returns, if it ever will be. What
/// is closed then leaves nothing behind, neither a second SYN nor a port that lingers.
fn handshake(n: u32, to: SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&stranger(n).into()).unwrap();
    // It is in progress, or refused at once.
    let _ = socket.connect(&to.into());
}

/// A datagram to a trap that seems to come from the n-th forged address.
pub(crate) fn forged_datagram(n: u32) -> Vec<u8> {
    packet::udp(
        SocketAddr::new(forged(n), 40000),
        SocketAddr::new(ROUTER, 7),
    )
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
    /// Does something while the scanner's machine sends what `packet` makes of 0, 1, 2 and so on. How many those
    /// were.
    pub(crate) fn during(
        lab: &Lab,
        packet: impl Fn(u32) -> Vec<u8> + Sync,
        work: impl FnOnce(&Flood),
    ) -> u32 {
        let sender = lab.scanner.sender();
        let send = |n| sender.send(&packet(n));
        Flood::flow(|flood| flood.repeat(send), work)
    }

    /// The same with handshakes of strangers: each is begun once, and reset whether it was finished or not.
    pub(crate) fn of_handshakes(lab: &Lab, to: SocketAddr, work: impl FnOnce(&Flood)) -> u32 {
        let place = &lab.scanner;
        let flow = |flood: &Flood| place.inside(|| flood.repeat(|n| handshake(n, to)));
        Flood::flow(flow, work)
    }

    fn flow(flow: impl FnOnce(&Flood) + Send, work: impl FnOnce(&Flood)) -> u32 {
        let flood = &Flood::default();
        std::thread::scope(|scope| {
            scope.spawn(|| flow(flood));
            // Also when the work panics: otherwise its thread would wait for the flood, and for ever.
            let _end = Ending(&flood.over);
            work(flood);
        });
        flood.sent()
    }

    fn repeat(&self, send: impl Fn(u32)) {
        let end = Instant::now() + 4 * BOUND;
        while !self.over.load(Ordering::Relaxed) && Instant::now() < end {
            send(self.sent.fetch_add(1, Ordering::Relaxed));
        }
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
