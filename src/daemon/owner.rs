//! The owner's actions: lines in hosts.deny, and commands, of which one runs at a time.

use crate::act::actions;
use crate::act::command::{Command, Deed, NoCommand, command, given};
use crate::act::state::rest;
use crate::daemon::State;
use crate::daemon::denied::{Denied, HOSTS_DENY};
use crate::daemon::enforce::{Running, ended};
use crate::judge::ban::{Ban, Given, Step, Stop};
use crate::judge::bans::Bans;
use crate::limits::ACTION_TIME;
use crate::net::Prefix;
use crate::sys::child::{Child, Ended};
use crate::sys::log::Log;
use crate::tell::response::{AttemptLine, DoneLine, FailedLine, TooLongLine};
use crate::time::Instant;

/// What is under way and what is done of the owner's.
#[derive(Default)]
pub(super) struct Owner {
    /// The command that runs, if one does.
    action: Option<Action>,
    denied: Denied,
}

/// A command that runs, and for whom.
struct Action {
    running: Running,
    order: Order,
}

/// A command, and what it is for.
struct Order {
    source: Prefix,
    deed: Deed,
    given: Given,
    command: Command,
}

impl Owner {
    /// At a start: what a daemon before us has left.
    pub(super) fn recall(&mut self, state: &State) {
        self.denied.recall(state);
    }

    /// One turn: writes lines, and starts the next command.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        self.denied.turn(now, state);
        self.start(now, state);
    }

    /// Takes back what can be taken back, at a stop. False if another attempt may succeed soon.
    pub(super) fn take_back(&mut self, log: &mut Log) -> bool {
        self.denied.take_back(log)
    }

    /// Says that there will be no other attempt.
    pub(super) fn give_up(&self, log: &mut Log) {
        self.denied.give_up(log);
    }

    /// When the next turn is due even if nothing happens.
    pub(super) fn due_at(&self, bans: &Bans) -> Option<Instant> {
        // More lines than one turn writes: the next comes at once.
        if actions::due_line(bans).is_some() {
            return Some(Instant::default());
        }
        let command = match &self.action {
            Some(action) => Some(action.running.kill_at),
            None => actions::due_at(bans),
        };
        [command, self.denied.due_at()].into_iter().flatten().min()
    }

    /// The child that runs.
    pub(super) fn running(&self) -> Option<&Running> {
        self.action.as_ref().map(|action| &action.running)
    }

    /// Hears how it ended.
    pub(super) fn reap(&mut self, now: Instant, state: &mut State) {
        let running = self.action.as_mut().map(|action| &mut action.running);
        let Some(ended) = ended(now, running) else {
            return;
        };
        if let Some(action) = self.action.take() {
            heard(now, &action.order, &ended, state);
        }
    }

    /// Starts the next command of the owner's, if none is running.
    fn start(&mut self, now: Instant, state: &mut State) {
        if self.action.is_some() {
            return;
        }
        let Some(source) = actions::due_command(&state.detector.bans, now) else {
            return;
        };
        let Some(ban) = state.detector.bans.get_mut(&source) else {
            return;
        };
        let deed = Deed::next(ban);
        let command = match command(&state.config.actions, deed, ban) {
            Ok(command) => command,
            Err(_) if deed == Deed::Undo => return undone(source, state),
            Err(why) => return give_up(now, source, ban.step, &why, state),
        };
        let order = Order {
            source,
            deed,
            given: given(deed, ban),
            command,
        };
        match Child::start_shell(&order.command) {
            Ok(child) => {
                // It has to be known when the command ends, whatever becomes of the ban meanwhile.
                ban.at_work = true;
                let kill_at = now.after(ACTION_TIME);
                let running = Running { child, kill_at };
                self.action = Some(Action { running, order });
            }
            Err(error) => heard(now, &order, &Ended::never_ran(&error), state),
        }
    }
}

fn heard(now: Instant, order: &Order, ended: &Ended, state: &mut State) {
    let (source, command) = (order.source, &order.command);
    let Some(ban) = state.detector.bans.get_mut(&source) else {
        return;
    };
    ban.at_work = false;
    match order.deed {
        Deed::Undo => settle_undo(now, source, command, ended, state),
        Deed::Step(step) if is_of(ban, step, order) => {
            settle(now, source, step, command, ended, state);
        }
        Deed::Step(_) => settle_late(order, ended, state),
    }
}

/// Whether a command was the next step of this ban, and not of one that had its place before.
fn is_of(ban: &Ban, step: Step, order: &Order) -> bool {
    let its = ban.step == step && ban.given() == order.given;
    ban.wanted && !ban.is_due_undone() && its
}

