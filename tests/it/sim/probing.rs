//! A probe, and what must come of it.

use std::net::IpAddr;
use std::time::Duration;

use portsentry::judge::ban::{Ban, Stop};
use portsentry::judge::verdict::{Outcome, Verdict};
use portsentry::limits::{TURNOVER, VALVE_PORTS};
use portsentry::net::Prefix;
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::Kind;
use portsentry::time::Instant;

use super::draw;
use super::ledger::{Entry, Ledger};
use super::model::Progress;
use super::world::{World, mode_of};
use super::{Reach, reached};

impl World {
    pub(super) fn probe(&mut self, reach: &mut Reach) {
        let mut probe = draw::probe(&mut self.random, self.crowd);
        let bans = &self.detector.bans;
        let left = bans.stirred().find(|(_, ban)| ban.ran && !ban.wanted);
        if let Some((_, ban)) = left.filter(|_| self.random.percent(50)) {
            // Somebody comes back whom UNBLOCK_CMD has not been run for.
            probe.source = ban.probe.source;
        }
        let belongs = match self.random.percent(6) {
            false => Belongs::Nobody,
            true => self
                .random
                .pick(&[Belongs::Us, Belongs::Reply, Belongs::Forwarded]),
        };
        let source = self.model.source(probe.source);
        let policy = self.detector.policy.clone();
        let banned = self.model.banned(&probe, &policy);
        let covering = self.model.ledger.covering(&Prefix::host(probe.source));
        let known = covering.and_then(|key| self.detector.bans.get(&key));
        let progress = known.map_or(Progress::default(), |ban| Progress {
            holds: ban.holds(),
            failed: ban.failed,
        });
        let leaving = known.is_none() && self.detector.bans.known(&banned).is_some();
        let verified = probe.kind == Kind::Connect;
        let (has_room, weakest) = self.room(verified, covering == Some(banned));
        let evicted = self.detector.bans.evicted;
        let now = self.now;
        let expected = self
            .model
            .judge(now, &probe, belongs, &policy, progress, has_room, reach);
        let verdict = match self.detector.candidate(&probe) {
            Err(verdict) => verdict,
            Ok(()) => self
                .detector
                .judge(now, &probe, mode_of(probe.protocol), belongs),
        };
        note(verdict, &source, reach);
        self.crowded |= self.detector.sources.evicted > 0;
        if !self.crowded {
            assert_eq!(verdict, expected, "{source} {probe:?}");
        }
        if let Verdict::Probe(_) = verdict {
            self.model.said(&source);
        }
        if verdict == Verdict::Probe(Outcome::Ban) {
            if leaving {
                reached(reach, "ban comes back while leaving");
            }
            self.begins(banned, reach);
        }
        let displaced = self.detector.bans.evicted - evicted;
        let bans = &self.detector.bans;
        let least = |gone: &Prefix, _: &Entry| {
            weakest.is_some_and(|(_, key)| displaced == 1 && key == *gone)
        };
        for (source, entry) in self.model.ledger.take_gone(bans, "displaced", least) {
            reached(reach, "ban displaced");
            self.may_leave(&source, &entry);
        }
    }

    /// Whether a ban would find room, as a question to be asked with its evidence, and who would make it: of those
    /// with the least against them whoever ends first.
    #[allow(clippy::type_complexity, reason = "a question and its answer")]
    fn room(
        &self,
        verified: bool,
        again: bool,
    ) -> (
        Box<dyn Fn(u16) -> bool>,
        Option<((bool, bool, u16), Prefix)>,
    ) {
        let bans = &self.detector.bans;
        if again || bans.wanted() < bans.most() {
            return (Box::new(|_| true), None);
        }
        let in_force = bans.iter().filter(|(_, ban)| ban.wanted);
        let rank = |ban: &Ban| {
            let ends = ban.until.map_or(u64::MAX, Instant::millis);
            ((ban.by_hand, ban.verified, ban.ports), ends, ban.since)
        };
        let weakest = in_force.min_by_key(|(_, ban)| rank(ban));
        let weakest = weakest.map(|(key, ban)| ((ban.by_hand, ban.verified, ban.ports), *key));
        let (least, of) = weakest.unwrap();
        let old = self.now.since(bans.get(&of).unwrap().since) >= TURNOVER;
        let room = move |ports| {
            let weight = (false, verified, ports);
            let enough = verified || ports >= VALVE_PORTS;
            enough && (least < weight || (verified && old && least == weight))
        };
        (Box::new(room), weakest)
    }

