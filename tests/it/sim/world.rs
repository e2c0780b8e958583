//! One world: a network full of sources, drawn from a seed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use portsentry::judge::ban::Stop;
use portsentry::judge::detector::{Block, Detector, Outcome, Policy, Verdict};
use portsentry::limits::BANS_MAX;
use portsentry::net::{Family, Prefix};
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::{Flags, Kind, Mode, Probe, Protocol};
use portsentry::see::traps::{Ports, Traps};
use portsentry::time::Instant;

use super::enforcer::Enforcer;
use super::model::{Expected, Model};
use super::random::Random;
use super::{Reach, reached};

const TCP: [u16; 6] = [1, 11, 79, 111, 512, 1080];
const UDP: [u16; 4] = [7, 69, 161, 54321];

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
        let policy = policy(&mut random, crowd);
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
        self.detector.bans.free_firewall();
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
        let probe = self.draw_probe();
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
                .judge(self.now, &probe, Mode::Stealth, belongs),
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
                assert!(!protected && known.is_none() && before < BANS_MAX);
                if leaving {
                    reached(reach, "ban comes back while leaving");
                }
            }
            (Expected::AboutABan { repeat }, verdict) => {
                let ban = known.filter(|_| !protected);
                let outcome = match ban.map(|ban| ban.holds()) {
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

    fn draw_probe(&mut self) -> Probe {
        let kinds = [
            Kind::Syn,
            Kind::Syn,
            Kind::Null,
            Kind::Fin,
            Kind::Xmas,
            Kind::Unknown(Flags::from_byte(3)),
        ];
        let random = &mut self.random;
        let tcp = random.percent(70);
        let port = match (random.percent(10), tcp) {
            (true, _) => 8080,
            (_, true) => random.pick(&TCP),
            (_, false) => random.pick(&UDP),
        };
        Probe {
            source: address(random.below(self.crowd)),
            destination: address(0),
            source_port: random.pick(&[4000, 4001, 4002]),
            port,
            protocol: if tcp { Protocol::Tcp } else { Protocol::Udp },
            kind: if tcp { random.pick(&kinds) } else { Kind::Udp },
            options: false,
        }
    }

    fn reconfigure(&mut self, reach: &mut Reach) {
        let policy = policy(&mut self.random, self.crowd);
        self.enforcer.reconciler.up = policy.needs_firewall();
        let before = self.detector.bans.wanted();
        self.detector.adopt(policy);
        if self.detector.bans.wanted() < before {
            reached(reach, "freed by configuration");
        }
    }

    fn change_protection(&mut self, reach: &mut Reach) {
        let addr = address(self.random.below(self.crowd));
        let bits = if addr.is_ipv4() { 30 } else { 112 };
        match self.random.below(4) {
            0 => self.model.ignored.clear(),
            1 => self.model.ignored.push(Prefix::host(addr)),
            2 => self.model.ignored.push(Prefix::new(addr, bits).unwrap()),
            _ => self.model.gateways[0] = addr,
        }
        self.model.ignored.dedup();
        self.model.ignored.truncate(8);
        self.protect();
        let expected = self.detector.bans.iter();
        let expected =
            expected.filter(|(source, ban)| ban.wanted && self.model.protects_some_of(source));
        let expected = expected.count();
        let mut freed = 0;
        self.detector.free_protected(|_| freed += 1);
        assert_eq!(freed, expected);
        if freed > 0 {
            reached(reach, "freed by protection");
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
        protect.ignored.clear();
        protect.ignored.extend(self.model.ignored.iter().copied());
    }

    /// A flood before we look: so many sources that the table of bans is full from the beginning.
    fn fill(&mut self) {
        for n in 0..self.crowd {
            let mut probe = self.draw_probe();
            probe.source = address(n);
            probe.port = if probe.protocol == Protocol::Tcp {
                TCP[0]
            } else {
                UDP[0]
            };
            if self.detector.candidate(&probe).is_ok() {
                let _ = self
                    .detector
                    .judge(self.now, &probe, Mode::Stealth, Belongs::Nobody);
            }
        }
    }
}

/// A crowd blocks by the firewall from the first touch, so that the tables fill.
fn policy(random: &mut Random, crowd: usize) -> Policy {
    let mut ports = (Ports::new(), Ports::new());
    TCP.iter()
        .for_each(|port| ports.0.add(*port, *port).unwrap());
    UDP.iter()
        .for_each(|port| ports.1.add(*port, *port).unwrap());
    let blocks = [
        Block::Full,
        Block::Full,
        Block::Full,
        Block::RunOnly,
        Block::Off,
    ];
    let full = crowd > 1000 && random.percent(90);
    let mut block = || {
        if full {
            Block::Full
        } else {
            random.pick(&blocks)
        }
    };
    Policy {
        traps: Traps {
            tcp: ports.0,
            udp: ports.1,
        },
        block_tcp: block(),
        block_udp: block(),
        stop: match full || random.percent(80) {
            true => Stop::Firewall,
            false => Stop::Route,
        },
        scan_trigger: if full {
            0
        } else {
            random.pick(&[0, 1, 2, 3, 5, 9])
        },
    }
}

/// The address of the nth source; every fourth has IPv6, four of them to a /64.
fn address(n: usize) -> IpAddr {
    let n = u16::try_from(n).unwrap();
    match n % 4 {
        1 => Ipv6Addr::new(0x2001, 0xdb8, 0, n / 16, 0, 0, 0, n).into(),
        _ => Ipv4Addr::new(198, 51, (n >> 8).try_into().unwrap(), n.to_be_bytes()[1]).into(),
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
