//! Our own listeners, from /proc/net.

use std::net::IpAddr;

use crate::limits::{LISTENERS_AGE, LISTENERS_MAX};
use crate::see::listeners::{Listener, listener_of_line};
use crate::see::probe::Protocol;
use crate::time::Instant;

/// The listeners of both protocols, as they were a moment ago.
pub struct Services {
    tcp: Reading,
    udp: Reading,
}

struct Reading {
    listeners: Vec<Listener>,
    overflow: bool,
    at: Option<Instant>,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            tcp: Reading::new(),
            udp: Reading::new(),
        }
    }
}

impl Services {
    /// Whether a service of this machine listens there.
    pub fn serve(&mut self, now: Instant, protocol: Protocol, addr: IpAddr, port: u16) -> bool {
        let reading = match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        };
        if reading.at.is_none_or(|at| now.since(at) >= LISTENERS_AGE) {
            reading.read(protocol);
            reading.at = Some(now);
        }
        let known = reading.listeners.iter().any(|l| l.serves(addr, port));
        known || (reading.overflow && find(protocol, |l| l.serves(addr, port)))
    }
}

impl Reading {
    /// With all the room that it may ever need: pages that nobody touches cost nothing.
    fn new() -> Self {
        Self {
            listeners: Vec::with_capacity(LISTENERS_MAX),
            overflow: false,
            at: None,
        }
    }

    fn read(&mut self, protocol: Protocol) {
        self.listeners.clear();
        let (listeners, mut overflow) = (&mut self.listeners, false);
        find(protocol, |listener| {
            let full = listeners.len() == LISTENERS_MAX;
            if !full {
                listeners.push(*listener);
            }
            overflow |= full;
            false
        });
        self.overflow = overflow;
    }
}

/// Whether some listener is `wanted`.
fn find(protocol: Protocol, mut wanted: impl FnMut(&Listener) -> bool) -> bool {
    let lists = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let mut found = false;
    for list in lists {
        // A kernel without IPv6 has no such list.
        let _missing = super::lines::each(list, |line| {
            found = listener_of_line(line, protocol).is_some_and(|l| wanted(&l));
            !found
        });
        if found {
            return true;
        }
    }
    false
}
