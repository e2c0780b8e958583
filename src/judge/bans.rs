//! Who is banned, and how far each ban has come.
//!
//! There is no queue of commands. A ban knows what shall hold (`wanted`) and what the firewall confirmed
//! (`enforced`); what is to be done next is derived from the difference, so nothing is lost, nothing piles
//! up, and what failed is tried again by itself.

use crate::judge::table::Table;
use crate::limits::{ATTEMPTS_MAX, BANS_MAX, LEAVING_MAX};
use crate::net::Prefix;
use crate::see::probe::{Mode, Probe};
use crate::time::Instant;

/// How packets of a banned source are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// By our chain.
    Firewall,
    /// By the owner's KILL_ROUTE.
    Route,
    /// Not at all: BLOCK is 2, the owner's KILL_RUN_CMD sees to it.
    Nothing,
}

/// The step of a ban that comes next, in 1.2's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The kernel is asked once more whose the packet was.
    Confirm,
    /// KILL_RUN_CMD, because KILL_RUN_CMD_FIRST is set.
    RunFirst,
    /// The line in hosts.deny.
    Deny,
    /// KILL_ROUTE or the firewall.
    Stop,
    /// KILL_RUN_CMD.
    Run,
    /// Everything was done, or given up.
    Done,
}

/// One ban.
#[derive(Clone, Copy, Debug)]
pub struct Ban {
    /// The probe that triggered it.
    pub probe: Probe,
    /// The sensor that saw it.
    pub mode: Mode,
    /// When.
    pub since: Instant,
    /// How packets are stopped.
    pub stop: Stop,
    /// The kernel said that the packet was nobody's.
    pub confirmed: bool,
    /// What comes next.
    pub step: Step,
    /// Failures of that step so far.
    pub attempts: u8,
    /// When that step may be tried again.
    pub rest_until: Instant,
    /// Some step failed for good.
    pub failed: bool,
    /// It is written in the history.
    pub recorded: bool,
    /// Different traps that the source touched.
    pub ports: u16,
    /// It shall hold. False: it is on its way out.
    pub wanted: bool,
    /// The firewall has it.
    pub enforced: bool,
    /// What the run of the firewall program that is under way makes of it.
    pub flying: Option<bool>,
}

impl Ban {
    /// A new ban; nothing of it is done yet.
    pub fn new(now: Instant, probe: Probe, mode: Mode, stop: Stop, ports: u16) -> Self {
        Self {
            probe,
            mode,
            since: now,
            stop,
            confirmed: false,
            step: Step::Confirm,
            attempts: 0,
            rest_until: now,
            failed: false,
            recorded: false,
            ports,
            wanted: true,
            enforced: false,
            flying: None,
        }
    }

    /// Whether the firewall shall have it now: wanted, and its turn has come.
    pub fn due_in_firewall(&self) -> bool {
        let reached = matches!(self.step, Step::Stop | Step::Run | Step::Done);
        self.stop == Stop::Firewall && self.wanted && reached
    }

    /// Whether the firewall has to be told something.
    pub fn differs(&self) -> bool {
        self.due_in_firewall() != self.enforced
    }

    /// The packets of this source are stopped.
    pub fn holds(&self) -> bool {
        match self.stop {
            Stop::Firewall => self.enforced,
            Stop::Route | Stop::Nothing => self.step == Step::Done,
        }
    }

    /// A step failed: it rests until `again`. True if that was the last attempt.
    pub fn failed_once(&mut self, again: Instant) -> bool {
        self.attempts = self.attempts.saturating_add(1);
        self.rest_until = again;
        let last = self.attempts >= ATTEMPTS_MAX;
        self.failed |= last;
        last
    }

    /// Goes on to `step`.
    pub fn proceed(&mut self, step: Step) {
        self.step = step;
        self.attempts = 0;
    }

    /// How hard it is to push out: proven, then by traps touched.
    fn weight(&self) -> (bool, bool) {
        (self.probe.verified(), self.ports > 1)
    }
}

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

    /// A ban for more than one unproven probe displaces one for less, or else the oldest of its like.
    fn make_room(&mut self, ban: &Ban) -> bool {
        let weight = ban.weight();
        if weight == (false, false) {
            return false;
        }
        let in_force = self.table.iter().filter(|(_, ban)| ban.wanted);
        let weakest = in_force.min_by_key(|(_, ban)| (ban.weight(), ban.since));
        let Some((key, old)) = weakest.map(|(key, ban)| (*key, *ban)) else {
            return false;
        };
        if old.weight() > weight || (old.enforced && self.table.is_full()) {
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

    /// Forgets a ban that shall not hold and that the firewall does not have.
    fn drop_if_gone(&mut self, source: &Prefix) {
        let gone = |ban: &Ban| !ban.wanted && !ban.enforced && ban.flying.is_none();
        if self.table.get(source).is_some_and(gone) {
            self.table.remove(source);
        }
    }

    /// Forgets all bans that shall not hold and that the firewall does not have.
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
    use crate::see::probe::{Kind, Protocol};
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
        check(full(Kind::Syn, 2), Kind::Syn, 2, true);
        check(full(Kind::Connect, 1), Kind::Syn, 9, false);
        check(full(Kind::Connect, 1), Kind::Connect, 1, true);
        check(full(Kind::Connect, 2), Kind::Connect, 2, true);
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
