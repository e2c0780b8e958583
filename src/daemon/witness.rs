//! The one question that a probe raises: whose is it?

use crate::limits::CONNTRACK_LOOK;
use crate::see::conntrack::{Belongs, Entry};
use crate::see::forwards::Forwards;
use crate::see::probe::{Probe, Protocol};
use crate::see::traps::PortBits;
use crate::sys::conntrack::{self, Answers, Conntrack};
use crate::sys::services::Services;
use crate::time::Instant;

/// Whom we ask.
pub(super) struct Witness {
    conntrack: Conntrack,
    services: Services,
    forwards: Forwards,
    list_read_at: Instant,
}

impl Witness {
    pub(super) fn open() -> Self {
        Self {
            conntrack: Conntrack::open(),
            services: Services::default(),
            forwards: Forwards::default(),
            list_read_at: Instant::default(),
        }
    }

    /// Whether a service of ours listens where the packet goes: that costs a look at a list, not a call.
    pub(super) fn serves(&mut self, now: Instant, probe: &Probe) -> bool {
        let (protocol, addr) = (probe.protocol, probe.destination);
        self.services.serve(now, protocol, addr, probe.port)
    }

    /// Whose the packet is, of a service or whatever else.
    pub(super) fn ask(&mut self, now: Instant, probe: &Probe) -> Belongs {
        if self.serves(now, probe) {
            return Belongs::Us;
        }
        let answers = self.ask_kernel(now, core::slice::from_ref(probe));
        answers.first().copied().unwrap_or(Belongs::Unknown)
    }

    /// Whose packets are that go to no service of ours, in their order; at most RECEIVED_MAX.
    pub(super) fn ask_kernel(&mut self, now: Instant, probes: &[Probe]) -> Answers {
        let mut answers = self.conntrack.ask(now, probes);
        for (answer, probe) in answers.iter_mut().zip(probes) {
            *answer = self.forwards.recall(now, probe, *answer);
        }
        answers
    }

    /// The ports on which a service can be reached from outside. A service on a loopback address keeps its port a
    /// trap everywhere else.
    pub(super) fn in_use(&mut self, protocol: Protocol) -> PortBits {
        let mut ports = PortBits::none();
        self.services.each(protocol, &mut |listener| {
            if !listener.addr.is_loopback() {
                ports.add(listener.port);
            }
        });
        ports
    }

    /// When the list of connections was last read.
    pub(super) fn list_read_at(&self) -> Instant {
        self.list_read_at
    }

    /// Whether the list of connections may be read now, which takes milliseconds; at most once a second. A yes
    /// counts as reading it.
    pub(super) fn may_read_list(&mut self, now: Instant) -> bool {
        let due = now >= self.list_read_at.after(CONNTRACK_LOOK);
        if due {
            self.list_read_at = now;
        }
        due
    }

    /// Hands each tracked connection of a protocol to `each`; false if the list is missing or too long.
    pub(super) fn read_list(&self, protocol: Protocol, each: impl FnMut(&Entry)) -> bool {
        conntrack::read_list(protocol, each)
    }
}
