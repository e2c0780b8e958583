//! How a run of a firewall program ended, and what is said of it.

use crate::act::firewall::{self, Detail, Job, Scope};
use crate::act::reconcile::Order;
use crate::act::settle::Change;
use crate::daemon::State;
use crate::daemon::enforce::Enforcer;
use crate::daemon::ground::{self, Concession};
use crate::judge::ban::Step;
use crate::limits::{ENDS_NAMED, FAILURES_SAID};
use crate::net::Prefix;
use crate::sys::child::Ended;
use crate::sys::log::Log;
use crate::tell::response::FailedLine;
use crate::time::Instant;

impl Enforcer {
    /// Notes how the run under way ended. `output` is what a check wrote.
    pub(super) fn settle_firewall(
        &mut self,
        now: Instant,
        ended: &Ended,
        output: Option<&str>,
        state: &mut State,
    ) {
        let Some(order) = self.reconciler.flying() else {
            return;
        };
        if order.job == Job::Check {
            let bans = &state.detector.bans;
            let ok = ended.ok && output.is_some();
            let changed = self.reconciler.verify(now, ok, output.unwrap_or(""), bans);
            if changed && self.ground.is_new(now) {
                self.say_changed(state);
            }
            return;
        }
        let (detector, mut book) = state.book(now);
        let mut ends = Ends::default();
        let mut progress = false;
        let bans = &mut detector.bans;
        self.reconciler
            .settle(now, ended.ok, bans, |source, ban, change| match change {
                Change::Enforced => {
                    progress = true;
                    // Before its turn it is said when that comes, so that lines keep 1.2's order; and once, though
                    // a rebuild in several runs puts some back later than others.
                    if matches!(ban.step, Step::Run | Step::Done) && !ban.recorded {
                        book.say_enforced(source, ban);
                    }
                    book.note_progress(source, ban);
                }
                Change::GivenUp => {
                    book.log.say(FailedLine(&ban.probe, ban.mode));
                    ban.proceed(book.config.actions.next(Step::Stop, ban.stop));
                }
                Change::Gone => ends.say(source, book.log),
            });
        ends.say_rest(book.log);
        if progress {
            detector.bans.note_change();
        }
        if !ended.ok {
            return self.refused(order, ended, state);
        }
        let (backend, scope) = (self.reconciler.backend(), order.scope);
        if self.reconciler.failures_in(scope) == 0 && self.said.forget(scope) {
            let program = firewall::programs(backend, scope).first().unwrap_or(&"");
            state
                .log
                .say(format_args!("adminalert: {program} works again"));
        }
    }

    /// A run failed. What the kernel may take instead is tried at once; without that it rests.
    fn refused(&mut self, order: Order, ended: &Ended, state: &mut State) {
        let failures = self.reconciler.failures();
        let backend = self.reconciler.backend();
        let call = firewall::call(backend, order.scope, order.job);
        let program = call.arguments.get(3).unwrap_or(&call.program);
        let (program, why) = match ground::missing(backend, order.scope) {
            Some(missing) => (missing, "it is not installed"),
            None => (*program, ended.why()),
        };
        // A program that could not be started or had no time has refused nothing.
        let concession = match order.job {
            Job::Load if ended.exited && backend == self.ground.backend() => {
                self.ground.concede(order.scope, failures)
            }
            _ => None,
        };
        let Some(concession) = concession else {
            let failed = format!("adminalert: ERROR: {program} failed ({why})");
            if self.reconciler.failures_in(order.scope) == 0 {
                // Of a backend that does not work it was said that another one takes its place.
                if self.said.forget(order.scope) {
                    let stays = format_args!("{failed}; what of ours may be there stays");
                    state.log.say(stays);
                }
                return;
            }
            return self.said.say(order.scope, failed, &mut state.log);
        };
        state.changed = true;
        self.reconciler.hurry();
        match concession {
            Concession::Less(detail) if self.ground.is_news(detail) => {
                let without = match detail {
                    Detail::NoIngress => "ingress hook",
                    _ => "hold",
                };
                state.log.say(format_args!(
                    "adminalert: {program} refused ({why}); it is tried without the {without}"
                ));
            }
            Concession::Less(_) => {}
            Concession::Backend(next) => {
                let next = next.word();
                state.log.say(format_args!(
                    "adminalert: {program} does not work here ({why}); {next} takes its place"
                ));
            }
        }
    }

    pub(super) fn say_changed(&self, state: &mut State) {
        let count = state
            .detector
            .bans
            .iter()
            .filter(|(_, ban)| ban.enforced)
            .count();
        state.log.say(format_args!(
            "adminalert: Somebody else changed our part of the firewall; it is made anew, with {count} bans"
        ));
    }
}

/// Failures that were said: each is said once as long as it goes on.
#[derive(Default)]
pub(super) struct Said(Vec<(Scope, String)>);

impl Said {
    fn say(&mut self, scope: Scope, failed: String, log: &mut Log) {
        if self.0.iter().any(|(_, said)| *said == failed) {
            return;
        }
        log.say(format_args!(
            "{failed}; it is tried again, less and less often"
        ));
        if self.0.len() >= FAILURES_SAID {
            self.0.remove(0);
        }
        self.0.push((scope, failed));
    }

    /// Those of a scope are over. Whether there were any.
    fn forget(&mut self, scope: Scope) -> bool {
        let before = self.0.len();
        self.0.retain(|(of, _)| *of != scope);
        self.0.len() < before
    }
}

/// Bans that ended, told in a few lines however many they are.
#[derive(Default)]
pub(super) struct Ends(u32);

impl Ends {
    pub(super) fn say(&mut self, source: &Prefix, log: &mut Log) {
        self.0 += 1;
        if self.0 <= ENDS_NAMED {
            log.say(format_args!(
                "adminalert: Host {source} is no longer blocked"
            ));
        }
    }

    pub(super) fn say_rest(self, log: &mut Log) {
        if let more @ 1.. = self.0.saturating_sub(ENDS_NAMED) {
            log.say(format_args!(
                "adminalert: {more} more hosts are no longer blocked"
            ));
        }
    }
}