    /// A ban began: the ledger has it from now on, with the end that the model finds.
    fn begins(&mut self, source: Prefix, reach: &mut Reach) {
        let ban = self.detector.bans.get(&source).unwrap();
        let strikes = self
            .model
            .ledger
            .strikes(self.now, &source)
            .saturating_add(1);
        let policy = &self.detector.policy;
        let until = Ledger::until(self.now, strikes, ban.stop, policy);
        // Of a crowd those who were banned before may be forgotten.
        let found = (ban.strikes, ban.until);
        assert!(
            self.crowded || found == (strikes, until),
            "{source} {found:?}"
        );
        assert!(
            !self.model.protects_some_of(&source),
            "{source} is protected"
        );
        if strikes > 1 && !policy.block_time.is_zero() {
            reached(reach, "banned again, for longer");
            let most = policy.block_time_max.max(policy.block_time);
            if until.is_some_and(|until| until >= self.now.after(most)) {
                reached(reach, "banned again, for the longest time");
            }
        }
        let entry = Entry::of(ban);
        let before = self.model.ledger.bans.insert(source, entry);
        if before.is_some_and(|before| before.stop == Stop::Nothing) && entry.stop != Stop::Nothing
        {
            reached(reach, "a ban that stops nothing becomes one that does");
        }
        let inside = |(part, entry): &(&Prefix, &Entry)| {
            let inside = **part != source && source.contains(part.addr());
            inside && entry.stop == Stop::Nothing
        };
        let notices = self.model.ledger.bans.iter().filter(inside);
        for part in notices.map(|(part, _)| *part).collect::<Vec<_>>() {
            assert!(
                self.detector.bans.get(&part).is_none(),
                "{part} hides {source}"
            );
            self.model.ledger.bans.remove(&part);
            reached(
                reach,
                "a ban that stops nothing ends in that of its network",
            );
        }
    }

    /// A flood before we look: so many sources that the table of bans is full from the beginning.
    pub(super) fn fill(&mut self, reach: &mut Reach) {
        for _ in 0..self.crowd {
            self.probe(reach);
            if self.random.percent(5) {
                self.now = self.now.after(Duration::from_millis(1));
                self.turn(reach);
            }
        }
    }
}

fn note(verdict: Verdict, source: &Prefix, reach: &mut Reach) {
    let what = match verdict {
        Verdict::NotATrap => "verdict: not a trap",
        Verdict::Forged => "verdict: forged",
        Verdict::Ignored => "verdict: ignored",
        Verdict::Explained(_) => "verdict: explained",
        Verdict::Counted => "verdict: counted",
        Verdict::Folded => "verdict: folded",
        Verdict::Probe(outcome) => match outcome {
            Outcome::BlockingOff => "outcome: blocking off",
            Outcome::Protected => "outcome: protected",
            Outcome::Ban => "outcome: ban",
            Outcome::Pending => "outcome: pending",
            Outcome::AlreadyBanned => "outcome: already banned",
            Outcome::StillBanned => panic!("it is folded"),
            Outcome::Doubted => "outcome: doubted",
            Outcome::NoRoom => "outcome: no room",
            Outcome::EnoughOfNet => panic!("two addresses of a /64 at most"),
        },
    };
    reached(reach, what);
    match (source.addr(), source.is_host()) {
        (IpAddr::V6(_), true) => reached(reach, "source: one IPv6 address"),
        (IpAddr::V6(_), false) => reached(reach, "source: an IPv6 /64"),
        _ => {}
    }
}
