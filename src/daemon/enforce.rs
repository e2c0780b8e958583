//! Changes of the firewall out, and the owner's actions: children are started, watched and heard, never
//! waited for. One of each kind at a time.

use crate::act::actions::{self, Command};
use crate::act::iptables;
use crate::act::reconcile::{Change, Job, Order, Reconciler, rest};
use crate::daemon::{State, confirm, records};
use crate::judge::ban::{Ban, Step, Stop};
use crate::limits::{ACTION_TIME, CHANGES_MAX, DENY_BYTES_MAX, FIREWALL_TIME, REST};
use crate::net::{Family, Prefix};
use crate::sys::child::{Child, Ended};
use crate::sys::files;
use crate::sys::log::Log;
use crate::tell::response::{AttemptLine, DoneLine, FailedLine};
use crate::time::Instant;

/// tcp_wrappers' file; compiled into 1.2 as well.
const HOSTS_DENY: &str = "/etc/hosts.deny";

/// Steps without a child (lines in hosts.deny) in one turn; the rest comes in the next, at once.
const STEPS_MAX: usize = 8;

/// Bytes of the longest line of a batch.
const BATCH_LINE: usize = 80;

/// The firewall and the children.
pub(super) struct Enforcer {
    /// What the firewall has.
    pub(super) reconciler: Reconciler,
    firewall: Option<Running>,
    action: Option<(Running, Prefix, Step)>,
    batch: String,
    failures: u32,
}

struct Running {
    child: Child,
    kill_at: Instant,
}

impl Enforcer {
    /// Nothing loaded, nothing running.
    pub(super) fn new(active: &'static [Family]) -> Self {
        Self {
            reconciler: Reconciler::new(active),
            firewall: None,
            action: None,
            batch: String::with_capacity(CHANGES_MAX * BATCH_LINE),
            failures: 0,
        }
    }

    /// One turn: hears how children ended, and starts the next.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        self.reap(now, state);
        confirm::confirm(now, state);
        self.start_firewall(now, state);
        self.start_action(now, state);
    }

    /// When the next turn is due even if nothing happens.
    pub(super) fn due_at(&self, state: &State) -> Option<Instant> {
        let bans = &state.detector.bans;
        let firewall = match &self.firewall {
            Some(running) => Some(running.kill_at),
            None => self.reconciler.due_at(bans),
        };
        let action = match &self.action {
            Some((running, ..)) => Some(running.kill_at),
            None => actions::due_at(bans),
        };
        [firewall, action].into_iter().flatten().min()
    }

    /// Whether the firewall is as it shall be, or has failed and rests: a start has nothing to wait for.
    pub(super) fn is_settled(&self, state: &State) -> bool {
        self.reconciler.is_even(&state.detector.bans) || self.failures > 0
    }

    /// Whether a child is running.
    pub(super) fn is_busy(&self) -> bool {
        self.firewall.is_some() || self.action.is_some()
    }

    /// Whether the firewall's child is running.
    pub(super) fn is_firewall_busy(&self) -> bool {
        self.firewall.is_some()
    }

    /// Asks running children to end, or makes them.
    pub(super) fn end_children(&self, force: bool) {
        let action = self.action.as_ref().map(|(running, ..)| running);
        for running in self.firewall.iter().chain(action) {
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
        let action = self.action.as_mut().map(|(running, ..)| running);
        let Some(ended) = ended(now, action) else {
            return;
        };
        if let Some((_, source, step)) = self.action.take() {
            settle_action(now, source, step, &ended, state);
        }
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
                    log.say(DoneLine::Firewall(ban.probe.source, *source));
                    records::note_progress(ban, config, log);
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

    fn start_action(&mut self, now: Instant, state: &mut State) {
        for _ in 0..STEPS_MAX {
            if self.action.is_some() {
                return;
            }
            let Some(source) = actions::due(&state.detector.bans, now) else {
                return;
            };
            let Some(ban) = state.detector.bans.get_mut(&source) else {
                return;
            };
            let step = ban.step;
            let command = actions::command(&state.config.actions, step, ban);
            let ended = match (step, command) {
                (_, None) => Ended::failed("the command becomes too long"),
                (Step::Deny, Some(line)) => deny(&line),
                (_, Some(command)) => match Child::start_shell(&command) {
                    Ok(child) => {
                        let kill_at = now.after(ACTION_TIME);
                        self.action = Some((Running { child, kill_at }, source, step));
                        return;
                    }
                    Err(error) => Ended::never_ran(&error),
                },
            };
            settle_action(now, source, step, &ended, state);
        }
    }
}

fn ended(now: Instant, running: Option<&mut Running>) -> Option<Ended> {
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

fn settle_action(now: Instant, source: Prefix, step: Step, ended: &Ended, state: &mut State) {
    let State {
        detector,
        log,
        config,
        ..
    } = state;
    let Some(ban) = detector
        .bans
        .get_mut(&source)
        .filter(|ban| ban.step == step)
    else {
        return;
    };
    if ended.ok {
        let command = actions::command(&config.actions, step, ban);
        say_done(step, ban, &command.unwrap_or_default(), log);
    } else {
        say_attempt(step, ban, ended, log);
        if !ban.failed_once(now.after(rest(u32::from(ban.attempts) + 1))) {
            return;
        }
        // A command beside the block takes nothing from it; 1.2 did not even look at its status.
        let blocks = step == Step::Stop || ban.stop == Stop::Nothing;
        if blocks || step == Step::Deny {
            log.say(FailedLine(&ban.probe, ban.mode));
        }
        ban.failed |= blocks;
    }
    ban.proceed(config.actions.next(step, ban.stop));
    records::note_progress(ban, config, log);
    // What could not be stopped is not called blocked: the next touch begins anew, as in 1.2.
    if ban.failed && ban.step == Step::Done && ban.stop != Stop::Firewall {
        detector.bans.free(&source);
    }
}

fn say_done(step: Step, ban: &Ban, command: &Command, log: &mut Log) {
    let ip = ban.probe.source;
    match step {
        Step::Deny => log.say(DoneLine::Deny(ip, command)),
        Step::Stop => log.say(DoneLine::Route(ip, command)),
        Step::Run | Step::RunFirst => log.say(DoneLine::Run(ip, command)),
        Step::Confirm | Step::Done => {}
    }
}

fn say_attempt(step: Step, ban: &Ban, ended: &Ended, log: &mut Log) {
    let ip = ban.probe.source;
    log.say(AttemptLine(step, ip, ended.why()));
    if step == Step::Deny {
        log.say(format_args!(
            "securityalert: ERROR: There was an error trying to block host {ip}"
        ));
        log.say(format_args!("adminalert: {HOSTS_DENY}: {}", ended.why()));
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

fn deny(line: &str) -> Ended {
    match files::append_line_once(HOSTS_DENY, line, DENY_BYTES_MAX) {
        Ok(()) => Ended::well(),
        Err(error) => Ended::never_ran(&error),
    }
}
