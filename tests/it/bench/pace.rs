//! Packets at an even pace, each noted when it left.

use crate::lab::touch::Sender;
use crate::lab::{ROUTER, packet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// What the kernel may make of a sleep beyond what was asked for: nearer than that is waited for awake.
const NEAR: Duration = Duration::from_micros(200);

/// Sends them, so many a second; when each was sent. Where the machine has no time for that, they come later.
pub(super) fn send(sender: &Sender, packets: &[Vec<u8>], each_second: u32) -> Vec<Instant> {
    let begun = Instant::now();
    let sent = (0..).zip(packets).map(|(at, packet)| {
        let due = Duration::from_secs(1) * at / each_second;
        if let Some(rest) = due.checked_sub(begun.elapsed() + NEAR) {
            std::thread::sleep(rest);
        }
        while begun.elapsed() < due {
            std::hint::spin_loop();
        }
        let at = Instant::now();
        sender.send(packet);
        at
    });
    sent.collect()
}

/// So many SYNs of one source to a trap, each the first of a connection of its own.
pub(super) fn touches(from: IpAddr, count: u16) -> Vec<Vec<u8>> {
    let trap = SocketAddr::new(ROUTER, 11);
    let touch = |n| packet::tcp(SocketAddr::new(from, 1024 + n), trap, "S");
    (0..count).map(touch).collect()
}
