//! Who is banned, and how far each ban has come.
//!
//! There is no queue of commands. A ban knows what shall hold (`wanted`) and what the firewall confirmed
//! (`enforced`); what is to be done next is derived from the difference, so nothing is lost, nothing piles
//! up, and what failed is tried again by itself.

use crate::judge::ban::{Ban, Stop};
use crate::judge::lengths::Lengths;
use crate::judge::offenders::Offenders;
use crate::judge::table::Table;
use crate::limits::{BANS_MAX, LEAVING_MAX};
use crate::net::Prefix;
use crate::time::Instant;

/// All bans; those on their way out included. Whichever is not at rest is among the stirred ones.
#[derive(Debug)]
pub struct Bans {
    pub(super) table: Table<Ban>,
    pub(super) offenders: Offenders,
    lengths: Lengths,
    /// No ban ends before.
    pub(super) ends_at: Option<Instant>,
    /// How many the firewall takes.
    pub(super) most: usize,
    /// Bans that began, ended or changed.
    changes: u64,
    /// Bans pushed out by others.
    pub evicted: u64,
    /// Bans that found no room.
    pub refused: u64,
}

impl Bans {
    /// Nobody yet.
    pub fn new(seed: (u64, u64)) -> Self {
        Self {
            table: Table::new(BANS_MAX + LEAVING_MAX, seed),
            offenders: Offenders::new(seed),
            lengths: Lengths::default(),
            ends_at: None,
            most: BANS_MAX,
            changes: 0,
            evicted: 0,
            refused: 0,
        }
    }

    /// The ban of a source; one on its way out does not count.
    pub fn get(&self, source: &Prefix) -> Option<&Ban> {
        self.table.get(source).filter(|ban| ban.wanted)
    }

    /// The same, on its way out or not.
    pub fn known(&self, source: &Prefix) -> Option<&Ban> {
        self.table.get(source)
    }

    /// The ban of a source, to be changed, on its way out or not.
    pub fn get_mut(&mut self, source: &Prefix) -> Option<&mut Ban> {
        self.table.get_mut(source)
    }

    /// The ban in force that a source falls under: its own, or that of a wider prefix.
    pub fn covering(&self, source: &Prefix) -> Option<Prefix> {
        let lengths = (0..=source.bits())
            .rev()
            .filter(|bits| self.lengths.have(source, *bits));
        let mut wider = lengths.filter_map(|bits| Prefix::new(source.addr(), bits));
        wider.find(|prefix| self.get(prefix).is_some())
    }

    /// How many are in force.
    pub fn wanted(&self) -> usize {
        let leaving = self.table.stirred().filter(|(_, ban)| !ban.wanted);
        self.table.len() - leaving.count()
    }

    /// How many the firewall takes.
    pub fn most(&self) -> usize {
        self.most
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Prefix, &Ban)> {
        self.table.iter()
    }

    /// Those that something is to be done about, or may be.
    pub fn stirred(&self) -> impl Iterator<Item = (&Prefix, &Ban)> {
        self.table.stirred()
    }

    /// The same, to be changed.
    pub fn stirred_mut(&mut self) -> impl Iterator<Item = (&Prefix, &mut Ban)> {
        self.table.stirred_mut()
    }

    /// The firewall lost what it had: each ban is looked at again.
    pub fn stir_all(&mut self) {
        self.table.stir_all();
    }

    /// Counts what a journal has to know of.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What was done for a ban is worth remembering.
    pub fn note_change(&mut self) {
        self.changes += 1;
    }

    /// Those at rest are not looked at until they end.
    pub fn calm(&mut self) {
        self.table.calm(Ban::is_at_rest);
    }

    /// Begins a ban; false if there is no room for it. Bans inside of its prefix end, because it does what they
    /// did.
    #[must_use]
    pub fn insert(&mut self, source: Prefix, mut ban: Ban) -> bool {
        if let Some(old) = self.table.get(&source) {
            // Somebody on the way out comes back: what the firewall has, or is just doing, stays true.
            ban.enforced = old.enforced;
            // A run that is under way gives it the old end.
            ban.renewed = old.enforced || old.flying == Some(true);
            ban.denied = old.denied;
            ban.ran = old.ran;
            ban.undo = old.ran.then(|| old.given_to_undo());
            (ban.flying, ban.at_work) = (old.flying, old.at_work);
        }
        let anew = self.get(&source).is_none();
        if anew && self.wanted() >= self.most && !self.make_room(&ban) {
            self.refused += 1;
            return false;
        }
        let fits = self.table.insert(source, ban);
        self.changes += 1;
        self.refused += u64::from(!fits);
        self.table.stir(&source);
        self.ends_at = [self.ends_at, ban.until].into_iter().flatten().min();
        self.lengths.note(&source);
        fits
    }

