//! Who is banned, and how far each ban has come.
//!
//! There is no queue of commands. A ban knows what shall hold (`wanted`) and what the firewall confirmed
//! (`enforced`); what is to be done next is derived from the difference, so nothing is lost, nothing piles
//! up, and what failed is tried again by itself.

use crate::judge::ban::{Ban, Stop};
use crate::judge::table::Table;
use crate::limits::{BANS_MAX, LEAVING_MAX};
use crate::net::Prefix;

/// All bans; those on their way out included.
#[derive(Debug)]
pub struct Bans {
    table: Table<Ban>,
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
            evicted: 0,
            refused: 0,
        }
    }

    /// The ban of a source; one on its way out does not count.
    pub fn get(&self, source: &Prefix) -> Option<&Ban> {
        self.table.get(source).filter(|ban| ban.wanted)
    }

    /// The ban of a source, to be changed, on its way out or not.
    pub fn get_mut(&mut self, source: &Prefix) -> Option<&mut Ban> {
        self.table.get_mut(source)
    }

    /// How many are in force.
    pub fn wanted(&self) -> usize {
        self.table.iter().filter(|(_, ban)| ban.wanted).count()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Prefix, &Ban)> {
        self.table.iter()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Prefix, &mut Ban)> {
        self.table.iter_mut()
    }

    /// Begins a ban; false if there is no room for it.
    #[must_use]
    pub fn insert(&mut self, source: Prefix, mut ban: Ban) -> bool {
        if let Some(old) = self.table.get(&source) {
            // Somebody on the way out comes back: what the firewall has, or is just doing, stays true.
            ban.enforced = old.enforced;
            ban.denied = old.denied;
            ban.flying = old.flying;
        }
        if self.wanted() >= BANS_MAX && !self.make_room(&ban) {
            self.refused += 1;
            return false;
        }
        let fits = self.table.insert(source, ban);
        self.refused += u64::from(!fits);
        fits
    }

    /// A ban displaces one with less evidence, of several the oldest. Never one with as much: a flood of forged
    /// sources would make the firewall turn over for ever, and push real scanners out.
    fn make_room(&mut self, ban: &Ban) -> bool {
        let in_force = self.table.iter().filter(|(_, ban)| ban.wanted);
        let weakest = in_force.min_by_key(|(_, ban)| (ban.weight(), ban.since));
        let Some((key, old)) = weakest.map(|(key, ban)| (*key, *ban)) else {
            return false;
        };
        if old.weight() >= ban.weight() || ((old.enforced || old.denied) && self.table.is_full()) {
            return false;
        }
        self.evicted += 1;
        self.free(&key);
        true
    }

    /// Ends a ban: its rule goes with the next run of the firewall program.
    pub fn free(&mut self, source: &Prefix) {
        if let Some(ban) = self.table.get_mut(source) {
            ban.wanted = false;
        }
        self.drop_if_gone(source);
    }

    /// KILL_ROUTE was set or taken away: bans that it has not stopped yet are stopped in the new way.
    pub fn change_stop(&mut self, stop: Stop) {
        let unfinished = |ban: &Ban| ban.stop == Stop::Route && !ban.holds();
        for (_, ban) in self.table.iter_mut().filter(|(_, ban)| unfinished(ban)) {
            ban.stop = stop;
            ban.failed = false;
        }
    }

    /// Ends every ban that our chain holds: nothing shall be blocked there any more.
    pub fn free_firewall(&mut self) {
        for (_, ban) in self.table.iter_mut() {
            ban.wanted &= ban.stop != Stop::Firewall;
        }
        self.drop_gone();
    }

    /// Forgets a ban that shall not hold and of which nothing is left, neither in the firewall nor in hosts.deny.
    fn drop_if_gone(&mut self, source: &Prefix) {
        let gone = |ban: &Ban| !ban.wanted && !ban.enforced && !ban.denied && ban.flying.is_none();
        if self.table.get(source).is_some_and(gone) {
            self.table.remove(source);
        }
    }

    /// Forgets all bans that shall not hold and of which nothing is left.
    pub fn drop_gone(&mut self) {
        let mut at = 0;
        while let Some(key) = self.table.key_at(at) {
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
    use crate::see::probe::{Kind, Mode, Probe, Protocol};
    use crate::time::Instant;
    use core::net::Ipv4Addr;

    fn key(n: usize) -> Prefix {
        Prefix::host(Ipv4Addr::from_bits(u32::try_from(n).unwrap()).into())
    }

    fn ban(at: u64, kind: Kind, ports: u16) -> Ban {
        let probe = Probe {
            source: key(1).addr(),
            destination: key(2).addr(),
            source_port: 1,
            port: 11,
            protocol: Protocol::Tcp,
            kind,
            options: false,
        };
        let now = Instant::from_millis(at);
        let mut ban = Ban::new(now, probe, Mode::Stealth, Stop::Firewall, ports);
        ban.step = Step::Done;
        ban.enforced = true;
        ban
    }

    fn full(kind: Kind, ports: u16) -> Bans {
        let mut bans = Bans::new((1, 2));
        for n in 0..BANS_MAX {
            assert!(bans.insert(key(n), ban(n as u64, kind, ports)));
        }
        bans
    }

    #[track_caller]
    fn check(mut bans: Bans, kind: Kind, ports: u16, makes_room: bool) {
        let newcomer = key(BANS_MAX);
        assert_eq!(bans.insert(newcomer, ban(1 << 20, kind, ports)), makes_room);
        assert_eq!(bans.get(&newcomer).is_some(), makes_room);
        assert_eq!(bans.wanted(), BANS_MAX);
        assert_eq!(bans.get(&key(0)).is_none(), makes_room, "the oldest goes");
        assert_eq!(
            (bans.evicted, bans.refused),
            if makes_room { (1, 0) } else { (0, 1) }
        );
    }

    #[test]
    fn a_full_table_makes_room_for_evidence_only() {
        check(full(Kind::Syn, 1), Kind::Syn, 1, false);
        check(full(Kind::Syn, 1), Kind::Syn, 2, true);
        check(full(Kind::Syn, 1), Kind::Connect, 1, true);
        check(full(Kind::Syn, 2), Kind::Syn, 2, false);
        check(full(Kind::Syn, 2), Kind::Syn, 3, true);
        check(full(Kind::Connect, 1), Kind::Syn, 9, false);
        check(full(Kind::Connect, 1), Kind::Connect, 1, false);
        check(full(Kind::Connect, 2), Kind::Connect, 3, true);
    }

    #[test]
    fn an_evicted_ban_leaves_by_the_firewall() {
        let mut bans = full(Kind::Syn, 1);
        assert!(bans.insert(key(BANS_MAX), ban(1 << 20, Kind::Syn, 2)));
        let leaving: Vec<_> = bans.iter().filter(|(_, ban)| ban.differs()).collect();
        assert_eq!(leaving.len(), 1);
        assert_eq!(*leaving[0].0, key(0));
    }
}
