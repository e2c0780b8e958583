//! Our own listeners, from /proc/net and sock_diag.

use std::io;
use std::net::IpAddr;

use crate::limits::{LISTENERS_AGE, LISTENERS_MAX};
use crate::net::Family;
use crate::see::listeners::{Listener, Progress, listener_of_line};
use crate::see::probe::Protocol;
use crate::see::traps::PortBits;
use crate::sys::diag;
use crate::time::Instant;

/// The listeners of both protocols, as they were a moment ago.
pub struct Services {
    tcp: Lists,
    udp: Lists,
    /// The kernel has sock_diag, as far as is known.
    diag: bool,
}

/// However many packets come, a list is read once in LISTENERS_AGE: that bounds what a flood costs.
struct Lists {
    /// As read last. One that cannot be read (no descriptor, no memory) leaves this in force: a service taken
    /// for a trap would be the worse mistake.
    last: Reading,
    /// Room for the next.
    next: Reading,
    at: Option<Instant>,
}

struct Reading {
    listeners: Vec<Listener>,
    /// The ports of the listeners that did not fit above: those count for every address.
    beyond: PortBits,
    overflow: bool,
    whole: bool,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            tcp: Lists::new(),
            udp: Lists::new(),
            diag: true,
        }
    }
}

impl Services {
    /// Whether a service of this machine listens there. Before a list could be read, one may.
    pub fn serve(&mut self, now: Instant, protocol: Protocol, addr: IpAddr, port: u16) -> bool {
        let lists = match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        };
        if lists.at.is_none_or(|at| now.since(at) >= LISTENERS_AGE) {
            lists.read(protocol, &mut self.diag);
            lists.at = Some(now);
        }
        let Reading {
            listeners, beyond, ..
        } = &lists.last;
        let known = listeners.iter().any(|l| l.serves(addr, port));
        known || !lists.last.whole || (lists.last.overflow && beyond.contains(port))
    }

    /// Hands each listener of a protocol to `each`, as they are now.
    pub fn each(&mut self, protocol: Protocol, each: &mut dyn FnMut(&Listener)) {
        // What is missing then is not announced.
        let _whole = list(protocol, &mut self.diag, each);
    }
}

impl Lists {
    fn new() -> Self {
        Self {
            last: Reading::new(),
            next: Reading::new(),
            at: None,
        }
    }

    fn read(&mut self, protocol: Protocol, diag: &mut bool) {
        self.next.read(protocol, diag);
        if self.next.whole {
            core::mem::swap(&mut self.last, &mut self.next);
        }
    }
}

impl Reading {
    /// With all the room that it may ever need: pages that nobody touches cost nothing.
    fn new() -> Self {
        Self {
            listeners: Vec::with_capacity(LISTENERS_MAX),
            beyond: PortBits::none(),
            overflow: false,
            whole: false,
        }
    }

    fn read(&mut self, protocol: Protocol, diag: &mut bool) {
        self.listeners.clear();
        if self.overflow {
            self.beyond.clear();
            self.overflow = false;
        }
        let read = list(protocol, diag, &mut |listener| {
            if self.listeners.len() < LISTENERS_MAX {
                return self.listeners.push(*listener);
            }
            self.overflow = true;
            self.beyond.add(listener.port);
        });
        self.whole = read.is_ok();
    }
}

/// Lists them, by sock_diag where the kernel has it. To ask for what is missing may make it look for a module, so
/// that is done once. The lists under /proc make the kernel look through all that it could remember of connections
/// (established_get_first in net/ipv4/tcp_ipv4.c): milliseconds, on a machine with much memory.
fn list(protocol: Protocol, diag: &mut bool, each: &mut dyn FnMut(&Listener)) -> io::Result<()> {
    let paths = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    for (family, path) in Family::BOTH.into_iter().zip(paths) {
        if *diag {
            match diag::each(family, protocol, each) {
                Ok(()) => continue,
                Err(error) => *diag = !diag::is_missing(&error),
            }
        }
        read(path, protocol, each)?;
    }
    Ok(())
}

fn read(path: &str, protocol: Protocol, each: &mut dyn FnMut(&Listener)) -> io::Result<()> {
    let mut progress = Progress::default();
    let read = super::lines::each(path, |line| {
        if let Some(listener) = listener_of_line(line, protocol) {
            each(&listener);
        }
        progress.goes_on(line, protocol)
    });
    match read {
        // A kernel without IPv6 has no such list.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        read => read,
    }
}
