//! The core of a daemon without the daemon, and a firewall whose runs take ten milliseconds. Time passes from one
//! thing that is due to the next, as in the loop.

use crate::sim::firewall::Firewall;
use portsentry::act::actions::{self, Actions};
use portsentry::act::firewall::{self, Backend, Job, Scope, Site};
use portsentry::act::reconcile::{Order, Reconciler};
use portsentry::act::settle::Change;
use portsentry::judge::ban::{Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::judge::policy::{Block, Policy};
use portsentry::judge::verdict::{News, Outcome, Verdict};
use portsentry::limits::{BANS_MAX, CHANGES_MAX, RULES_MAX};
use portsentry::net::{Family, Prefix};
use portsentry::see::conntrack::Belongs;
use portsentry::see::probe::{Kind, Mode, Probe, Protocol};
use portsentry::see::traps::{Ports, Traps};
use portsentry::time::Instant;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const RUN_TIME: Duration = Duration::from_millis(10);

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// All ports are traps, so that a scanner of any ports touches one with each probe.
pub(crate) fn policy() -> Policy {
    let mut tcp = Ports::new();
    tcp.add(1, 1023).unwrap();
    Policy {
        traps: Traps {
            tcp,
            udp: Ports::new(),
        },
        block_tcp: Block::Full,
        block_udp: Block::Off,
        stop: Stop::Firewall,
        undone: false,
        scan_trigger: 0,
        trigger_ports: 1,
        window: 24 * HOUR,
        block_time: 12 * HOUR,
        block_time_max: 48 * HOUR,
        ban_rate_max: 0,
    }
}

/// Whoever touches a port with a lone SYN.
pub(crate) fn syn(source: IpAddr, port: u16) -> Probe {
    let destination: IpAddr = match source {
        IpAddr::V4(_) => Ipv4Addr::new(203, 0, 113, 5).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1).into(),
    };
    Probe {
        source,
        destination,
        source_port: 40_000,
        port,
        protocol: Protocol::Tcp,
        kind: Kind::Syn,
        options: false,
    }
}

pub(crate) struct Core {
    pub(crate) now: Instant,
    pub(crate) detector: Detector,
    pub(crate) reconciler: Reconciler,
    pub(crate) firewall: Firewall,
    pub(crate) runs: u64,
    /// How often each thing was said: a line each.
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) news: Vec<News>,
    flight: Option<(Order, String, Instant)>,
}

impl Core {
    pub(crate) fn new(backend: Backend, policy: Policy, seed: u64) -> Self {
        let now = Instant::from_millis(1_000_000_000);
        let mut detector = Detector::new(policy, (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), seed));
        detector.bans.set_most(match backend {
            Backend::Iptables => RULES_MAX,
            _ => BANS_MAX,
        });
        let mut reconciler = Reconciler::new(backend, &Family::BOTH);
        reconciler.up = true;
        let mut core = Self {
            now,
            detector,
            reconciler,
            firewall: Firewall::new(backend),
            runs: 0,
            outcomes: Vec::new(),
            news: Vec::new(),
            flight: None,
        };
        core.pass(Duration::from_secs(1));
        core.runs = 0;
        core
    }

    /// A packet comes in that is nobody's.
    pub(crate) fn take(&mut self, probe: &Probe) -> Verdict {
        if let Err(verdict) = self.detector.candidate(probe) {
            return verdict;
        }
        let verdict = self
            .detector
            .judge(self.now, probe, Mode::Stealth, Belongs::Nobody);
        if let Verdict::Probe(outcome) = verdict {
            self.outcomes.push(outcome);
        }
        verdict
    }

    /// Lets time pass; whatever is due in it is done in its time.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.after(time);
        loop {
            self.turn();
            match self.due_at().filter(|at| *at <= end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
        }
        self.now = end;
        self.turn();
    }

    /// When something is due, as the loop asks before it waits.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let bans = &self.detector.bans;
        let firewall = match &self.flight {
            Some((_, _, lands)) => Some(*lands),
            None => self.reconciler.due_at(bans),
        };
        let times = [self.detector.due_at(), firewall, actions::due_at(bans)];
        times.into_iter().flatten().min()
    }

    /// One turn of the loop.
    pub(crate) fn turn(&mut self) {
        let now = self.now;
        let news = &mut self.news;
        self.detector.pass(now);
        self.detector.take_news(now, |item| news.push(item));
        self.land();
        self.confirm();
        self.reconciler.lapse(now, &mut self.detector.bans, |_| {});
        self.start();
        self.detector.bans.calm();
    }

    fn confirm(&mut self) {
        let actions = Actions::default();
        let mut from_v6 = Vec::new();
        for (source, ban) in self.detector.bans.stirred_mut() {
            if ban.wanted && ban.step == Step::Confirm {
                ban.confirmed = true;
                ban.proceed(actions.next(Step::Confirm, ban.stop));
                from_v6.extend(source.addr().is_ipv6().then_some(*source));
            }
        }
        for source in from_v6 {
            self.detector.confirmed(&source);
        }
    }

    fn start(&mut self) {
        let bans = &mut self.detector.bans;
        let Some(order) = self.reconciler.next(self.now, bans) else {
            return;
        };
        assert!(self.flight.is_none(), "two runs at a time");
        let (mut batch, backend) = (String::new(), self.reconciler.backend());
        if order.job == Job::Load {
            firewall::frame(backend, order.scope, &Site::default(), &mut batch).unwrap();
        }
        let frame = batch.lines().count();
        let begun =
            self.reconciler
                .begin(self.now, order, bans, &self.detector.protect, &mut batch);
        begun.unwrap();
        let changes = batch.lines().count() - frame;
        assert!(changes <= 3 * CHANGES_MAX + 4, "{changes} lines in one run");
        self.runs += u64::from(order.job != Job::Check);
        self.flight = Some((order, batch, self.now.after(RUN_TIME)));
    }

    fn land(&mut self) {
        let now = self.now;
        let Some((order, batch, _)) = self.flight.take_if(|(_, _, lands)| *lands <= now) else {
            return;
        };
        let bans = &mut self.detector.bans;
        if order.job == Job::Check {
            let said = self.firewall.check(now, order.scope).unwrap();
            assert!(!self.reconciler.verify(now, true, &said, bans), "{said}");
            return;
        }
        assert!(self.firewall.run(now, order, &batch), "refused:\n{batch}");
        self.reconciler.settle(now, true, bans, |_, ban, change| {
            if change == Change::Enforced && ban.step == Step::Stop {
                ban.proceed(Step::Done);
            }
        });
    }

    /// Whether a source's own ban, or that of its site, is in force.
    pub(crate) fn bans(&self, source: IpAddr) -> bool {
        let source = self.detector.protect.source(source);
        self.detector.bans.covering(&source).is_some()
    }

    /// How many prefixes the firewall stops now.
    pub(crate) fn held(&self) -> Vec<Prefix> {
        let scopes: Vec<Scope> = self.reconciler.scopes().collect();
        let held = scopes
            .iter()
            .flat_map(|scope| self.firewall.held(self.now, *scope));
        let mut held: Vec<Prefix> = held.map(|(source, _)| source).collect();
        held.sort_by_key(|source| (source.addr(), source.bits()));
        held
    }
}
