//! Touches that were reported within the last minute, of sources that touch more traps than their record holds: a
//! scan of all ports below 1,024 comes back to those that did not answer, and is not to be reported twice.

use crate::judge::record::kind;
use crate::judge::table::hash;
use crate::limits::{FOLD, RECENT_MAX};
use crate::net::Prefix;
use crate::see::probe::Probe;
use crate::time::Instant;

/// The latest of all such touches; the next one takes the place of the oldest.
#[derive(Debug)]
pub(super) struct Recent {
    /// What was touched, in short, and the second of it.
    touches: Vec<(u32, u32)>,
    next: usize,
    seed: (u64, u64),
}

impl Recent {
    pub(super) fn new(seed: (u64, u64)) -> Self {
        Self {
            // Pages that nobody has written to cost nothing.
            touches: Vec::with_capacity(RECENT_MAX),
            next: 0,
            seed,
        }
    }

    /// Notes one that was reported.
    pub(super) fn note(&mut self, now: Instant, source: &Prefix, probe: &Probe) {
        let touch = (self.short(source, probe), second(now));
        match self.touches.get_mut(self.next) {
            Some(place) => *place = touch,
            None => self.touches.push(touch),
        }
        self.next = (self.next + 1) % RECENT_MAX;
    }

    /// Whether this one is among them.
    pub(super) fn holds(&self, now: Instant, source: &Prefix, probe: &Probe) -> bool {
        let short = self.short(source, probe);
        let span = u32::try_from(FOLD.as_secs()).unwrap_or(0);
        let oldest = second(now).saturating_sub(span);
        let mut touches = self.touches.iter();
        touches.any(|(touch, at)| *touch == short && *at > oldest)
    }

    /// Keyed, so that nobody finds a touch that is taken for another; by chance one in a million is.
    fn short(&self, source: &Prefix, probe: &Probe) -> u32 {
        let [high, low] = probe.port.to_be_bytes();
        let protocol = probe.protocol.number();
        let touch = u64::from_be_bytes([0, 0, 0, 0, protocol, kind(probe), high, low]);
        hash((self.seed.0 ^ touch, self.seed.1), source)
    }
}

/// Counted from 1: in the machine's first minute the oldest that counts is 0, and all are later.
fn second(now: Instant) -> u32 {
    u32::try_from(now.millis() / 1000 + 1).unwrap_or(u32::MAX)
}
