//! How the firewall is kept equal to the table of bans: what its programs are told, when, and what is said of it.

mod batches;
mod looks;
mod pace;

use portsentry::act::firewall::{Backend, Job, Scope};
use portsentry::act::reconcile::Reconciler;
use portsentry::act::settle::Change;
use portsentry::judge::ban::{Ban, Step, Stop};
use portsentry::judge::bans::Bans;
use portsentry::judge::protect::Protect;
use portsentry::limits::{ATTEMPTS_MAX, CHANGES_MAX};
use portsentry::net::{Family, Prefix};
use portsentry::see::probe::Mode;
use portsentry::time::Instant;
use std::time::Duration;

/// A table of bans and the firewall that follows it, whose programs are played by the test.
struct Wall {
    now: Instant,
    bans: Bans,
    protect: Protect,
    reconciler: Reconciler,
    said: Vec<(String, Change)>,
}

impl Wall {
    /// Nothing is loaded yet.
    fn new(backend: Backend, families: &[Family]) -> Self {
        let mut reconciler = Reconciler::new(backend, families);
        reconciler.up = true;
        Self {
            now: Instant::from_millis(1_000_000),
            bans: Bans::new((1, 2)),
            protect: Protect::default(),
            reconciler,
            said: Vec::new(),
        }
    }

    /// It is loaded, and holds these for ever.
    fn holding(backend: Backend, families: &[Family], sources: &[&str]) -> Self {
        let mut wall = Self::new(backend, families);
        for source in sources {
            wall.ban(source, None);
        }
        wall.catch_up();
        wall
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
    }

    /// The owner bans somebody.
    fn ban(&mut self, source: &str, seconds: Option<u64>) {
        let source: Prefix = source.parse().unwrap();
        let ban = Ban {
            until: seconds.map(|seconds| self.now.after(Duration::from_secs(seconds))),
            ..Ban::by_hand(self.now, source.addr())
        };
        assert!(self.bans.insert(source, ban));
    }

    /// Somebody is caught, and is just about to be stopped.
    fn catch(&mut self, source: &str) {
        let source: Prefix = source.parse().unwrap();
        let probe = Ban::by_hand(self.now, source.addr()).probe;
        let ban = Ban {
            step: Step::Stop,
            ..Ban::new(self.now, probe, Mode::Stealth, Stop::Firewall, 1)
        };
        assert!(self.bans.insert(source, ban));
    }

    fn free(&mut self, source: &str) {
        self.bans.free(&source.parse().unwrap());
    }

    /// Begins the run that is due, if one is: its job, and what its program reads.
    fn begin(&mut self) -> Option<(Job, String)> {
        let order = self.reconciler.next(self.now, &self.bans)?;
        let (bans, protect, mut batch) = (&mut self.bans, &self.protect, String::new());
        let begun = self
            .reconciler
            .begin(self.now, order, bans, protect, &mut batch);
        begun.unwrap();
        Some((order.job, batch))
    }

    /// The run under way ends, and it worked, or it failed.
    fn end(&mut self, ok: bool) {
        let said = &mut self.said;
        self.reconciler
            .settle(self.now, ok, &mut self.bans, |source, ban, change| {
                if ban.step == Step::Stop {
                    ban.proceed(Step::Done);
                }
                said.push((source.to_string(), change));
            });
        self.bans.calm();
    }

    fn run(&mut self) -> Option<(Job, String)> {
        let begun = self.begin()?;
        self.end(true);
        Some(begun)
    }

    fn fail(&mut self) -> Option<Job> {
        let (job, _) = self.begin()?;
        self.end(false);
        Some(job)
    }

    /// All runs that are due at once, and all work.
    fn catch_up(&mut self) {
        while self.run().is_some() {}
        assert!(self.reconciler.is_even(&self.bans));
        self.said.clear();
    }

    fn enforced(&self) -> usize {
        self.bans.iter().filter(|(_, ban)| ban.enforced).count()
    }

    fn due_in(&self) -> Option<u64> {
        let due = self.reconciler.due_at(&self.bans);
        due.map(|at| at.millis().saturating_sub(self.now.millis()))
    }
}

/// A table that cannot be made, in a kernel without nftables: the rests double, and it is said once.
#[test]
fn a_ban_is_given_up_once_and_tried_on() {
    let mut wall = Wall::new(Backend::Nft, &Family::BOTH);
    wall.catch("192.0.2.7");
    // Of what the owner asked for he has been told already.
    wall.ban("192.0.2.8", None);
    for failures in 1..3 * u32::from(ATTEMPTS_MAX) {
        assert_eq!(wall.fail(), Some(Job::Load));
        let given_up = failures >= u32::from(ATTEMPTS_MAX);
        let expected = given_up.then(|| ("192.0.2.7".to_owned(), Change::GivenUp));
        assert_eq!(wall.said, Vec::from_iter(expected));
        wall.pass(300_000);
    }
    wall.said.clear();
    wall.run().unwrap();
    let expected = ["192.0.2.7", "192.0.2.8"].map(|source| (source.to_owned(), Change::Enforced));
    assert_eq!(wall.said, expected);
}

