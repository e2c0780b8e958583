//! Who has probed lately, and what.
//!
//! A new source is on probation until it has touched as many traps as the storm valve asks for. Forged sources
//! touch one, or a few, so a flood of them displaces one another there, and never those who scan.

use core::net::IpAddr;
use core::time::Duration;

use crate::judge::crowd::Crowd;
use crate::judge::recent::Recent;
use crate::judge::record::Record;
pub use crate::judge::record::{Remembered, Standing, Touch};
use crate::judge::table::Table;
use crate::judge::verdict::News;
use crate::limits::{FOLD, KNOWN_MAX, PROBATION_MAX, PROBATION_TOUCHES, TOUCHES_MAX, WINDOW_MIN};
use crate::net::Prefix;
use crate::see::probe::Probe;
use crate::time::Instant;

/// Sources on probation that are drawn when one has to make room.
const DRAWN: usize = 16;

/// Newcomers of those that one is chosen of.
const COMPARED: usize = 2;

/// All sources.
#[derive(Debug)]
pub struct Sources {
    probation: Table<Record<PROBATION_TOUCHES>>,
    known: Table<Record<TOUCHES_MAX>>,
    recent: Recent,
    random: u64,
    /// When the counts of repeats are due to be reported; None while there are none.
    report_at: Option<Instant>,
    /// Sources pushed out by others, both parts.
    pub evicted: u64,
    crowd: Crowd,
}

impl Sources {
    /// Nobody yet.
    pub fn new(seed: (u64, u64)) -> Self {
        Self {
            probation: Table::new(PROBATION_MAX, seed),
            known: Table::new(KNOWN_MAX, seed),
            recent: Recent::new(seed),
            random: seed.0 | 1,
            report_at: None,
            evicted: 0,
            crowd: Crowd::default(),
        }
    }

    /// Notes a probe. A touch from the same source port as before is a retransmission and counts once. Whoever has
    /// touched nothing for `window` begins anew.
    pub fn touch(
        &mut self,
        now: Instant,
        window: Duration,
        source: Prefix,
        probe: &Probe,
    ) -> Standing {
        self.forget_stale(now, window, &source);
        if let Some(record) = self.known.get_mut(&source) {
            let lost = record.may_have_lost(probe);
            let mut standing = record.touch(now, probe);
            if lost && self.recent.holds(now, &source, probe) {
                record.reported(probe);
                standing.repeat = true;
            }
            return standing;
        }
        let Some(record) = self.probation.get_mut(&source) else {
            let mut record = Record::new(now, probe.source);
            let standing = record.touch(now, probe);
            self.count_newcomer(now);
            self.put_on_probation(source, record);
            return standing;
        };
        if record.has_room_for(probe) {
            return record.touch(now, probe);
        }
        let mut known = record.promoted();
        self.probation.remove(&source);
        let standing = known.touch(now, probe);
        self.put_among_known(source, known);
        standing
    }

    /// Whether this very touch was reported within the last minute.
    pub fn is_repeat(&self, now: Instant, source: &Prefix, probe: &Probe) -> bool {
        if let Some(record) = self.known.get(source) {
            let lost = record.may_have_lost(probe);
            return record.is_repeat(now, probe) || (lost && self.recent.holds(now, source, probe));
        }
        let record = self.probation.get(source);
        record.is_some_and(|record| record.is_repeat(now, probe))
    }

    /// The touch just noted was reported: from now on its repeats are folded.
    pub fn reported(&mut self, source: &Prefix, probe: &Probe) {
        if let Some(record) = self.known.get_mut(source) {
            record.reported(probe);
            self.recent.note(record.seen, source, probe);
        } else if let Some(record) = self.probation.get_mut(source) {
            record.reported(probe);
            self.recent.note(record.seen, source, probe);
        }
    }

    /// The touch just noted is a repeat: it is counted instead of reported.
    pub fn fold(&mut self, now: Instant, source: &Prefix) {
        if let Some(record) = self.known.get_mut(source) {
            record.folded = record.folded.saturating_add(1);
        } else if let Some(record) = self.probation.get_mut(source) {
            record.folded = record.folded.saturating_add(1);
        }
        self.report_later(now);
    }

    /// There is something to report within a minute.
    pub fn report_later(&mut self, now: Instant) {
        self.report_at.get_or_insert(now.after(FOLD));
    }

    /// When [`Self::take_folded`] has something to say.
    pub fn report_at(&self) -> Option<Instant> {
        let times = [self.report_at, self.crowd.due_at()];
        times.into_iter().flatten().min()
    }

    /// Hands every source with repeats to `say`: its address, how many, and whether it touched one trap only.
    /// False, and nothing done, until it is due.
    pub fn take_folded(&mut self, now: Instant, mut say: impl FnMut(IpAddr, u32, bool)) -> bool {
        if self.report_at().is_none_or(|at| now < at) {
            return false;
        }
        self.report_at = None;
        for (_, record) in self.known.iter_mut() {
            record.take_folded(&mut say);
        }
        for (_, record) in self.probation.iter_mut() {
            record.take_folded(&mut say);
        }
        true
    }