    /// Changes when a ban ends, or that it does.
    pub fn renew(&mut self, source: &Prefix, until: Option<Instant>) {
        if let Some(ban) = self.table.get_mut(source) {
            ban.until = until;
            ban.renewed = true;
            self.changes += 1;
            self.table.stir(source);
            self.ends_at = [self.ends_at, until].into_iter().flatten().min();
        }
    }

    /// Ends a ban: its rule goes with the next run of the firewall program.
    pub fn free(&mut self, source: &Prefix) {
        if let Some(ban) = self.table.get_mut(source) {
            ban.end();
            self.changes += 1;
            self.table.stir(source);
        }
        self.drop_if_gone(source);
    }

    /// Ends the bans that `which` chooses.
    pub fn free_if(&mut self, mut which: impl FnMut(&Prefix, &Ban) -> bool) {
        let mut chosen = false;
        for (source, ban) in self.table.iter_mut().filter(|(_, ban)| ban.wanted) {
            if which(source, ban) {
                ban.end();
                chosen = true;
            }
        }
        if chosen {
            self.changes += 1;
            self.table.stir_all();
            self.drop_gone();
        }
    }

    /// One more line said that a source is banned already.
    pub(super) fn told(&mut self, now: Instant, source: &Prefix) {
        let key = self.covering(source);
        if let Some(ban) = key.and_then(|key| self.table.get_mut(&key)) {
            ban.tell(now);
        }
    }

    /// KILL_ROUTE was set or taken away: bans that it has not stopped yet are stopped in the new way.
    pub fn change_stop(&mut self, stop: Stop) {
        let unfinished = |ban: &Ban| ban.stop == Stop::Route && ban.stop != stop && !ban.holds();
        for (_, ban) in self.table.iter_mut().filter(|(_, ban)| unfinished(ban)) {
            ban.stop = stop;
            ban.failed = false;
        }
        self.table.stir_all();
    }

    /// UNBLOCK_CMD was taken away: nothing ends a ban by KILL_ROUTE any more.
    pub fn keep_routes(&mut self) {
        let stays = |ban: &Ban| ban.wanted && ban.stop == Stop::Route;
        for (_, ban) in self.table.iter_mut().filter(|(_, ban)| stays(ban)) {
            ban.until = None;
        }
    }

    /// Forgets a ban that shall not hold and of which nothing is left, neither in the firewall nor in hosts.deny.
    fn drop_if_gone(&mut self, source: &Prefix) {
        if self.table.get(source).is_some_and(Ban::is_gone) {
            self.table.remove(source);
        }
    }

    /// Forgets all bans that shall not hold and of which nothing is left.
    pub fn drop_gone(&mut self) {
        let mut at = 0;
        while let Some(key) = self.table.stirred_key_at(at) {
            let before = self.table.len();
            self.drop_if_gone(&key);
            at += usize::from(self.table.len() == before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::ban::Step;
    use core::time::Duration;

    fn ban(second: u64) -> Ban {
        let now = Instant::from_millis(second * 1000);
        Ban {
            until: Some(now.after(Duration::from_secs(600))),
            ..Ban::by_hand(now, "192.0.2.7".parse().unwrap())
        }
    }

    /// What the firewall has of somebody, or is just given, has the end of his last ban.
    #[test]
    fn who_comes_back_gets_his_new_end_from_the_firewall() {
        let source: Prefix = "192.0.2.7".parse().unwrap();
        for (enforced, flying, renewed) in [
            (true, None, true),
            (false, Some(true), true),
            (false, Some(false), false),
        ] {
            let mut bans = Bans::new((1, 2));
            assert!(bans.insert(source, ban(1)));
            let old = bans.get_mut(&source).unwrap();
            (old.enforced, old.flying, old.step) = (enforced, flying, Step::Done);
            bans.free(&source);
            assert_eq!((bans.get(&source).is_none(), bans.wanted()), (true, 0));
            assert!(bans.insert(source, ban(5)));
            let ban = bans.get(&source).unwrap();
            let found = (ban.enforced, ban.flying, ban.renewed);
            assert_eq!(found, (enforced, flying, renewed));
            assert_eq!(bans.ends_at(), Some(Instant::from_millis(601_000)));
        }
    }
}
