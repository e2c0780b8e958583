//! Runs of the firewall's programs: how they begin, how they end, and what they did.

use std::collections::HashSet;
use std::time::Duration;

use portsentry::act::firewall::{self, Backend, Job, Scope};
use portsentry::act::reconcile::Order;
use portsentry::act::settle::Change;
use portsentry::judge::ban::Step;
use portsentry::judge::detector::Detector;
use portsentry::limits::{CHANGES_MAX, FIREWALL_TIME};
use portsentry::net::Prefix;
use portsentry::time::Instant;

use super::enforcer::{Enforcer, skip_enforced};
use super::random::Random;
use super::{Reach, reached};

/// The longest run that works, in milliseconds.
pub(super) const RUN_TIME: u64 = 40;

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Works,
    Fails,
    HangsBefore,
    HangsAfter,
}

pub(super) struct Flight {
    pub(super) order: Order,
    pub(super) batch: String,
    pub(super) lands: Instant,
    fate: Fate,
}

impl Flight {
    pub(super) fn works(&self) -> bool {
        self.fate == Fate::Works
    }
}

impl Enforcer {
    /// Hears how the run under way has ended, if it has.
    pub(super) fn land(&mut self, now: Instant, detector: &mut Detector, reach: &mut Reach) {
        let Some(flight) = self.flight.take_if(|flight| flight.lands <= now) else {
            return;
        };
        let works = flight.fate == Fate::Works;
        if flight.order.job == Job::Check {
            return self.looked(&flight, works, detector, reach);
        }
        reached(
            reach,
            match flight.fate {
                Fate::Works => "run works",
                Fate::Fails => "run failed",
                Fate::HangsBefore => "run killed before it did anything",
                Fate::HangsAfter => "run killed after it did everything",
            },
        );
        let mut ok = works;
        if works {
            let known = !self.is_disturbed(flight.order.scope);
            ok = self.carry_out(flight.lands, &flight);
            if !ok && known {
                let held = self.firewall.held(flight.lands, flight.order.scope);
                let held: Vec<_> = held.iter().filter(|(p, _)| p.bits() < 32).collect();
                panic!("refused at {:?}:\n{}{held:?}", flight.lands, flight.batch);
            }
            if !ok {
                reached(reach, "batch refused because something is missing");
            }
        }
        let owner = &self.owner;
        let bans = &mut detector.bans;
        self.reconciler
            .settle(now, ok, bans, |_, ban, change| match change {
                Change::Enforced => skip_enforced(ban, owner),
                Change::GivenUp => {
                    reached(reach, "ban given up for now");
                    ban.proceed(owner.actions.next(Step::Stop, ban.stop));
                }
                Change::Gone => reached(reach, "ban taken out"),
            });
    }

    /// Does what a run shall do. Made anew as a whole nothing is left of what others did.
    fn carry_out(&mut self, at: Instant, flight: &Flight) -> bool {
        let done = self.firewall.run(at, flight.order, &flight.batch);
        let anew = match flight.order.job {
            Job::Load => self.reconciler.backend() == Backend::Nft,
            Job::Unload => true,
            Job::Rebuild | Job::Apply | Job::Check => false,
        };
        let here = |(scope, _): &(Scope, bool)| done && *scope == flight.order.scope;
        if flight.order.job == Job::Rebuild || anew {
            self.disturbed.retain(|at| !here(at) || !(anew || at.1));
        } else if flight.order.job == Job::Load {
            let here = self.disturbed.iter_mut().filter(|at| here(at));
            here.for_each(|(_, led)| *led = true);
        }
        done
    }

    /// What a check said. It cries wolf only where one was.
    fn looked(&mut self, flight: &Flight, works: bool, detector: &Detector, reach: &mut Reach) {
        let scope = flight.order.scope;
        let said = self.firewall.check(flight.lands, scope).filter(|_| works);
        let (there, text) = (said.is_some(), said.unwrap_or_default());
        let bans = &detector.bans;
        if self.reconciler.verify(flight.lands, there, &text, bans) {
            assert!(!works || self.is_disturbed(scope), "said:\n{text}");
            reached(reach, "check found a change");
        }
    }