/// Neither another end, nor what is made anew.
#[test]
fn what_holds_is_said_once() {
    for backend in [Backend::Nft, Backend::Ipset, Backend::Iptables] {
        let mut wall = Wall::holding(backend, &[Family::V4], &["192.0.2.7", "192.0.2.8"]);
        let until = wall.now.after(Duration::from_secs(600));
        wall.bans.renew(&"192.0.2.7".parse().unwrap(), Some(until));
        assert_eq!(wall.run().unwrap().0, Job::Apply);
        wall.reconciler.distrust();
        assert_eq!(wall.run().unwrap().0, Job::Load);
        while wall.run().is_some() {}
        assert_eq!((wall.said.len(), wall.enforced()), (0, 2));
        wall.free("192.0.2.7");
        wall.run().unwrap();
        assert_eq!(wall.said, [("192.0.2.7".to_owned(), Change::Gone)]);
    }
}

/// In one run the kernel takes so many and no more; the others come with the next, and of nobody it is said that
/// he went.
#[test]
fn more_bans_than_a_run_takes_come_in_several() {
    for (backend, job) in [
        (Backend::Nft, Job::Load),
        (Backend::Ipset, Job::Rebuild),
        (Backend::Iptables, Job::Rebuild),
    ] {
        let mut wall = Wall::new(backend, &[Family::V4]);
        for n in 0..2 * CHANGES_MAX + 9 {
            wall.ban(&format!("198.18.{}.{}", n / 250, n % 250), None);
        }
        for _ in 0..2 {
            let mut runs = Vec::new();
            while let Some((job, batch)) = wall.run() {
                let bans = batch.lines().filter(|line| line.contains("198.18."));
                runs.push((job, bans.count()));
            }
            runs.retain(|(job, bans)| *job != Job::Load || *bans > 0);
            let expected = [
                (job, CHANGES_MAX),
                (Job::Apply, CHANGES_MAX),
                (Job::Apply, 9),
            ];
            assert_eq!(runs, expected, "{backend:?}");
            assert_eq!(wall.enforced(), 2 * CHANGES_MAX + 9);
            assert!(wall.said.iter().all(|(_, said)| *said == Change::Enforced));
            wall.reconciler.distrust();
        }
        // Those that a rebuild had no room for were gone for a moment.
        assert_eq!(wall.said.len(), 3 * CHANGES_MAX + 2 * 9);
    }
}

/// Somebody is freed, and comes back while the run that takes him out is under way.
#[test]
fn who_comes_back_while_he_is_taken_out_is_added_next_and_was_never_gone() {
    let mut wall = Wall::holding(Backend::Ipset, &[Family::V4], &["192.0.2.7"]);
    wall.free("192.0.2.7");
    let batch = wall.begin().unwrap().1;
    assert_eq!(batch, "del portsentry4 192.0.2.7\n");
    wall.ban("192.0.2.7", None);
    wall.end(true);
    assert_eq!((wall.said.len(), wall.enforced()), (0, 0));
    let batch = wall.run().unwrap().1;
    assert_eq!(batch, "add portsentry4 192.0.2.7 timeout 0\n");
    assert_eq!(wall.said, [("192.0.2.7".to_owned(), Change::Enforced)]);
}

/// Nobody is told of each ban; but none holds any more, and what is loaded again has all of them.
#[test]
fn a_firewall_that_was_taken_away_holds_nobody() {
    for backend in [Backend::Nft, Backend::Ipset, Backend::Iptables] {
        let sources = ["192.0.2.7", "192.0.2.8"];
        let mut wall = Wall::holding(backend, &[Family::V4], &sources);
        assert_eq!(wall.bans.stirred().count(), 0);
        wall.reconciler.up = false;
        assert_eq!(wall.run().unwrap().0, Job::Unload);
        assert_eq!((wall.enforced(), wall.said.len()), (0, 0), "{backend:?}");
        assert!(!wall.reconciler.is_loaded());
        wall.reconciler.up = true;
        while wall.run().is_some() {}
        assert_eq!((wall.enforced(), wall.said.len()), (2, 2), "{backend:?}");
        // A change is about those that changed, whoever else is banned.
        wall.free("192.0.2.7");
        assert_eq!(wall.bans.stirred().count(), 1);
        wall.run().unwrap();
        assert_eq!(wall.bans.stirred().count(), 0);
    }
}

#[test]
fn the_failures_of_each_family_are_its_own() {
    let [four, six] = Family::BOTH.map(Scope::Only);
    let mut wall = Wall::new(Backend::Ipset, &Family::BOTH);
    let count = |wall: &Wall| {
        let of = |scope| wall.reconciler.failures_in(scope);
        (of(four), of(six), wall.reconciler.failures())
    };
    assert_eq!(count(&wall), (0, 0, 0));
    for failures in 1..=3 {
        wall.pass(300_000);
        while let Some(order) = wall.reconciler.next(wall.now, &wall.bans) {
            wall.begin().unwrap();
            wall.end(order.scope == six);
        }
        assert_eq!(count(&wall), (failures, 0, failures));
    }
    wall.pass(300_000);
    while wall.run().is_some() {}
    assert_eq!(count(&wall), (0, 0, 0));
}
