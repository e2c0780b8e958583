//! What `daemon/enforce` does with children, done without them: a run takes some time, and may fail, hang, or be
//! killed when everything is done already.

use portsentry::act::actions::{Actions, due_command};
use portsentry::act::firewall::{Backend, Job, Scope};
use portsentry::act::reconcile::{Order, Reconciler};
use portsentry::act::settle::Change;
use portsentry::judge::ban::{Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::limits::{BANS_MAX, CHANGES_MAX, FIREWALL_TIME, LEAVING_MAX, REST};
use portsentry::net::{Family, Prefix};
use portsentry::time::Instant;
use std::time::Duration;

use super::firewall::Firewall;
use super::random::Random;
use super::{Reach, reached};

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Works,
    Fails,
    HangsBefore,
    HangsAfter,
}

struct Flight {
    order: Order,
    batch: String,
    lands: Instant,
    fate: Fate,
}

pub(super) struct Enforcer {
    pub(super) reconciler: Reconciler,
    pub(super) firewall: Firewall,
    actions: Actions,
    flight: Option<Flight>,
    /// How many runs of a hundred go wrong.
    pub(super) bad: usize,
    /// Whose chain somebody else emptied. Nothing is healed until a rule is missed, and then all of it.
    disturbed: Vec<Family>,
}

impl Enforcer {
    pub(super) fn new(bad: usize) -> Self {
        Self {
            reconciler: Reconciler::new(Backend::Iptables, &Family::BOTH),
            firewall: Firewall::default(),
            actions: Actions {
                route: Some("route add -host $TARGET$ reject".into()),
                ..Actions::default()
            },
            flight: None,
            bad,
            disturbed: Vec::new(),
        }
    }

    pub(super) fn turn(
        &mut self,
        now: Instant,
        detector: &mut Detector,
        random: &mut Random,
        reach: &mut Reach,
    ) {
        self.land(now, detector, reach);
        for (_, ban) in detector.bans.stirred_mut() {
            if ban.wanted && ban.step == Step::Confirm {
                ban.proceed(self.actions.next(Step::Confirm, ban.stop));
                skip_enforced(ban, &self.actions);
            }
        }
        self.start(now, detector, random, reach);
        self.route(now, detector, random, reach);
        detector.bans.calm();
    }

    /// Somebody else empties our chain.
    pub(super) fn disturb(&mut self, family: Family) {
        if let Some(chain) = self.firewall.chain(family) {
            chain.clear();
            self.disturbed.push(family);
        }
    }

    fn land(&mut self, now: Instant, detector: &mut Detector, reach: &mut Reach) {
        let Some(flight) = self.flight.take_if(|flight| flight.lands <= now) else {
            return;
        };
        let family = family_of(flight.order.scope);
        let does = matches!(flight.fate, Fate::Works | Fate::HangsAfter);
        let mut ok = does;
        if flight.order.job == Job::Check {
            self.looked(now, family, flight.fate == Fate::Works, detector, reach);
            return;
        }
        if does {
            ok = match flight.order.job {
                Job::Load => {
                    self.firewall.chain(family).get_or_insert_default();
                    true
                }
                Job::Unload => {
                    *self.firewall.chain(family) = None;
                    true
                }
                Job::Check => unreachable!(),
                Job::Rebuild | Job::Apply => self.firewall.restore(family, &flight.batch),
            };
            if !ok {
                reached(reach, "batch discarded by a missing rule");
            }
        }
        match flight.fate {
            Fate::Works => {}
            Fate::Fails => reached(reach, "run failed"),
            Fate::HangsBefore => reached(reach, "run killed before it did anything"),
            Fate::HangsAfter => reached(reach, "run killed after it did everything"),
        }
        if does && ok && matches!(flight.order.job, Job::Rebuild | Job::Unload) {
            self.disturbed.retain(|other| *other != family);
        }
        ok &= flight.fate == Fate::Works;
        let actions = &self.actions;
        self.reconciler
            .settle(now, ok, &mut detector.bans, |_, ban, change| match change {
                Change::Enforced => skip_enforced(ban, actions),
                Change::GivenUp => {
                    reached(reach, "ban given up for now");
                    ban.proceed(actions.next(Step::Stop, ban.stop));
                }
                Change::Gone => reached(reach, "ban taken out"),
            });
    }

