//! Changes of the firewall out, and the owner's actions: children are started, watched and heard, never
//! waited for. One of each kind at a time.

use crate::act::firewall::{self, Backend, Job};
use crate::act::reconcile::Reconciler;
use crate::config::Config;
use crate::daemon::ground::Ground;
use crate::daemon::owner::Owner;
use crate::daemon::settle::{Ends, Said};
use crate::daemon::{State, confirm};
use crate::limits::{BANS_MAX, CHANGES_MAX, CHECK_BYTES_MAX, FIREWALL_TIME, REST, RULES_MAX};
use crate::net::Family;
use crate::sys::child::{Child, Ended};
use crate::sys::log::Log;
use crate::sys::poll::Poll;
use crate::time::Instant;

/// Of the mistake that `act::firewall::kernel` knows.
const WARY: &str = "adminalert: This kernel may crash when a device with an ingress hook goes (CVE-2024-26808): \
     nft goes without that hook";

/// Bytes of the longest line of a batch.
const BATCH_LINE: usize = 80;

/// The firewall and the children.
pub(super) struct Enforcer {
    /// What the firewall has.
    pub(super) reconciler: Reconciler,
    /// What it is made of.
    pub(super) ground: Ground,
    /// IPv4, and IPv6 where the kernel has it.
    families: &'static [Family],
    firewall: Option<Running>,
    owner: Owner,
    batch: String,
    /// Failures that were said and go on.
    pub(super) said: Said,
}

/// A child that runs, and when it has had its time.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) kill_at: Instant,
}

impl Enforcer {
    /// Nothing loaded by us, nothing running. A daemon that was killed may have left something in the firewall: in
    /// that of `left`, or of the backend that is configured.
    pub(super) fn new(families: &'static [Family], config: &Config, left: Option<Backend>) -> Self {
        let ground = Ground::new(config);
        let backend = left.unwrap_or(ground.backend());
        let mut reconciler = Reconciler::new(backend, families);
        reconciler.suspect();
        Self {
            reconciler,
            ground,
            families,
            firewall: None,
            owner: Owner::default(),
            batch: String::with_capacity(CHANGES_MAX * BATCH_LINE),
            said: Said::default(),
        }
    }

    /// At a start: what the owner's actions of a daemon before us have left.
    pub(super) fn recall(&mut self, state: &State) {
        self.owner.recall(state);
    }

    /// One turn: hears how children ended, and starts the next.
    pub(super) fn turn(&mut self, now: Instant, poll: &Poll, state: &mut State) {
        self.reap(now, state);
        if self.ground.hear(now, poll) && self.reconciler.up {
            self.say_changed(state);
            self.reconciler.distrust();
        }
        confirm::confirm(now, state);
        self.follow(state);
        let State { detector, log, .. } = state;
        let mut ends = Ends::default();
        self.reconciler
            .lapse(now, &mut detector.bans, |source| ends.say(source, log));
        ends.say_rest(log);
        self.start_firewall(now, state);
        self.owner.turn(now, state);
        state.detector.bans.calm();
    }

    /// Keeps to the backend that shall be in force, and to what it is made of.
    fn follow(&mut self, state: &mut State) {
        let policy = &state.detector.policy;
        let by_hand = || state.detector.bans.iter().any(|(_, ban)| ban.by_hand);
        let up = policy.needs_firewall() || by_hand();
        let backend = self.ground.backend();
        if self.reconciler.backend() != backend {
            self.reconciler.up = false;
            if self.reconciler.is_loaded() {
                return;
            }
            self.reconciler = Reconciler::new(backend, self.families);
            self.said = Said::default();
            state.backend = backend;
            state.detector.bans.note_change();
            state.detector.bans.stir_all();
            state.changed = true;
        }
        self.reconciler.up = up;
        if up && self.ground.is_wary() {
            state.log.say(WARY);
        }
        if core::mem::take(&mut state.changed) {
            state.detector.bans.set_most(match backend {
                Backend::Iptables => RULES_MAX,
                _ => BANS_MAX,
            });
            self.ground.follow(state, &mut self.reconciler);
        }
    }

    /// When the next turn is due even if nothing happens.
    pub(super) fn due_at(&self, state: &State) -> Option<Instant> {
        let firewall = self.firewall_due_at(state);
        let owner = self.owner.due_at(&state.detector.bans);
        let times = [firewall, owner, self.ground.due_at()];
        times.into_iter().flatten().min()
    }

    /// Whether the firewall is as it shall be, or has failed and rests: a start has nothing to wait for.
    pub(super) fn is_settled(&self, state: &State) -> bool {
        let even = self.reconciler.is_even(&state.detector.bans);
        let in_force = self.reconciler.backend() == self.ground.backend();
        (even && in_force) || (self.reconciler.failures() > 0 && self.firewall.is_none())
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

    /// Adds what running children say to the set that is waited for, and the news about what they do.
    pub(super) fn watch(&mut self, now: Instant, poll: &mut Poll) {
        for running in self.firewall.iter().chain(self.owner.running()) {
            running.child.watch(poll);
        }
        self.ground.watch(now, self.reconciler.backend(), poll);
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
            let output = self.firewall.take();
            let output = output.and_then(|mut running| running.child.output(CHECK_BYTES_MAX));
            self.settle_firewall(now, &ended, output.as_deref(), state);
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
        match order.job {
            Job::Load => self.batch.push_str(self.ground.frame(order.scope)),
            Job::Unload => self
                .batch
                .push_str(firewall::teardown(self.reconciler.backend())),
            Job::Rebuild | Job::Apply | Job::Check => {}
        }
        // Writing to a String does not fail.
        let _written = self
            .reconciler
            .begin(now, order, bans, protect, &mut self.batch);
        let call = firewall::call(self.reconciler.backend(), order.scope, order.job);
        let child = match order.job {
            Job::Check => Child::start_heard(call.program, call.arguments, ""),
            _ => Child::start(call.program, call.arguments, &self.batch),
        };
        match child {
            Ok(child) => {
                self.ground.note_child(child.id());
                let kill_at = now.after(FIREWALL_TIME);
                self.firewall = Some(Running { child, kill_at });
            }
            Err(error) => self.settle_firewall(now, &Ended::never_ran(&error), None, state),
        }
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
