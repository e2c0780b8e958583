//! Who was banned before, and how often: a repeat offender is banned for longer each time.

use core::time::Duration;

use crate::judge::table::Table;
use crate::limits::OFFENDERS_MAX;
use crate::net::Prefix;
use crate::time::Instant;

/// Sources whose bans ended, for a while.
#[derive(Debug)]
pub(super) struct Offenders(Table<Past>);

#[derive(Clone, Copy, Debug)]
struct Past {
    strikes: u8,
    forget_at: Instant,
}

impl Offenders {
    /// Nobody yet.
    pub(super) fn new(seed: (u64, u64)) -> Self {
        Self(Table::new(OFFENDERS_MAX, seed))
    }

    /// A ban of a source ended that was its nth; that is remembered for `memory`. When there is no room, whoever
    /// is forgotten soonest makes it.
    pub(super) fn note(&mut self, now: Instant, source: Prefix, strikes: u8, memory: Duration) {
        if self.0.is_full() {
            let soonest = self.0.iter().min_by_key(|(_, past)| past.forget_at);
            if let Some(key) = soonest.map(|(key, _)| *key) {
                self.0.remove(&key);
            }
        }
        let forget_at = now.after(memory);
        let _fits = self.0.insert(source, Past { strikes, forget_at });
    }

    /// How often a source was banned lately.
    pub(super) fn strikes(&self, now: Instant, source: &Prefix) -> u8 {
        let known = self.0.get(source).filter(|past| now < past.forget_at);
        known.map_or(0, |past| past.strikes)
    }

    /// All of them: how often, and until when that counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Prefix, u8, Instant)> {
        self.0
            .iter()
            .map(|(source, past)| (source, past.strikes, past.forget_at))
    }

    /// How many there are, and may be.
    pub(super) fn fill(&self) -> (usize, usize) {
        (self.0.len(), OFFENDERS_MAX)
    }

    /// Forgets a source.
    pub(super) fn forget(&mut self, source: &Prefix) {
        self.0.remove(source);
    }
}