    /// What `iptables -S` would say, if the look itself does not fail.
    fn looked(
        &mut self,
        now: Instant,
        family: Family,
        ok: bool,
        detector: &Detector,
        reach: &mut Reach,
    ) {
        let chain = self.firewall.chain(family).clone();
        let mut said = "-A INPUT -j PORTSENTRY\n-A FORWARD -j PORTSENTRY\n".to_owned();
        for source in chain.iter().flatten() {
            said.push_str(&format!("-A PORTSENTRY -s {source} -j DROP\n"));
        }
        let there = ok && chain.is_some();
        if self.reconciler.verify(now, there, &said, &detector.bans) {
            reached(reach, "a change by others is seen");
        }
    }

    fn start(
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
        let mut batch = String::new();
        let (bans, protect) = (&mut detector.bans, &detector.protect);
        self.reconciler
            .begin(now, order, bans, protect, &mut batch)
            .unwrap();
        check_batch(&batch, detector);
        reached(
            reach,
            match order.job {
                Job::Load => "run: load",
                Job::Rebuild => "run: rebuild",
                Job::Apply => "run: apply",
                Job::Check => "run: check",
                Job::Unload => "run: unload",
            },
        );
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
            Fate::Works | Fate::Fails => Duration::from_millis(random.next() % 40),
            Fate::HangsBefore | Fate::HangsAfter => FIREWALL_TIME,
        };
        self.flight = Some(Flight {
            order,
            batch,
            lands: now.after(takes),
            fate,
        });
    }

    /// The owner's KILL_ROUTE, which needs no time here.
    fn route(&self, now: Instant, detector: &mut Detector, random: &mut Random, reach: &mut Reach) {
        while let Some(source) = due_command(&detector.bans, now) {
            let ban = detector.bans.get_mut(&source).unwrap();
            assert_eq!((ban.step, ban.stop), (Step::Stop, Stop::Route));
            let failed = random.percent(self.bad);
            if failed && !ban.failed_once(now.after(REST)) {
                continue;
            }
            ban.proceed(self.actions.next(ban.step, ban.stop));
            if failed {
                reached(reach, "route failed for good");
                let ban = detector.bans.get_mut(&source).unwrap();
                ban.failed = true;
            }
        }
    }

    /// Whether the firewall and the table agree, wherever nothing is under way and nothing is to be done.
    pub(super) fn check(&mut self, detector: &Detector, reach: &mut Reach) {
        let bans = &detector.bans;
        assert!(bans.wanted() <= BANS_MAX);
        assert!(bans.iter().count() <= BANS_MAX + LEAVING_MAX);
        if !self.reconciler.is_even(bans) {
            return;
        }
        reached(reach, "at rest and equal");
        for family in Family::BOTH {
            if self.disturbed.contains(&family) {
                continue;
            }
            let wanted = bans.iter().filter(|(source, ban)| {
                ban.wanted && ban.stop == Stop::Firewall && Family::of(source.addr()) == family
            });
            let mut wanted: Vec<String> = wanted.map(|(source, _)| source.to_string()).collect();
            wanted.sort();
            let chain = self.firewall.chain(family).clone();
            assert_eq!(chain.is_some(), self.reconciler.up);
            let mut chain = chain.unwrap_or_default();
            chain.sort();
            assert_eq!(chain, wanted);
        }
    }
}

fn family_of(scope: Scope) -> Family {
    match scope {
        Scope::Only(family) => family,
        Scope::Both => panic!("iptables has two"),
    }
}

/// As `daemon/records` does: the firewall may have had it before its step came.
fn skip_enforced(ban: &mut portsentry::judge::ban::Ban, actions: &Actions) {
    if ban.step == Step::Stop && ban.stop == Stop::Firewall && ban.enforced {
        ban.proceed(actions.next(Step::Stop, ban.stop));
    }
}

/// The last door: nobody protected is in a batch, and it is not longer than it may be.
fn check_batch(batch: &str, detector: &Detector) {
    let rules = batch.lines().filter(|line| line.contains(" -s "));
    assert!(rules.clone().count() <= CHANGES_MAX);
    for line in rules.filter(|line| line.starts_with("-A")) {
        let source: Prefix = line.split(' ').nth(3).unwrap().parse().unwrap();
        assert!(
            !detector.protect.covers(&source),
            "{line} bans somebody protected"
        );
    }
}
