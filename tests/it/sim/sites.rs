//! How a ban goes on: the second look, and what becomes of enough banned networks of one site.

use portsentry::judge::ban::{Step, Stop};
use portsentry::limits::WIDEN;
use portsentry::net::Prefix;

use super::enforcer::skip_enforced;
use super::ledger::Entry;
use super::world::World;
use super::{Reach, reached};

impl World {
    /// The second look: some packets belong to somebody after all. Who is banned with enough of his neighbours is
    /// banned with all of them.
    pub(super) fn confirm(&mut self, reach: &mut Reach) {
        let (mut explained, mut confirmed) = (Vec::new(), Vec::new());
        for (source, ban) in self.detector.bans.stirred_mut() {
            if !ban.wanted || ban.step != Step::Confirm {
                continue;
            }
            if self.random.percent(3) {
                ban.wanted = false;
                explained.push(*source);
                continue;
            }
            ban.confirmed = true;
            ban.proceed(self.enforcer.owner.actions.next(Step::Confirm, ban.stop));
            skip_enforced(ban, &self.enforcer.owner);
            confirmed.push(*source);
        }
        if !explained.is_empty() {
            reached(reach, "explained at the second look");
            self.detector.bans.drop_gone();
            let bans = &self.detector.bans;
            let ledger = &mut self.model.ledger;
            let gone = ledger.take_gone(bans, "explained", |source, _| explained.contains(source));
            for (source, entry) in gone {
                self.may_leave(&source, &entry);
            }
        }
        for source in confirmed
            .into_iter()
            .filter(|source| source.addr().is_ipv6())
        {
            self.widen(&source, reach);
        }
    }

    fn widen(&mut self, source: &Prefix, reach: &mut Reach) {
        let evicted = self.detector.bans.evicted;
        let site = self.detector.confirmed(source);
        if let Some(site) = site {
            self.check_site(&site, reach);
        }
        // With room for all there is nothing that keeps eight of one length apart.
        let displaced = self.detector.bans.evicted > evicted;
        let full = self.detector.bans.wanted() >= self.detector.bans.most();
        if displaced || full || self.detector.bans.get(source).is_none() {
            return;
        }
        let site = Prefix::new(source.addr(), 56).unwrap();
        let parts = self.detector.bans.iter().filter(|(part, ban)| {
            let counts = ban.stop == Stop::Firewall && ban.step != Step::Confirm;
            part.bits() == 64 && ban.wanted && counts && site.contains(part.addr())
        });
        let protected = self.model.protects_some_of(&site);
        assert!(
            parts.count() < WIDEN || protected,
            "{site} is not banned as a whole"
        );
    }

    /// A site took the place of its parts: enough of them, and it ends with the last.
    fn check_site(&mut self, site: &Prefix, reach: &mut Reach) {
        let ban = *self.detector.bans.get(site).unwrap();
        assert!(
            !self.model.protects_some_of(site),
            "{site} has somebody protected"
        );
        let replaced = self.model.ledger.bans.insert(*site, Entry::of(&ban));
        let evicted = self.detector.bans.evicted > 0;
        let inside = |source: &Prefix| source.bits() > site.bits() && site.contains(source.addr());
        let bans = &self.detector.bans;
        let ledger = &mut self.model.ledger;
        let gone = ledger.take_gone(bans, "widened", |source, entry| {
            !entry.by_hand && inside(source) || evicted
        });
        gone.iter()
            .for_each(|(source, entry)| self.may_leave(source, entry));
        let parts: Vec<_> = gone.iter().filter(|(source, _)| inside(source)).collect();
        // One of them is the narrower site that was banned a moment before.
        let count = parts.len();
        let by_hand = self
            .model
            .ledger
            .bans
            .keys()
            .filter(|source| inside(source))
            .count();
        assert!(count + by_hand + 1 >= WIDEN, "{site} for {count} parts");
        let ends: Vec<_> = parts
            .iter()
            .map(|(_, entry)| entry.until)
            .chain(replaced.map(|r| r.until))
            .collect();
        let last = match ends.iter().any(Option::is_none) {
            true => None,
            false => ends.iter().flatten().max().copied(),
        };
        let lasts = ban.until.is_none()
            || last.is_some_and(|last| ban.until >= Some(last))
            || ends.is_empty();
        assert!(
            lasts,
            "{site} ends before its parts: {:?} {last:?}",
            ban.until
        );
        reached(
            reach,
            match site.bits() {
                56 => "widened to a /56",
                48 => "widened to a /48",
                _ => panic!("{site}"),
            },
        );
    }
}