/// A ban ended while its command ran, and its source may have come back: what the command did is undone next.
fn settle_late(order: &Order, ended: &Ended, state: &mut State) {
    let bans = &mut state.detector.bans;
    if let Some(ban) = bans.get_mut(&order.source) {
        if ended.ok && state.config.actions.unblock.is_some() {
            ban.ran = true;
            ban.undo.get_or_insert(order.given);
        }
    }
    bans.note_change();
    bans.drop_gone();
}

/// UNBLOCK_CMD ended. When it has failed for good the owner is told, who has to do it.
fn settle_undo(now: Instant, source: Prefix, command: &Command, ended: &Ended, state: &mut State) {
    let State { detector, log, .. } = state;
    let Some(ban) = detector.bans.get_mut(&source).filter(|ban| ban.ran) else {
        return;
    };
    let (ip, why) = (ban.given_to_undo().source, ended.why());
    if ended.ok {
        log.say(format_args!(
            "adminalert: Host {ip} is no longer blocked; command run: \"{command}\""
        ));
        return undone(source, state);
    }
    log.say(format_args!(
        "adminalert: ERROR: There was an error trying to unblock host ({why}) {ip}"
    ));
    if ban.failed_once(now.after(rest(u32::from(ban.attempts) + 1))) {
        undone(source, state);
    }
}

/// Nothing is left to be undone, or nothing can be.
fn undone(source: Prefix, state: &mut State) {
    let bans = &mut state.detector.bans;
    if let Some(ban) = bans.get_mut(&source) {
        ban.undone();
    }
    bans.note_change();
    bans.drop_gone();
}

/// A command that cannot be made now cannot be made in three seconds either: that was the last attempt.
pub(super) fn give_up(
    now: Instant,
    source: Prefix,
    step: Step,
    why: &NoCommand,
    state: &mut State,
) {
    // A command that a reload took away is no failure of its own.
    if let NoCommand::TooLong(token) = why {
        state.log.say(TooLongLine(step, token));
    }
    finish(now, source, step, false, state);
}

pub(super) fn settle(
    now: Instant,
    source: Prefix,
    step: Step,
    command: &Command,
    ended: &Ended,
    state: &mut State,
) {
    let bans = &mut state.detector.bans;
    let Some(ban) = bans.get_mut(&source) else {
        return;
    };
    if ended.ok {
        say_done(step, ban, command, &mut state.log);
    } else {
        say_attempt(step, ban, ended, &mut state.log);
        if !ban.failed_once(now.after(rest(u32::from(ban.attempts) + 1))) {
            return;
        }
    }
    finish(now, source, step, ended.ok, state);
}

/// A step is done, or has failed for good. A command beside the block takes nothing from it; 1.2 did not even look
/// at its status.
fn finish(now: Instant, source: Prefix, step: Step, ok: bool, state: &mut State) {
    let (detector, mut book) = state.book(now);
    let Some(ban) = detector.bans.get_mut(&source) else {
        return;
    };
    if !ok && (step == Step::Stop || ban.stop == Stop::Nothing) {
        book.log.say(FailedLine(&ban.probe, ban.mode));
        ban.failed = true;
        detector.counts.failed += 1;
    }
    let commands = matches!(step, Step::RunFirst | Step::Stop | Step::Run);
    ban.ran |= ok && commands && book.config.actions.unblock.is_some();
    ban.proceed(match ban.recorded {
        // It was complete before a restart.
        true => Step::Done,
        false => book.config.actions.next(step, ban.stop),
    });
    book.note_progress(&source, ban);
    detector.bans.note_change();
}

fn say_done(step: Step, ban: &Ban, command: &Command, log: &mut Log) {
    let ip = ban.probe.source;
    match step {
        _ if ban.recorded => {}
        Step::Deny => log.say(DoneLine::Deny(ip, command)),
        Step::Stop => log.say(DoneLine::Route(ip, command)),
        Step::Run | Step::RunFirst => log.say(DoneLine::Run(ip, command)),
        Step::Confirm | Step::Done => {}
    }
}

fn say_attempt(step: Step, ban: &Ban, ended: &Ended, log: &mut Log) {
    let (ip, why) = (ban.probe.source, ended.why());
    log.say(AttemptLine(step, ip, why));
    if step == Step::Deny {
        log.say(format_args!(
            "securityalert: ERROR: There was an error trying to block host {ip}"
        ));
        log.say(format_args!("adminalert: {HOSTS_DENY}: {why}"));
    }
}
