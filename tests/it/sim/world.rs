//! One world: a network full of sources, drawn from a seed.

use std::net::IpAddr;
use std::time::Duration;

use portsentry::judge::ban::{Ban, Stop};
use portsentry::judge::detector::Detector;
use portsentry::judge::verdict::{Outcome, Verdict};
use portsentry::limits::{BANS_MAX, RULES_MAX};
use portsentry::net::{Family, Prefix};
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::{Mode, Probe, Protocol};
use portsentry::time::Instant;

use super::draw::{self, TCP, UDP, address};
use super::enforcer::Enforcer;
use super::model::{Expected, Model};
use super::random::Random;
use super::{Reach, reached};

pub(super) struct World {
    now: Instant,
    random: Random,
    detector: Detector,
    model: Model,
    enforcer: Enforcer,
    /// How many different sources there are.
    crowd: usize,
    /// Bans displaced so far.
    evicted: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let crowd = random.pick(&[3, 20, 60, 60, 200, 3000]);
        let bad = random.pick(&[0, 5, 30, 80]);
        let policy = draw::policy(&mut random, crowd);
        let mut enforcer = Enforcer::new(bad);
        enforcer.reconciler.up = policy.needs_firewall();
        let mut world = Self {
            now: Instant::from_millis(random.next() % (1 << 40)),
            detector: Detector::new(policy, (random.next(), random.next())),
            model: Model::default(),
            enforcer,
            crowd,
            evicted: 0,
            random,
        };
        world.detector.bans.set_most(RULES_MAX);
        world.model.own = vec![address(0), address(1)];
        world.model.gateways = vec![address(2), address(3)];
        world.protect();
        if crowd > 1000 {
            world.fill();
        }
        world
    }

    pub(super) fn step(&mut self, reach: &mut Reach) {
        let pause = match self.random.below(1000) {
            0 => Duration::from_secs(25 * 3600),
            1..30 => Duration::from_secs(61),
            30..300 => Duration::from_millis(self.random.next() % 1000),
            _ => Duration::from_millis(self.random.next() % 5),
        };
        self.now = self.now.after(pause);
        match self.random.below(1000) {
            0..4 => self.reconfigure(reach),
            4..14 => self.change_protection(reach),
            14..16 => self.enforcer.disturb(self.random.pick(&Family::BOTH)),
            _ => self.probe(reach),
        }
        self.turn(reach);
    }

    /// The network falls silent and the firewall works again: everything must come to rest, and a stop must leave
    /// nothing behind.
    pub(super) fn settle(&mut self, reach: &mut Reach) {
        self.enforcer.bad = 0;
        self.come_to_rest(reach);
        self.enforcer.reconciler.up = false;
        self.detector
            .bans
            .free_if(|_, ban| ban.stop == Stop::Firewall);
        self.come_to_rest(reach);
        assert!(!self.enforcer.reconciler.is_loaded());
    }

    fn come_to_rest(&mut self, reach: &mut Reach) {
        for _ in 0..400 {
            self.now = self.now.after(Duration::from_secs(1));
            self.turn(reach);
        }
        assert!(
            self.enforcer.reconciler.is_even(&self.detector.bans),
            "no rest"
        );
    }

    fn turn(&mut self, reach: &mut Reach) {
        let detector = &mut self.detector;
        self.enforcer
            .turn(self.now, detector, &mut self.random, reach);
        self.enforcer.check(&self.detector, reach);
    }

    fn probe(&mut self, reach: &mut Reach) {
        let probe = draw::probe(&mut self.random, self.crowd);
        let belongs = match self.random.percent(6) {
            false => Belongs::Nobody,
            true => self
                .random
                .pick(&[Belongs::Us, Belongs::Reply, Belongs::Forwarded]),
        };
        let source = self.model.source(probe.source);
        let known = self.detector.bans.get(&source).copied();
        let leaving = known.is_none() && self.detector.bans.get_mut(&source).is_some();
        let before = self.detector.bans.wanted();
        let policy = self.detector.policy.clone();
        let expected = self.model.judge(self.now, &probe, belongs, &policy, reach);
        let verdict = match self.detector.candidate(&probe) {
            Err(verdict) => verdict,
            Ok(()) => self
                .detector
                .judge(self.now, &probe, mode_of(&probe), belongs),
        };
        note(verdict, &source, reach);
        if self.detector.bans.evicted > self.evicted {
            self.evicted = self.detector.bans.evicted;
            reached(reach, "ban displaced");
        }
        if let Verdict::Probe(_) = verdict {
            self.model.said(&source);
        }
        if self.detector.sources.evicted > 0 || self.crowd > 1000 {
            return; // The model forgets nobody and has no bounds: here only the invariants are checked.
        }
        let protected = self.model.protects_some_of(&source);
        match (expected, verdict) {
            (Expected::Exactly(expected), verdict) => assert_eq!(verdict, expected),
            (_, Verdict::Probe(Outcome::Protected)) => assert!(protected && known.is_none()),
            (_, Verdict::Probe(Outcome::Ban)) => {
                let anew = known.is_none_or(|ban| ban.failed);
                assert!(!protected && anew && before <= BANS_MAX);
                if leaving {
                    reached(reach, "ban comes back while leaving");
                }
            }
            (Expected::AboutABan { repeat }, verdict) => {
                let ban = known.filter(|_| !protected);
                let outcome = match ban.map(|ban| ban.holds()) {
                    Some(true) if ban.is_some_and(|ban| self.was_told(&ban)) => {
                        assert_eq!(verdict, Verdict::Folded);
                        return;
                    }
                    Some(true) => Outcome::AlreadyBanned,
                    Some(false) => Outcome::Pending,
                    None => Outcome::Protected,
                };
                let told = if repeat {
                    Verdict::Folded
                } else {
                    Verdict::Probe(outcome)
                };
                assert_eq!(verdict, told);
            }
        }
    }

    /// Whether enough was said of a banned source in this minute.
    fn was_told(&self, ban: &Ban) -> bool {
        ban.is_told(self.now)
    }

    fn reconfigure(&mut self, reach: &mut Reach) {
        let policy = draw::policy(&mut self.random, self.crowd);
        self.enforcer.reconciler.up = policy.needs_firewall();
        let before = self.detector.bans.wanted();
        self.detector.adopt(policy);
        if self.detector.bans.wanted() < before {
            reached(reach, "freed by configuration");
        }
    }

    fn change_protection(&mut self, reach: &mut Reach) {
        let addr = address(self.random.below(self.crowd));
        let rule = self.model.protect_other(self.random.below(7), addr);
        self.protect();
        let expected = self.detector.bans.iter();
        let expected =
            expected.filter(|(source, ban)| ban.wanted && self.model.protects_some_of(source));
        let expected = expected.count();
        let mut freed = 0;
        self.detector.free_protected(|_, _| freed += 1);
        assert_eq!(freed, expected);
        if freed > 0 {
            reached(reach, rule);
        }
    }

    /// Tells the detector what the model knows.
    fn protect(&mut self) {
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

    /// A flood before we look: so many sources that the table of bans is full from the beginning.
    fn fill(&mut self) {
        for n in 0..self.crowd {
            let mut probe = draw::probe(&mut self.random, self.crowd);
            probe.source = address(n);
            probe.port = if probe.protocol == Protocol::Tcp {
                TCP[0]
            } else {
                UDP[0]
            };
            if self.detector.candidate(&probe).is_ok() {
                let _ = self
                    .detector
                    .judge(self.now, &probe, mode_of(&probe), Belongs::Nobody);
            }
        }
    }
}

/// Two modes in one process, as `-atcp -sudp` makes it.
fn mode_of(probe: &Probe) -> Mode {
    match probe.protocol {
        Protocol::Tcp => Mode::Advanced,
        Protocol::Udp => Mode::Stealth,
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
            Outcome::StillBanned => "outcome: still banned",
            Outcome::Doubted => "outcome: doubted",
            Outcome::NoRoom => "outcome: no room",
        },
    };
    reached(reach, what);
    match (source.addr(), source.is_host()) {
        (IpAddr::V6(_), true) => reached(reach, "source: one IPv6 address"),
        (IpAddr::V6(_), false) => reached(reach, "source: an IPv6 /64"),
        _ => {}
    }
}
