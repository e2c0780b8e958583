//! One world: a network full of sources, drawn from a seed. Time passes from one thing that is due to the next, as
//! in the daemon's loop.

use std::collections::HashMap;
use std::time::Duration;

use portsentry::act::actions;
use portsentry::judge::ban::{Ban, Stop};
use portsentry::judge::detector::Detector;
use portsentry::judge::policy::Block;
use portsentry::judge::valve::Turned;
use portsentry::judge::verdict::News;
use portsentry::net::Prefix;
use portsentry::see::probe::{Mode, Protocol};
use portsentry::time::Instant;

use super::draw::{self, address};
use super::enforcer::Enforcer;
use super::firewall::Deed;
use super::ledger::Entry;
use super::model::Model;
use super::random::Random;
use super::{Reach, reached};

/// Turns that may follow one another while no time passes.
const TURNS_AT_ONCE: u32 = 50;

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) detector: Detector,
    pub(super) model: Model,
    pub(super) enforcer: Enforcer,
    /// How many different sources there are.
    pub(super) crowd: usize,
    /// A crowd that the tables have no room for: the model forgets nobody, here only the invariants are checked.
    pub(super) crowded: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let crowd = random.pick(&[3, 20, 60, 60, 200, 640, 640, 3000]);
        let policy = draw::policy(&mut random, crowd);
        let backend = draw::backend(&mut random);
        let mut enforcer = Enforcer::new(&mut random, backend);
        enforcer.owner.adopt(policy.undone);
        let mut world = Self {
            now: Instant::from_millis(random.next() % (1 << 40)),
            detector: Detector::new(policy, (random.next(), random.next())),
            model: Model::default(),
            enforcer,
            crowd,
            crowded: crowd > 1000,
            random,
        };
        world.limit(&mut Reach::new());
        let own6 = match world.random.percent(30) {
            true => address(1),
            false => "2001:db8:ffff::1".parse().unwrap(),
        };
        world.model.own = vec![address(0), own6];
        world.model.gateways = vec![address(2), address(3)];
        world.protect();
        world
    }

    /// So many bans there may be: those with the least evidence go.
    pub(super) fn limit(&mut self, reach: &mut Reach) {
        let weight = |ban: &Ban| (ban.verified, ban.ports);
        let bans = &mut self.detector.bans;
        let in_force = bans.iter().filter(|(_, ban)| ban.wanted);
        let before: HashMap<_, _> = in_force.map(|(key, ban)| (*key, weight(ban))).collect();
        let evicted = bans.evicted;
        bans.set_most(self.enforcer.most());
        let (bans, ledger) = (&self.detector.bans, &mut self.model.ledger);
        let gone = ledger.take_gone(bans, "fewer may be", |_, _| true);
        assert_eq!(bans.evicted - evicted, gone.len() as u64);
        let least = bans.iter().filter(|(_, ban)| ban.wanted);
        let least = least.map(|(_, ban)| weight(ban)).min();
        for (source, entry) in gone {
            reached(reach, "displaced by a smaller firewall");
            assert!(least.is_none_or(|least| before[&source] <= least));
            self.may_leave(&source, &entry);
        }
    }

    pub(super) fn step(&mut self, reach: &mut Reach) {
        let pause = self.pause();
        self.advance(pause, reach);
        self.deed(reach);
        self.turn(reach);
    }

    /// Looks at the firewall come every ten seconds: a crowd has no time for a day of them.
    fn pause(&mut self) -> Duration {
        let looks = self.enforcer.backend.must_be_checked();
        let long = match (looks, self.crowd) {
            (false, _) => [11 * 60, 7 * 3600, 25 * 3600, 22 * 24 * 3600],
            (true, 0..100) => [30, 11 * 60, 3600, 7 * 3600],
            (true, _) => [30, 90, 90, 11 * 60],
        };
        match self.random.below(1000) {
            0..3 => draw::span(&mut self.random, &long),
            3..30 => Duration::from_secs(61),
            30..60 => Duration::from_millis(self.random.next() % 12_000),
            60..300 => Duration::from_millis(self.random.next() % 1000),
            _ => Duration::from_millis(self.random.next() % 5),
        }
    }

    fn advance(&mut self, time: Duration, reach: &mut Reach) {
        let end = self.now.after(time);
        let mut at_once = 0;
        while let Some(at) = self.due_at().filter(|at| *at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < TURNS_AT_ONCE, "the loop turns without a pause");
            self.now = self.now.max(at);
            self.turn(reach);
        }
        self.now = end;
        self.turn(reach);
    }

    fn due_at(&self) -> Option<Instant> {
        let times = [
            self.detector.due_at(),
            self.enforcer.due_at(&self.detector),
            actions::due_at(&self.detector.bans),
        ];
        times.into_iter().flatten().min()
    }

    /// The network falls silent and the firewall works again: everything must come to rest, what others do must be
    /// healed in its time, and a stop must leave nothing behind.
    pub(super) fn settle(&mut self, reach: &mut Reach) {
        self.enforcer.bad = 0;
        self.come_to_rest(reach);
        let scopes: Vec<_> = self.enforcer.reconciler.scopes().collect();
        for scope in scopes {
            // One that ends meanwhile is missed by nobody.
            let soon = self.now.after(Duration::from_secs(30));
            let held = self.detector.bans.iter().any(|(source, ban)| {
                let lasts = ban.until.is_none_or(|until| until > soon);
                ban.enforced && scope.holds(source) && lasts
            });
            if !held {
                continue;
            }
            let deed = self.random.pick(&Deed::ALL);
            self.enforcer.disturb(self.now, scope, deed);
            let time = match self.enforcer.backend.must_be_checked() {
                true => Duration::from_millis(10_500),
                false => Duration::from_secs(2),
            };
            self.advance(time, reach);
            let healed = !self.enforcer.is_disturbed(scope);
            let (now, around) = (self.now, &self.enforcer.reconciler);
            assert!(healed, "{deed:?} is not healed in time: {now:?} {around:?}");
            reached(reach, "healed in time");
        }
        self.enforcer.owner.adopt(false);
        self.detector.policy.block_tcp = Block::Off;
        self.detector.policy.block_udp = Block::Off;
        self.detector.bans.free_if(|_, _| true);
        self.model.ledger.bans.clear();
        self.come_to_rest(reach);
        assert!(!self.enforcer.reconciler.is_loaded() && self.enforcer.is_clean());
        assert_eq!(self.detector.bans.iter().count(), 0);
    }

    /// The longest rest of a firewall that failed, and a moment for what ended just now.
    fn come_to_rest(&mut self, reach: &mut Reach) {
        self.advance(Duration::from_secs(320), reach);
        let mut tries = 0..100;
        while !self.enforcer.reconciler.is_even(&self.detector.bans) {
            assert!(tries.next().is_some(), "no rest");
            self.advance(Duration::from_millis(100), reach);
        }
    }

    pub(super) fn turn(&mut self, reach: &mut Reach) {
        let now = self.now;
        let most = self.detector.policy.ban_rate_max;
        self.detector.pass(now);
        self.model.turn_valve(now, most);
        let closed = self.detector.valve.is_closed();
        assert!(self.crowded || closed == self.model.closed);
        self.detector.take_news(now, |news| note(news, reach));
        self.expired(reach);
        let (detector, enforcer) = (&mut self.detector, &mut self.enforcer);
        enforcer.land(now, detector, reach);
        enforcer.hear(now);
        self.confirm(reach);
        let (detector, enforcer) = (&mut self.detector, &mut self.enforcer);
        enforcer.follow(detector, reach);
        let (mut lapsed, reconciler) = (0, &mut enforcer.reconciler);
        reconciler.lapse(now, &mut detector.bans, |_| lapsed += 1);
        if lapsed > 0 {
            reached(reach, "ended by the kernel");
        }
        let random = &mut self.random;
        enforcer.start(now, detector, random, reach);
        let bad = enforcer.bad;
        enforcer.owner.turn(now, detector, bad, random, reach);
        detector.bans.calm();
        let banned = self.model.ledger.bans.len();
        assert_eq!(self.detector.bans.wanted(), banned);
        self.enforcer.check(now, &self.detector, reach);
    }

    /// Whose time is over is not banned any more, and nobody else.
    fn expired(&mut self, reach: &mut Reach) {
        let now = self.now;
        let over = |entry: &Entry| entry.until.is_some_and(|until| until <= now);
        let memory = self.detector.policy.memory();
        let bans = &self.detector.bans;
        let gone = self
            .model
            .ledger
            .take_gone(bans, "expiry", |_, entry| over(entry));
        for (source, entry) in gone {
            reached(reach, "ban expired");
            self.model
                .ledger
                .remember(now, source, entry.strikes, memory);
            self.may_leave(&source, &entry);
        }
        let late = self.model.ledger.bans.values().find(|entry| over(entry));
        assert!(late.is_none(), "banned although its time is over: {late:?}");
    }

    /// A ban ended: whether something undoes what was done for it.
    pub(super) fn may_leave(&mut self, source: &Prefix, entry: &Entry) {
        if entry.stop == Stop::Route {
            let undone = self.detector.bans.known(source).is_some_and(|ban| ban.ran);
            if !undone {
                self.enforcer.owner.leave(entry.addr);
            }
        }
    }
}

fn note(news: News, reach: &mut Reach) {
    let what = match news {
        News::Repeats(..) => "news: repeats",
        News::Unreported(_) => "news: more than the log bears",
        News::Distributed(_) => "news: a distributed scan",
        News::StillDistributed(_) => "news: a distributed scan that goes on",
        News::Valve(Turned::Closed(_)) => "valve closed",
        News::Valve(Turned::Opened) => "valve opened",
    };
    reached(reach, what);
}

/// Two modes in one process, as `-atcp -sudp` makes it.
pub(super) fn mode_of(protocol: Protocol) -> Mode {
    match protocol {
        Protocol::Tcp => Mode::Advanced,
        Protocol::Udp => Mode::Stealth,
    }
}
