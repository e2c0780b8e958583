//! Our own listeners, from /proc/net and sock_diag.

use std::net::IpAddr;

use crate::limits::{LISTENERS_AGE, LISTENERS_MAX};
use crate::see::listeners::{Listener, Progress, listener_of_line};
use crate::see::probe::Protocol;
use crate::see::traps::PortBits;
use crate::time::Instant;

/// The listeners of both protocols, as they were a moment ago.
pub struct Services {
    tcp: Reading,
    udp: Reading,
    /// sock_diag has answered so far.
    diag: bool,
}

/// However many packets come, a list is read once in LISTENERS_AGE: that bounds what a flood costs.
struct Reading {
    listeners: Vec<Listener>,
    /// The ports of the listeners that did not fit above: those count for every address.
    beyond: PortBits,
    overflow: bool,
    at: Option<Instant>,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            tcp: Reading::new(),
            udp: Reading::new(),
            diag: true,
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
            reading.read(protocol, &mut self.diag);
            reading.at = Some(now);
        }
        let known = reading.listeners.iter().any(|l| l.serves(addr, port));
        known || (reading.overflow && reading.beyond.contains(port))
    }

    /// Hands each listener of a protocol to `each`, as they are now.
    pub fn each(&mut self, protocol: Protocol, each: &mut dyn FnMut(&Listener)) {
        list(protocol, &mut self.diag, each);
    }
}

impl Reading {
    /// With all the room that it may ever need: pages that nobody touches cost nothing.
    fn new() -> Self {
        Self {
            listeners: Vec::with_capacity(LISTENERS_MAX),
            beyond: PortBits::none(),
            overflow: false,
            at: None,
        }
    }

    fn read(&mut self, protocol: Protocol, diag: &mut bool) {
        self.listeners.clear();
        if self.overflow {
            self.beyond.clear();
            self.overflow = false;
        }
        list(protocol, diag, &mut |listener| {
            if self.listeners.len() < LISTENERS_MAX {
                return self.listeners.push(*listener);
            }
            self.overflow = true;
            self.beyond.add(listener.port);
        });
    }
}

/// Lists them: in IPv4 from /proc, in IPv6 by sock_diag where the kernel has it. To ask for what is missing may
/// make it look for a module, so that is done once.
fn list(protocol: Protocol, diag: &mut bool, each: &mut dyn FnMut(&Listener)) {
    let [four, six] = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    read(four, protocol, each);
    *diag = *diag && super::diag::each(protocol, each).is_ok();
    if !*diag {
        read(six, protocol, each);
    }
}

fn read(path: &str, protocol: Protocol, each: &mut dyn FnMut(&Listener)) {
    let mut progress = Progress::default();
    // A kernel without IPv6 has no such list.
    let _missing = super::lines::each(path, |line| {
        if let Some(listener) = listener_of_line(line, protocol) {
            each(&listener);
        }
        progress.goes_on(line, protocol)
    });
}