    /// Starts the next run, if one is due.
    pub(super) fn start(
        &mut self,
        now: Instant,
        detector: &mut Detector,
        random: &mut Random,
        reach: &mut Reach,
    ) {
        let Some(order) = self.reconciler.next(now, &detector.bans) else {
            return;
        };
        assert!(self.flight.is_none(), "two runs at a time");
        let mut batch = match order.job {
            Job::Load => self.frame(order.scope).to_owned(),
            Job::Unload => firewall::teardown(self.reconciler.backend()).to_owned(),
            _ => String::new(),
        };
        let frame = batch.len();
        let (bans, protect) = (&mut detector.bans, &detector.protect);
        let begun = self.reconciler.begin(now, order, bans, protect, &mut batch);
        begun.unwrap();
        check_batch(&batch[frame..], detector);
        reached(reach, job_name(order.job));
        let fate = match random.percent(self.bad) {
            false => Fate::Works,
            true => random.pick(&[
                Fate::Fails,
                Fate::Fails,
                Fate::HangsBefore,
                Fate::HangsAfter,
            ]),
        };
        let takes = match fate {
            Fate::Works | Fate::Fails => Duration::from_millis(random.next() % RUN_TIME),
            Fate::HangsBefore | Fate::HangsAfter => FIREWALL_TIME,
        };
        let mut flight = Flight {
            order,
            batch,
            lands: now.after(takes),
            fate,
        };
        if fate != Fate::Works && order.job != Job::Check {
            self.go_wrong(now, &mut flight, random);
        }
        self.flight = Some(flight);
    }

    /// A run that does not end well may have done all of it, or, where it is no transaction, a part.
    fn go_wrong(&mut self, now: Instant, flight: &mut Flight, random: &mut Random) {
        self.disturbed.push((flight.order.scope, false));
        self.failed = true;
        if flight.fate == Fate::HangsAfter {
            self.firewall.run(now, flight.order, &flight.batch);
        }
        let piecemeal = flight.order.job != Job::Unload && self.backend == Backend::Ipset;
        if flight.fate == Fate::Fails && piecemeal && flight.order.job != Job::Load {
            let lines = flight.batch.lines().count();
            let some = flight.batch.lines().take(random.below(lines + 1));
            let some: String = some.map(|line| format!("{line}\n")).collect();
            self.firewall.run(now, flight.order, &some);
        }
    }
}

fn job_name(job: Job) -> &'static str {
    match job {
        Job::Load => "run: load",
        Job::Rebuild => "run: rebuild",
        Job::Apply => "run: apply",
        Job::Check => "run: check",
        Job::Unload => "run: unload",
    }
}

/// The last door: nobody protected is in a batch, and it is not longer than it may be. What nft is to delete it is
/// told to add before.
fn check_batch(batch: &str, detector: &Detector) {
    let (mut added, mut changed) = (HashSet::new(), HashSet::new());
    for line in batch.lines() {
        let (adds, source) = match line.split(' ').collect::<Vec<_>>()[..] {
            ["-A", "PORTSENTRY", "-s", key, ..] => (true, prefix("", key)),
            ["-D", "PORTSENTRY", "-s", key, ..] => (false, prefix("", key)),
            ["add", set, key, "timeout", _] => (true, prefix(set, key)),
            ["del", set, key] => (false, prefix(set, key)),
            [verb, "element", _, _, set, "{", key, ..] => (verb == "add", prefix(set, key)),
            _ => continue,
        };
        changed.insert(source);
        match adds {
            true => added.insert(source),
            false => added.remove(&source),
        };
    }
    assert!(changed.len() <= CHANGES_MAX);
    let protected = added.iter().find(|source| detector.protect.covers(source));
    assert_eq!(protected, None, "somebody protected is to be banned");
}

fn prefix(set: &str, key: &str) -> Prefix {
    let bits = match set {
        "ban6" => 64,
        "site56" => 56,
        "site48" => 48,
        _ => return key.parse().unwrap(),
    };
    Prefix::new(key.parse().unwrap(), bits).unwrap()
}
