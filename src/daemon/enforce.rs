//! Changes of the firewall out, and the owner's actions: children are started, watched and heard, never
//! waited for. One of each kind at a time.

use crate::act::iptables;
use crate::act::reconcile::{Change, Job, Order, Reconciler, rest};
use crate::daemon::owner::Owner;
use crate::daemon::{State, confirm, records};
use crate::judge::ban::Step;
use crate::limits::{CHANGES_MAX, FIREWALL_TIME, REST};
use crate::net::Family;
use crate::sys::child::{Child, Ended};
use crate::sys::log::Log;
use crate::sys::poll::Poll;
use crate::tell::response::{DoneLine, FailedLine};
use crate::time::Instant;

/// Bytes of the longest line of a batch.
const BATCH_LINE: usize = 80;

/// The firewall and the children.
pub(super) struct Enforcer {
    /// What the firewall has.
    pub(super) reconciler: Reconciler,
    firewall: Option<Running>,
    owner: Owner,
    batch: String,
    failures: u32,
}

/// A child that runs, and when it has had its time.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) kill_at: Instant,
}

impl Enforcer {
    /// Nothing loaded, nothing running.
    pub(super) fn new(families: &[Family]) -> Self {
        Self {
            reconciler: Reconciler::new(families),
            firewall: None,
            owner: Owner::default(),
            batch: String::with_capacity(CHANGES_MAX * BATCH_LINE),
            failures: 0,
        }
    }

    /// One turn: hears how children ended, and starts the next.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        self.reap(now, state);
        confirm::confirm(now, state);
        self.start_firewall(now, state);
        self.owner.turn(now, state);
    }

    /// When the next turn is due even if nothing happens.
    pub(super) fn due_at(&self, state: &State) -> Option<Instant> {
        let firewall = self.firewall_due_at(state);
        let owner = self.owner.due_at(&state.detector.bans);
        [firewall, owner].into_iter().flatten().min()
    }

    /// Whether the firewall is as it shall be, or has failed and rests: a start has nothing to wait for.
    pub(super) fn is_settled(&self, state: &State) -> bool {
        self.reconciler.is_even(&state.detector.bans) || self.failures > 0
    }

    /// When something about the firewall is due.
    pub(super) fn firewall_due_at(&self, state: &State) -> Option<Instant> {
        match &self.firewall {
            Some(running) => Some(running.kill_at),
            None => self.reconciler.due_at(&state.detector.bans),
        }
    }

    /// Takes back what the owner's actions left behind and can be taken back. False if another attempt may succeed
    /// soon.
    pub(super) fn take_back(&mut self, log: &mut Log) -> bool {
        self.owner.take_back(log)
    }

    /// Says that what another attempt might have taken back stays.
    pub(super) fn give_up(&self, log: &mut Log) {
        self.owner.give_up(log);
    }

    /// Adds what running children say to the set that is waited for.
    pub(super) fn watch(&self, poll: &mut Poll) {
        for running in self.firewall.iter().chain(self.owner.running()) {
            running.child.watch(poll);
        }
    }

    /// Whether a child is running.
    pub(super) fn is_busy(&self) -> bool {
        self.firewall.is_some() || self.owner.running().is_some()
    }

    /// Whether the firewall's child is running.
    pub(super) fn is_firewall_busy(&self) -> bool {
        self.firewall.is_some()
    }

    /// Asks running children to end, or makes them.
    pub(super) fn end_children(&self, force: bool) {
        for running in self.firewall.iter().chain(self.owner.running()) {
            match force {
                true => running.child.kill(),
                false => running.child.ask_to_end(),
            }
        }
    }

    /// Hears how children ended; one that takes too long is killed, and heard of in a later turn.
    pub(super) fn reap(&mut self, now: Instant, state: &mut State) {
        if let Some(ended) = ended(now, self.firewall.as_mut()) {
            self.firewall = None;
            self.settle_firewall(now, &ended, state);
        }
        self.owner.reap(now, state);
    }

    /// Starts the firewall's next run, if one is due.
    pub(super) fn start_firewall(&mut self, now: Instant, state: &mut State) {
        let (bans, protect) = (&mut state.detector.bans, &state.detector.protect);
        let Some(order) = self.reconciler.next(now, bans) else {
            return;
        };
        self.batch.clear();
        // Writing to a String does not fail.
        let _written = self.reconciler.begin(order, bans, protect, &mut self.batch);
        match start(order, &self.batch) {
            Ok(child) => {
                let kill_at = now.after(FIREWALL_TIME);
                self.firewall = Some(Running { child, kill_at });
            }
            Err(error) => self.settle_firewall(now, &Ended::never_ran(&error), state),
        }
    }

    fn settle_firewall(&mut self, now: Instant, ended: &Ended, state: &mut State) {
        let Some(order) = self.reconciler.flying() else {
            return;
        };
        let State {
            detector,
            log,
            config,
            ..
        } = state;
        self.failures = if ended.ok {
            0
        } else {
            self.failures.saturating_add(1)
        };
        if !ended.ok {
            say_firewall_failure(order, ended, self.failures, log);
        }
        let bans = &mut detector.bans;
        self.reconciler
            .settle(now, ended.ok, bans, |source, ban, change| match change {
                Change::Enforced => {
                    // Before its turn it is said when that comes, so that lines keep 1.2's order; and once, though
                    // a rebuild in several runs puts some back later than others.
                    if matches!(ban.step, Step::Run | Step::Done) && !ban.recorded {
                        log.say(DoneLine::Firewall(ban.probe.source, *source));
                    }
                    records::note_progress(source, ban, config, log);
                }
                Change::GivenUp => {
                    log.say(FailedLine(&ban.probe, ban.mode));
                    ban.proceed(config.actions.next(Step::Stop, ban.stop));
                }
                Change::Gone => log.say(format_args!(
                    "adminalert: Host {source} is no longer blocked"
                )),
            });
    }
}

/// How a child ended, if it has. One that has had its time is killed, and ends in a later turn.
pub(super) fn ended(now: Instant, running: Option<&mut Running>) -> Option<Ended> {
    let running = running?;
    let ended = running.child.ended();
    if ended.is_none() && running.kill_at <= now {
        running.child.kill();
        // Its end wakes us; in the meantime there is nothing to do every millisecond.
        running.kill_at = now.after(REST);
    }
    ended
}

fn start(order: Order, batch: &str) -> std::io::Result<Child> {
    let program = iptables::program(order.family);
    match order.job {
        Job::Load => Child::start("/bin/sh", &["-c", iptables::LOAD, "sh", program], ""),
        Job::Unload => Child::start("/bin/sh", &["-c", iptables::UNLOAD, "sh", program], ""),
        Job::Rebuild | Job::Apply => {
            let program = iptables::batch_program(order.family);
            Child::start(program, &iptables::BATCH_ARGUMENTS, batch)
        }
    }
}

fn say_firewall_failure(order: Order, ended: &Ended, failures: u32, log: &mut Log) {
    let program = match order.job {
        Job::Load | Job::Unload => iptables::program(order.family),
        Job::Rebuild | Job::Apply => iptables::batch_program(order.family),
    };
    let seconds = rest(failures).as_secs();
    log.say(format_args!(
        "adminalert: ERROR: {program} failed ({}); it is tried again in {seconds} s",
        ended.why()
    ));
}
