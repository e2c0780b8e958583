//! Who goes when a full table of bans shall take one more.

use crate::judge::ban::Ban;
use crate::judge::bans::Bans;
use crate::limits::{BANS_MAX, TURNOVER, VALVE_PORTS};

impl Bans {
    /// A ban displaces one with less evidence, and a proven one another that is proven by as much and had its
    /// time; of several that which ends first. What the owner banned by hand is displaced by nobody. As many
    /// probes as are forged with ease displace nobody either: a flood of forged sources would make the firewall
    /// turn over for ever, and push out real scanners, who touch no more traps once they are cut off.
    pub(super) fn make_room(&mut self, ban: &Ban) -> bool {
        if ban.weight() < (false, false, VALVE_PORTS) {
            return false;
        }
        let in_force = self.table.iter().filter(|(_, ban)| ban.wanted);
        let end = |ban: &Ban| (ban.until.is_none(), ban.until, ban.since);
        let weakest = in_force.min_by_key(|(_, ban)| (ban.weight(), end(ban)));
        let Some((key, old)) = weakest.map(|(key, ban)| (*key, *ban)) else {
            return false;
        };
        let had_its_time = ban.since.since(old.since) >= TURNOVER;
        let as_much = old.weight() == ban.weight() && ban.verified && !ban.by_hand && had_its_time;
        let enough = old.weight() < ban.weight() || as_much;
        if !enough || ((old.enforced || old.denied || old.ran) && self.table.is_full()) {
            return false;
        }
        self.evicted += 1;
        self.free(&key);
        true
    }

    /// The firewall takes so many. Where more are in force those with the least evidence go.
    pub fn set_most(&mut self, most: usize) {
        self.most = most.min(BANS_MAX);
        for _ in self.most..self.wanted() {
            let in_force = self.table.iter().filter(|(_, ban)| ban.wanted);
            let weakest = in_force.min_by_key(|(_, ban)| (ban.weight(), ban.since));
            if let Some(key) = weakest.map(|(key, _)| *key) {
                self.evicted += 1;
                self.free(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::ban::Step;
    use crate::judge::ban::Stop;
    use crate::limits::LEAVING_MAX;
    use crate::net::Prefix;
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
        check(full(Kind::Syn, 1), Kind::Syn, 4, false);
        check(full(Kind::Syn, 1), Kind::Syn, 5, true);
        check(full(Kind::Syn, 1), Kind::Connect, 1, true);
        check(full(Kind::Syn, 5), Kind::Syn, 5, false);
        check(full(Kind::Syn, 5), Kind::Syn, 6, true);
        check(full(Kind::Connect, 1), Kind::Syn, 9, false);
        check(full(Kind::Connect, 1), Kind::Connect, 1, true);
        check(full(Kind::Connect, 2), Kind::Connect, 1, false);
        check(full(Kind::Connect, 2), Kind::Connect, 3, true);
    }

    /// Otherwise more of them than there is room for would take turns, each with lines of the log and runs of a
    /// program.
    #[test]
    fn a_proven_ban_has_its_time_before_another_takes_its_place() {
        let turnover = u64::try_from(TURNOVER.as_millis()).unwrap();
        for (at, makes_room) in [(0, false), (turnover - 1, false), (turnover, true)] {
            let mut bans = full(Kind::Connect, 1);
            let newcomer = ban(at, Kind::Connect, 1);
            assert_eq!(bans.insert(key(BANS_MAX), newcomer), makes_room, "{at}");
            // More evidence never waits.
            assert!(bans.insert(key(BANS_MAX + 1), ban(at, Kind::Connect, 2)));
        }
    }

    #[test]
    fn what_is_banned_by_hand_is_displaced_by_nobody() {
        let mut bans = Bans::new((1, 2));
        let now = Instant::from_millis(1);
        for n in 0..BANS_MAX {
            assert!(bans.insert(key(n), Ban::by_hand(now, key(n).addr())));
        }
        let newcomer = key(BANS_MAX);
        assert!(!bans.insert(newcomer, ban(1 << 20, Kind::Connect, 9)));
        assert!(!bans.insert(newcomer, Ban::by_hand(now, newcomer.addr())));
        bans.free(&key(7));
        assert!(bans.insert(newcomer, ban(1 << 20, Kind::Connect, u16::MAX)));
        let hand = key(BANS_MAX + 1);
        assert!(bans.insert(hand, Ban::by_hand(now, hand.addr())));
        assert!(bans.get(&newcomer).is_none(), "a proven one makes room");
    }

    /// A full table whose places for those on their way out are all taken; the oldest ban in force is that of
    /// `key(LEAVING_MAX)`.
    fn crowded() -> Bans {
        let mut bans = full(Kind::Syn, 5);
        for n in 0..LEAVING_MAX {
            bans.free(&key(n));
            assert!(bans.insert(key(BANS_MAX + n), ban(1 << 19, Kind::Syn, 5)));
        }
        assert_eq!(bans.wanted(), BANS_MAX);
        bans
    }

    /// Of whom something is left, in the firewall or elsewhere, has no place to give away yet.
    #[test]
    fn nobody_is_displaced_whose_place_is_not_free_at_once() {
        for (enforced, denied, ran) in [
            (true, false, false),
            (false, true, false),
            (false, false, true),
            (false, false, false),
        ] {
            let mut bans = crowded();
            let oldest = bans.get_mut(&key(LEAVING_MAX)).unwrap();
            (oldest.enforced, oldest.denied, oldest.ran) = (enforced, denied, ran);
            let free = !(enforced || denied || ran);
            let newcomer = key(2 * BANS_MAX);
            assert_eq!(bans.insert(newcomer, ban(1 << 20, Kind::Connect, 1)), free);
            assert_eq!(bans.get(&key(LEAVING_MAX)).is_none(), free);
            assert_eq!(bans.wanted(), BANS_MAX);
            let counts = if free { (1, 0) } else { (0, 1) };
            assert_eq!((bans.evicted, bans.refused), counts);
        }
    }

    #[test]
    fn when_too_many_are_leaving_new_ones_wait() {
        let mut bans = crowded();
        bans.free(&key(LEAVING_MAX));
        let newcomer = key(2 * BANS_MAX);
        assert!(!bans.insert(newcomer, ban(1 << 20, Kind::Connect, 1)));
        assert_eq!((bans.wanted(), bans.refused), (BANS_MAX - 1, 1));
        bans.get_mut(&key(0)).unwrap().enforced = false;
        bans.drop_gone();
        assert!(bans.insert(newcomer, ban(1 << 20, Kind::Connect, 1)));
        assert_eq!((bans.wanted(), bans.refused), (BANS_MAX, 1));
    }

    #[test]
    fn an_evicted_ban_leaves_by_the_firewall() {
        let mut bans = full(Kind::Syn, 1);
        assert!(bans.insert(key(BANS_MAX), ban(1 << 20, Kind::Syn, 5)));
        let leaving: Vec<_> = bans.iter().filter(|(_, ban)| ban.differs()).collect();
        assert_eq!(leaving.len(), 1);
        assert_eq!(*leaving[0].0, key(0));
    }
}
