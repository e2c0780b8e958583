//! What is remembered of one source.

use core::net::IpAddr;

use crate::judge::counts::Counts;
use crate::limits::{FOLD, PROBATION_TOUCHES, TOUCHES_MAX};
use crate::see::probe::{Kind, Probe, Protocol};
use crate::time::Instant;

/// A trap that a source touched.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    port: u16,
    protocol: Protocol,
    /// Its number among the names of the kinds: the same port touched by SYN and by FIN are two touches.
    kind: u8,
    source_port: u16,
    /// When it was last touched anew, and whether that touch was reported.
    at: Instant,
    reported: bool,
}

/// What is remembered of a source, for whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct Remembered<'a> {
    /// When it was last there.
    pub seen: Instant,
    /// Probes that count.
    pub hits: u32,
    /// Different traps touched.
    pub ports: u16,
    /// The last of them.
    pub touches: &'a [Touch],
}

/// What is remembered of a source. `touches` has PROBATION_TOUCHES places on probation and TOUCHES_MAX behind it.
#[derive(Debug)]
pub(super) struct Record<const N: usize> {
    /// The address that sent the last probe, of the prefix that is the key.
    addr: IpAddr,
    pub(super) seen: Instant,
    hits: u32,
    ports: u16,
    pub(super) folded: u32,
    /// The rule of banning was fulfilled.
    pub(super) triggered: bool,
    touches: heapless::Vec<Touch, N>,
    oldest: u8,
}

/// What one more probe makes of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Probes that count.
    pub hits: u32,
    /// Different traps touched, as far as remembered.
    pub ports: u16,
    /// Whether this very touch was reported within the last minute.
    pub repeat: bool,
    /// A newcomer: one trap only.
    pub fresh: bool,
}

impl<const N: usize> Record<N> {
    pub(super) fn new(now: Instant, addr: IpAddr) -> Self {
        Self {
            addr,
            seen: now,
            hits: 0,
            ports: 0,
            folded: 0,
            triggered: false,
            touches: heapless::Vec::new(),
            oldest: 0,
        }
    }

    pub(super) fn read(&self) -> Remembered<'_> {
        Remembered {
            seen: self.seen,
            hits: self.hits,
            ports: self.ports,
            touches: &self.touches,
        }
    }

    /// Whether this touch can be noted without forgetting another.
    pub(super) fn has_room_for(&self, probe: &Probe) -> bool {
        !self.touches.is_full() || self.touches.iter().any(|touch| touch.is(probe))
    }

    /// Whether it touched one trap only.
    pub(super) fn is_fresh(&self) -> bool {
        self.ports < 2
    }

    /// Whether this very touch was reported within the last minute.
    pub(super) fn is_repeat(&self, now: Instant, probe: &Probe) -> bool {
        let known = self.touches.iter().find(|touch| touch.is(probe));
        known.is_some_and(|touch| touch.reported && now.since(touch.at) < FOLD)
    }

    pub(super) fn touch(&mut self, now: Instant, probe: &Probe) -> Standing {
        self.seen = now;
        self.addr = probe.source;
        let known = self.touches.iter_mut().find(|touch| touch.is(probe));
        let repeat = match known {
            Some(touch) => {
                let recent = now.since(touch.at) < FOLD;
                let again = touch.source_port == probe.source_port && recent;
                let repeat = touch.reported && recent;
                if !again {
                    self.hits = self.hits.saturating_add(1);
                }
                if !recent {
                    touch.at = now;
                    touch.reported = false;
                }
                touch.source_port = probe.source_port;
                repeat
            }
            None => {
                self.add(Touch::new(now, probe));
                self.hits = self.hits.saturating_add(1);
                false
            }
        };
        Standing {
            hits: self.hits,
            ports: self.ports,
            repeat,
            fresh: self.is_fresh(),
        }
    }

    fn add(&mut self, touch: Touch) {
        if !self.touches.iter().any(|t| t.same_trap(&touch)) {
            self.ports = self.ports.saturating_add(1);
        }
        let Err(touch) = self.touches.push(touch) else {
            return;
        };
        let at = usize::from(self.oldest);
        if let Some(oldest) = self.touches.get_mut(at) {
            *oldest = touch;
        }
        self.oldest = u8::try_from((at + 1) % N).unwrap_or(0);
    }

    /// Whether this touch may have been forgotten for others.
    pub(super) fn may_have_lost(&self, probe: &Probe) -> bool {
        !self.has_room_for(probe)
    }

    pub(super) fn reported(&mut self, probe: &Probe) {
        if let Some(touch) = self.touches.iter_mut().find(|touch| touch.is(probe)) {
            touch.reported = true;
        }
    }

    pub(super) fn take_folded(&mut self, mut say: impl FnMut(IpAddr, u32, bool)) {
        if self.folded > 0 {
            say(self.addr, self.folded, self.is_fresh());
            self.folded = 0;
        }
    }
}

impl Record<PROBATION_TOUCHES> {
    pub(super) fn promoted(&self) -> Record<TOUCHES_MAX> {
        let mut record = Record::new(self.seen, self.addr);
        record.hits = self.hits;
        record.ports = self.ports;
        record.folded = self.folded;
        record.triggered = self.triggered;
        record.touches.extend(self.touches.iter().copied());
        record
    }
}

impl Touch {
    /// Which trap.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Of which protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The name of the kind.
    pub fn kind(&self) -> &'static str {
        let kind = Counts::KINDS.get(usize::from(self.kind));
        kind.copied().unwrap_or_default()
    }

    /// Whether a bound socket saw it.
    pub fn is_connect(&self) -> bool {
        self.kind == 0
    }

    /// When, to a minute.
    pub fn at(&self) -> Instant {
        self.at
    }

    fn new(now: Instant, probe: &Probe) -> Self {
        Self {
            port: probe.port,
            protocol: probe.protocol,
            kind: kind(probe),
            source_port: probe.source_port,
            at: now,
            reported: false,
        }
    }

    fn same_trap(&self, other: &Self) -> bool {
        self.port == other.port && self.protocol == other.protocol
    }

    fn is(&self, probe: &Probe) -> bool {
        let same = self.port == probe.port && self.protocol == probe.protocol;
        same && self.kind == kind(probe)
    }
}

/// So many kinds there are.
pub(super) const KINDS: usize = 8;

/// The number of a probe's kind among them.
pub(super) fn kind(probe: &Probe) -> u8 {
    match probe.kind {
        Kind::Connect => 0,
        Kind::Syn => 1,
        Kind::Null => 2,
        Kind::Fin => 3,
        Kind::Xmas => 4,
        Kind::Unknown(_) => 5,
        Kind::Fragment => 6,
        Kind::Udp => 7,
    }
}
