//! The owner's actions: lines in hosts.deny, and commands, of which one runs at a time.

use crate::act::actions::{self, Command};
use crate::act::reconcile::rest;
use crate::daemon::enforce::{Running, ended};
use crate::daemon::{State, records};
use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::bans::Bans;
use crate::limits::{ACTION_TIME, ATTEMPTS_MAX, DENY_BYTES_MAX};
use crate::net::Prefix;
use crate::sys::child::{Child, Ended};
use crate::sys::files;
use crate::sys::log::Log;
use crate::tell::response::{AttemptLine, DoneLine, FailedLine};
use crate::time::Instant;

/// tcp_wrappers' file; compiled into 1.2 as well.
const HOSTS_DENY: &str = "/etc/hosts.deny";

/// Lines written into hosts.deny in one turn; the rest comes in the next, at once.
const LINES_MAX: usize = 8;

/// The command that runs, if one does.
#[derive(Default)]
pub(super) struct Owner(Option<Action>);

/// A command that runs, and for whom.
struct Action {
    running: Running,
    source: Prefix,
    step: Step,
    command: Command,
}

impl Owner {
    /// One turn: writes lines, and starts the next command.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        write_lines(now, state);
        self.start(now, state);
    }

    /// When the next turn is due even if nothing happens.
    pub(super) fn due_at(&self, bans: &Bans) -> Option<Instant> {
        // More lines than one turn writes: the next comes at once.
        if actions::due_line(bans).is_some() {
            return Some(Instant::default());
        }
        match &self.0 {
            Some(action) => Some(action.running.kill_at),
            None => actions::due_at(bans),
        }
    }

    /// The child that runs.
    pub(super) fn running(&self) -> Option<&Running> {
        self.0.as_ref().map(|action| &action.running)
    }

    /// Hears how it ended.
    pub(super) fn reap(&mut self, now: Instant, state: &mut State) {
        let running = self.0.as_mut().map(|action| &mut action.running);
        let Some(ended) = ended(now, running) else {
            return;
        };
        if let Some(action) = self.0.take() {
            let Action {
                source,
                step,
                command,
                ..
            } = action;
            settle(now, source, step, &command, &ended, state);
        }
    }

    /// Starts the next command of the owner's, if none is running.
    fn start(&mut self, now: Instant, state: &mut State) {
        if self.0.is_some() {
            return;
        }
        let Some(source) = actions::due_command(&state.detector.bans, now) else {
            return;
        };
        let Some(ban) = state.detector.bans.get_mut(&source) else {
            return;
        };
        let step = ban.step;
        let Some(command) = actions::command(&state.config.actions, step, ban) else {
            let ended = Ended::failed("there is no such command, or it becomes too long");
            return settle(now, source, step, &Command::new(), &ended, state);
        };
        match Child::start_shell(&command) {
            Ok(child) => {
                let kill_at = now.after(ACTION_TIME);
                let running = Running { child, kill_at };
                self.0 = Some(Action {
                    running,
                    source,
                    step,
                    command,
                });
            }
            Err(error) => {
                let ended = Ended::never_ran(&error);
                settle(now, source, step, &command, &ended, state);
            }
        }
    }
}

/// Writes the lines that are due into hosts.deny, some in each turn. Once for each ban: a file that cannot be
/// written now cannot be written in three seconds, and the block behind it waits.
fn write_lines(now: Instant, state: &mut State) {
    for _ in 0..LINES_MAX {
        let Some(source) = actions::due_line(&state.detector.bans) else {
            return;
        };
        let Some(ban) = state.detector.bans.get_mut(&source) else {
            return;
        };
        ban.attempts = ATTEMPTS_MAX;
        let line = actions::command(&state.config.actions, Step::Deny, ban);
        let ended = match &line {
            Some(line) => deny(line),
            None => Ended::failed("there is no such line, or it becomes too long"),
        };
        let line = line.unwrap_or_default();
        settle(now, source, Step::Deny, &line, &ended, state);
    }
}

fn settle(
    now: Instant,
    source: Prefix,
    step: Step,
    command: &Command,
    ended: &Ended,
    state: &mut State,
) {
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
        say_done(step, ban, command, log);
    } else {
        say_attempt(step, ban, ended, log);
        if !ban.failed_once(now.after(rest(u32::from(ban.attempts) + 1))) {
            return;
        }
        // A command beside the block takes nothing from it; 1.2 did not even look at its status.
        let blocks = step == Step::Stop || ban.stop == Stop::Nothing;
        if blocks {
            log.say(FailedLine(&ban.probe, ban.mode));
        }
        ban.failed |= blocks;
    }
    ban.proceed(config.actions.next(step, ban.stop));
    records::note_progress(&source, ban, config, log);
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

fn deny(line: &str) -> Ended {
    match files::append_line_once(HOSTS_DENY, line, DENY_BYTES_MAX) {
        Ok(()) => Ended::well(),
        Err(error) => Ended::never_ran(&error),
    }
}
