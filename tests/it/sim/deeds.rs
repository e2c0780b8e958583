//! What happens in a world: probes, and what the owner, the surroundings and others do.

use std::net::IpAddr;

use portsentry::judge::ban::{Ban, Stop};
use portsentry::net::Prefix;
use portsentry::time::Instant;

use super::draw::{self, Ground, address};
use super::firewall::Deed;
use super::ledger::Entry;
use super::world::World;
use super::{Reach, reached};

impl World {
    pub(super) fn deed(&mut self, reach: &mut Reach) {
        match self.random.below(1000) {
            0..4 => self.reconfigure(reach),
            4..12 => self.change_protection(reach),
            12..20 => self.disturb(reach),
            20..26 => self.ban_by_hand(reach),
            26..30 => self.unban(reach),
            30..36 => self.renew(reach),
            36..38 => self.start_again(reach),
            _ => self.probe(reach),
        }
    }

    fn reconfigure(&mut self, reach: &mut Reach) {
        // Of few worlds only are there more bans than the smallest firewall takes.
        let often = if self.crowded { 80 } else { 30 };
        if self.random.percent(often) {
            self.enforcer.backend = draw::backend(&mut self.random);
            self.limit(reach);
        }
        self.enforcer.ground = Ground::draw(&mut self.random);
        self.enforcer.changed = true;
        let policy = draw::policy(&mut self.random, self.crowd);
        self.enforcer.owner.adopt(policy.undone);
        self.detector.adopt(policy);
        let needed = self.detector.policy.needs_firewall();
        // Whom KILL_ROUTE has not stopped yet our firewall would, from now on.
        let now_ours = self.detector.policy.stop == Stop::Firewall;
        let bans = &self.detector.bans;
        let ledger = &mut self.model.ledger;
        let gone = ledger.take_gone(bans, "configuration", |_, entry| {
            let ours = entry.stop == Stop::Firewall || (entry.stop == Stop::Route && now_ours);
            !entry.by_hand && ours && !needed
        });
        if !gone.is_empty() {
            reached(reach, "freed by configuration");
        }
        self.follow_table();
    }

    /// Other rules may stop packets in another way, or for another time.
    fn follow_table(&mut self) {
        for (source, entry) in &mut self.model.ledger.bans {
            let ban = self.detector.bans.get(source).unwrap();
            assert!(ban.until == entry.until || ban.until.is_none(), "{source}");
            (entry.stop, entry.until) = (ban.stop, ban.until);
        }
    }

    fn change_protection(&mut self, reach: &mut Reach) {
        let addr = address(self.random.below(self.crowd));
        let rule = self.model.protect_other(self.random.below(7), addr);
        self.protect();
        self.enforcer.changed = true;
        let mut freed = Vec::new();
        self.detector
            .free_protected(|source, _| freed.push(*source));
        let bans = &self.detector.bans;
        let gone =
            (self.model.ledger).take_gone(bans, "protection", |source, _| freed.contains(source));
        assert_eq!(gone.len(), freed.len());
        for (source, entry) in gone {
            reached(reach, rule);
            assert!(self.model.protects_some_of(&source), "{source} is freed");
            self.may_leave(&source, &entry);
        }
        let mut left = self.model.ledger.bans.keys();
        assert_eq!(
            left.find(|source| self.model.protects_some_of(source)),
            None
        );
    }

    /// Tells the detector what the model knows.
    pub(super) fn protect(&mut self) {
        let protect = &mut self.detector.protect;
        protect.surroundings = Default::default();
        for addr in &self.model.own {
            protect.surroundings.add_own(*addr);
        }
        for addr in &self.model.gateways {
            protect.surroundings.add_gateway(*addr);
        }
        for prefix in &self.model.lans {
            protect.surroundings.add_lan(*prefix);
        }
        protect.resolvers.clear();
        protect
            .resolvers
            .extend(self.model.resolvers.iter().copied());
        protect.ignored.clear();
        protect.ignored.extend(self.model.ignored.iter().copied());
    }

    fn disturb(&mut self, reach: &mut Reach) {
        let scopes: Vec<_> = self.enforcer.reconciler.scopes().collect();
        let (scope, deed) = (self.random.pick(&scopes), self.random.pick(&Deed::ALL));
        self.enforcer.disturb(self.now, scope, deed);
        reached(reach, "somebody else changed the firewall");
    }

    /// `portsentry ban`: a prefix of the owner's choice takes the place of what is inside.
    fn ban_by_hand(&mut self, reach: &mut Reach) {
        let addr = address(self.random.below(self.crowd));
        let bits = match addr {
            IpAddr::V4(_) => self.random.pick(&[32, 32, 30, 24]),
            IpAddr::V6(_) => self.random.pick(&[128, 112, 64, 60, 56, 48]),
        };
        let prefix = Prefix::new(addr, bits).unwrap();
        let until = self.end();
        let covered = self.model.ledger.covering(&prefix).is_some();
        if covered || self.model.protects_some_of(&prefix) {
            return;
        }
        let ban = Ban {
            until,
            ..Ban::by_hand(self.now, prefix.addr())
        };
        let full = self.detector.bans.wanted() >= self.detector.bans.most();
        if !self.detector.bans.insert(prefix, ban) {
            return assert!(full, "no room for {prefix}");
        }
        let inside = |other: &Prefix| other.bits() > prefix.bits() && prefix.contains(other.addr());
        self.detector.bans.free_if(|other, _| inside(other));
        self.model.ledger.bans.insert(prefix, Entry::of(&ban));
        let bans = &self.detector.bans;
        let gone = (self.model.ledger).take_gone(bans, "by hand", |other, _| inside(other) || full);
        for (source, entry) in gone {
            self.may_leave(&source, &entry);
        }
        reached(reach, "banned by hand");
    }

    fn end(&mut self) -> Option<Instant> {
        let time = draw::span(&mut self.random, &[0, 3, 100, 3600, 24 * 3600]);
        (!time.is_zero()).then(|| self.now.after(time).whole_second())
    }

    fn someone(&mut self) -> Option<Prefix> {
        let mut all: Vec<Prefix> = self.model.ledger.bans.keys().copied().collect();
        all.sort_by_key(|source| (source.addr(), source.bits()));
        (!all.is_empty()).then(|| self.random.pick(&all))
    }

    /// `portsentry unban`: freed, forgiven and forgotten.
    fn unban(&mut self, reach: &mut Reach) {
        let Some(source) = self.someone() else {
            return;
        };
        self.detector.bans.free(&source);
        self.detector.bans.forgive(&source);
        self.detector.sources.forget(&source);
        self.model.forget(&source);
        self.model.ledger.forgive(&source);
        let bans = &self.detector.bans;
        let gone = (self.model.ledger).take_gone(bans, "unban", |other, _| *other == source);
        assert_eq!(gone.len(), 1);
        self.may_leave(&source, &gone[0].1);
        reached(reach, "unbanned");
    }

    fn renew(&mut self, reach: &mut Reach) {
        let (Some(source), until) = (self.someone(), self.end()) else {
            return;
        };
        let entry = self.model.ledger.bans.get_mut(&source).unwrap();
        if entry.stop == Stop::Firewall {
            entry.until = until;
            self.detector.bans.renew(&source, until);
            reached(reach, "renewed");
        }
    }

    fn start_again(&mut self, reach: &mut Reach) {
        self.enforcer
            .start_again(self.now, &mut self.detector, &mut self.random);
        reached(reach, "killed and started again");
    }
}
