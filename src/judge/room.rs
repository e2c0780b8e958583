//! Who goes when a full table of bans shall take one more.

use crate::judge::ban::Ban;
use crate::judge::bans::Bans;
use crate::limits::{BANS_MAX, VALVE_PORTS};

impl Bans {
    /// A ban displaces one with less evidence, and a proven one another that is proven by as much; of several that
    /// which ends first. As many probes as are forged with ease displace nobody: a flood of forged sources would
    /// make the firewall turn over for ever, and push out real scanners, who touch no more once they are cut off.
    pub(super) fn make_room(&mut self, ban: &Ban) -> bool {
        if ban.weight() < (false, VALVE_PORTS) {
            return false;
        }
        let in_force = self.table.iter().filter(|(_, ban)| ban.wanted);
        let end = |ban: &Ban| (ban.until.is_none(), ban.until, ban.since);
        let weakest = in_force.min_by_key(|(_, ban)| (ban.weight(), end(ban)));
        let Some((key, old)) = weakest.map(|(key, ban)| (*key, *ban)) else {
            return false;
        };
        let enough = old.weight() < ban.weight() || (ban.verified && old.weight() == ban.weight());
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

    #[test]
    fn an_evicted_ban_leaves_by_the_firewall() {
        let mut bans = full(Kind::Syn, 1);
        assert!(bans.insert(key(BANS_MAX), ban(1 << 20, Kind::Syn, 5)));
        let leaving: Vec<_> = bans.iter().filter(|(_, ban)| ban.differs()).collect();
        assert_eq!(leaving.len(), 1);
        assert_eq!(*leaving[0].0, key(0));
    }
}
