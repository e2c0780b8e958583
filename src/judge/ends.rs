//! Bans that end with their time, and who is remembered for having had one.

use core::time::Duration;

use crate::judge::ban::Ban;
use crate::judge::bans::Bans;
use crate::judge::widen::SITES;
use crate::net::Prefix;
use crate::time::Instant;

impl Bans {
    /// Ends those whose time is over, and remembers for `memory` that they were. How many.
    pub fn expire(&mut self, now: Instant, memory: Duration) -> u64 {
        if self.ends_at.is_none_or(|at| now < at) {
            return 0;
        }
        let over = |ban: &Ban| ban.until.is_some_and(|until| until <= now);
        for (source, ban) in self.table.iter().filter(|(_, ban)| ban.wanted && over(ban)) {
            self.offenders.note(now, *source, ban.strikes, memory);
        }
        let mut count = 0;
        self.free_if(|_, ban| {
            count += u64::from(over(ban));
            over(ban)
        });
        let left = self.table.iter().filter(|(_, ban)| ban.wanted);
        self.ends_at = left.filter_map(|(_, ban)| ban.until).min();
        count
    }

    /// When [`Self::expire`] has something to do.
    pub fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }

    /// How often a source was banned lately, or the network or site that it is a part of.
    pub fn strikes(&self, now: Instant, source: &Prefix) -> u8 {
        let wider = SITES.into_iter().chain([64]);
        let sites = wider.filter_map(|bits| Prefix::new(source.addr(), bits));
        let sites = sites.chain([*source]);
        let strikes = sites.map(|site| self.offenders.strikes(now, &site));
        strikes.max().unwrap_or(0)
    }

    /// Who was banned lately, how often, and until when that counts.
    pub fn past(&self) -> impl Iterator<Item = (&Prefix, u8, Instant)> {
        self.offenders.iter()
    }

    /// Remembers somebody whose bans ended before we came.
    pub fn recall(&mut self, now: Instant, source: Prefix, strikes: u8, until: Instant) {
        self.offenders.note(now, source, strikes, until.since(now));
    }

    /// How many sources are remembered for having been banned, and how many can be.
    pub fn offenders(&self) -> (usize, usize) {
        self.offenders.fill()
    }

    /// Forgets that a source was ever banned.
    pub fn forgive(&mut self, source: &Prefix) {
        self.offenders.forget(source);
    }
}