    /// What is remembered of a source; None: nothing, or it would begin anew.
    pub fn remembered(
        &self,
        now: Instant,
        window: Duration,
        source: &Prefix,
    ) -> Option<Remembered<'_>> {
        let known = self.known.get(source).map(Record::read);
        let remembered = known.or_else(|| self.probation.get(source).map(Record::read));
        remembered.filter(|of| now.since(of.seen) < window)
    }

    /// Forgets a source altogether.
    pub fn forget(&mut self, source: &Prefix) {
        self.known.remove(source);
        self.probation.remove(source);
    }

    /// Forgets those that `which` chooses.
    pub fn forget_if(&mut self, which: impl Fn(&Prefix) -> bool) {
        forget_some(&mut self.known, &which);
        forget_some(&mut self.probation, &which);
    }

    /// A source fulfils the rule of banning. Whether it does so for the first time.
    pub fn triggered(&mut self, source: &Prefix) -> bool {
        let known = self
            .known
            .get_mut(source)
            .map(|record| &mut record.triggered);
        let on_probation = self.probation.get_mut(source);
        let triggered = known.or(on_probation.map(|record| &mut record.triggered));
        let first = triggered.is_some_and(|triggered| !core::mem::replace(triggered, true));
        self.crowd.triggered += u32::from(first);
        first
    }

    /// Whether the sources of the last minute that stayed below what a ban takes are enough to be told as one
    /// event.
    pub fn take_crowd(&mut self, now: Instant) -> Option<News> {
        self.crowd.look(now)
    }

    fn count_newcomer(&mut self, now: Instant) {
        self.crowd.came = self.crowd.came.saturating_add(1);
        self.report_later(now);
    }

    /// How many sources are on probation, and how many are known; and how many there may be of each.
    pub fn fill(&self) -> [(usize, usize); 2] {
        [
            (self.probation.len(), PROBATION_MAX),
            (self.known.len(), KNOWN_MAX),
        ]
    }

    fn forget_stale(&mut self, now: Instant, window: Duration, source: &Prefix) {
        let known = self.known.get(source).map(|record| record.seen);
        let seen = known.or_else(|| self.probation.get(source).map(|record| record.seen));
        if seen.is_some_and(|seen| now.since(seen) >= window) {
            self.forget(source);
        }
    }

    fn put_on_probation(&mut self, source: Prefix, record: Record<PROBATION_TOUCHES>) {
        if self.probation.is_full() {
            if let Some(key) = self.quietest_on_probation() {
                self.probation.remove(&key);
                self.evicted += 1;
            }
        }
        let _fits = self.probation.insert(source, record);
    }

    /// Who makes room. Newcomers with one trap make it for newcomers while they are half of those on probation,
    /// and of the others whoever is quiet longest: so a flood that touches one trap with each source takes
    /// nobody's place who touched two, and one that touches four leaves a newcomer the time to touch his next.
    fn quietest_on_probation(&mut self) -> Option<Prefix> {
        let mut drawn: heapless::Vec<(Prefix, Instant, bool), DRAWN> = heapless::Vec::new();
        for _ in 0..DRAWN {
            let at = self.draw(self.probation.len());
            if let Some((key, record)) = self.probation.at(at) {
                let _fits = drawn.push((*key, record.seen, record.is_fresh()));
            }
        }
        let newcomers = drawn.iter().filter(|(.., fresh)| *fresh);
        let of_newcomers = newcomers.count() * 2 >= drawn.len();
        let compared = match of_newcomers {
            true => COMPARED,
            false => DRAWN,
        };
        let eligible = drawn.iter().filter(|(.., fresh)| *fresh == of_newcomers);
        let quietest = eligible.take(compared).min_by_key(|(_, seen, _)| *seen);
        quietest.map(|(key, ..)| *key)
    }

    fn put_among_known(&mut self, source: Prefix, record: Record<TOUCHES_MAX>) {
        if self.known.is_full() {
            let quietest = self.known.iter().min_by_key(|(_, record)| record.seen);
            if let Some(key) = quietest.map(|(key, _)| *key) {
                self.known.remove(&key);
                self.evicted += 1;
            }
        }
        let _fits = self.known.insert(source, record);
    }

    /// A number below `bound`, from xorshift64 (Marsaglia): nobody outside knows the seed.
    fn draw(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap_or(0) % bound.max(1)
    }
}

fn forget_some<T>(table: &mut Table<T>, which: &dyn Fn(&Prefix) -> bool) {
    let mut at = 0;
    // The last one takes the place of one that goes.
    while let Some(key) = table.key_at(at) {
        match which(&key) {
            true => drop(table.remove(&key)),
            false => at += 1,
        }
    }
}

const _: () = assert!(WINDOW_MIN.as_secs() > FOLD.as_secs());

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed elsewhere; the first is that of Marsaglia's own example.
    #[test]
    fn the_numbers_are_those_of_xorshift64() {
        let mut sources = Sources::new((88_172_645_463_325_252, 0));
        sources.random = 88_172_645_463_325_252;
        let drawn = [(); 6].map(|()| sources.draw(4096));
        assert_eq!(drawn, [1210, 2475, 2109, 3836, 1161, 3482]);
        assert_eq!([0, 1].map(|bound| sources.draw(bound)), [0, 0]);
    }
}
