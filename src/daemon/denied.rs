//! Lines in hosts.deny: each is written with its ban and goes with it.

use crate::act::actions;
use crate::act::command::{Deed, command};
use crate::act::state::rest;
use crate::daemon::State;
use crate::daemon::owner::{give_up, settle};
use crate::judge::ban::{Ban, Step};
use crate::limits::{ATTEMPTS_MAX, DENY_BYTES_MAX, LINES_LEFT_MAX};
use crate::net::Prefix;
use crate::sys::child::Ended;
use crate::sys::linefile::{self, LineFile};
use crate::sys::log::Log;
use crate::time::Instant;

/// tcp_wrappers' file; compiled into 1.2 as well.
pub(super) const HOSTS_DENY: &str = "/etc/hosts.deny";

/// Lines written into hosts.deny in one turn; the rest comes in the next, at once.
const LINES_MAX: usize = 8;

/// The lines that we wrote. A line that was there before is somebody else's, and stays.
#[derive(Default)]
pub(super) struct Denied {
    /// As long as the table of bans: an entry stays as long as its ban has [`crate::judge::ban::Ban::denied`] set.
    lines: Vec<(Prefix, Box<str>)>,
    /// Those of bans that ended, until they are out of the file.
    left: Vec<Box<str>>,
    /// Attempts to take them out that failed, one after the other.
    failures: u32,
    /// The next may be made then.
    again_at: Instant,
}

impl Denied {
    /// At a start: the lines that a daemon before us left, of bans that are in force or ended meanwhile.
    pub(super) fn recall(&mut self, state: &State) {
        let bans = state.detector.bans.iter();
        for (source, ban) in bans.filter(|(_, ban)| ban.denied) {
            let line = command(&state.config.actions, Deed::Step(Step::Deny), ban);
            if let Ok(line) = line {
                self.note(*source, &line);
            }
        }
    }

    /// One turn: takes the lines of bans that ended, writes those of bans whose turn it is.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        self.follow(state);
        if !self.left.is_empty() && self.again_at <= now {
            self.take_again(now, &mut state.log);
        }
        // It is read once for all of them.
        let mut file = None;
        for _ in 0..LINES_MAX {
            let Some(source) = actions::due_line(&state.detector.bans) else {
                return;
            };
            let file = file.get_or_insert_with(|| LineFile::open(HOSTS_DENY, DENY_BYTES_MAX));
            self.write(now, source, file, state);
        }
    }

    /// When lines are to be taken out that could not be before.
    pub(super) fn due_at(&self) -> Option<Instant> {
        (!self.left.is_empty()).then_some(self.again_at)
    }

    /// Takes all lines, at a stop. False if another attempt may succeed soon.
    pub(super) fn take_back(&mut self, log: &mut Log) -> bool {
        for (_, line) in core::mem::take(&mut self.lines) {
            self.leave(line, log);
        }
        match self.take_out() {
            Err(error) if linefile::is_busy(&error) => return false,
            Err(error) => self.say_left(&error.to_string(), log),
            Ok(()) => {}
        }
        true
    }

    /// Says, at the end of a stop, that what could be taken out was not.
    pub(super) fn give_up(&self, log: &mut Log) {
        self.say_left("somebody else writes it all the time", log);
    }

    fn follow(&mut self, state: &mut State) {
        let over = |ban: &Ban| ban.denied && !ban.wanted;
        let State { detector, log, .. } = state;
        if !detector.bans.stirred().any(|(_, ban)| over(ban)) {
            return;
        }
        for (source, ban) in detector.bans.stirred_mut().filter(|(_, ban)| over(ban)) {
            ban.denied = false;
            while let Some(at) = self.lines.iter().position(|(of, _)| of == source) {
                let (_, line) = self.lines.remove(at);
                self.leave(line, log);
            }
        }
        detector.bans.drop_gone();
    }

    /// A ban of this line ended; another may have the same.
    fn leave(&mut self, line: Box<str>, log: &mut Log) {
        if self.has(&line) || self.left.contains(&line) {
            return;
        }
        if self.left.len() >= LINES_LEFT_MAX {
            return log.say(format_args!(
                "adminalert: ERROR: \"{line}\" stays in {HOSTS_DENY}: too many lines wait to be taken out"
            ));
        }
        self.left.push(line);
    }

    fn take_again(&mut self, now: Instant, log: &mut Log) {
        let Err(error) = self.take_out() else {
            self.failures = 0;
            return;
        };
        self.failures = self.failures.saturating_add(1);
        let rest = rest(self.failures);
        self.again_at = now.after(rest);
        let seconds = rest.as_secs();
        self.say_left(&format!("{error}; it is tried again in {seconds} s"), log);
    }

    /// Takes those out of the file whose bans ended.
    fn take_out(&mut self) -> std::io::Result<()> {
        let lines: Vec<&str> = self.left.iter().map(|line| &**line).collect();
        if !lines.is_empty() {
            linefile::remove(HOSTS_DENY, &lines, DENY_BYTES_MAX)?;
            self.left.clear();
        }
        Ok(())
    }

    fn say_left(&self, why: &str, log: &mut Log) {
        let count = self.left.len();
        log.say(format_args!(
            "adminalert: ERROR: {count} lines of ours stay in {HOSTS_DENY}: {why}"
        ));
    }

    /// Once for each ban: a file that cannot be written now cannot be written in three seconds, and the block
    /// behind it waits.
    fn write(
        &mut self,
        now: Instant,
        source: Prefix,
        file: &mut std::io::Result<LineFile>,
        state: &mut State,
    ) {
        let Some(ban) = state.detector.bans.get_mut(&source) else {
            return;
        };
        ban.attempts = ATTEMPTS_MAX;
        let line = match command(&state.config.actions, Deed::Step(Step::Deny), ban) {
            Ok(line) => line,
            Err(why) => return give_up(now, source, Step::Deny, &why, state),
        };
        let added = file.as_mut().map(|file| file.add(&line));
        let ended = match added {
            Ok(Ok(added)) => {
                let left = self.left.iter().position(|left| **left == *line);
                if let Some(at) = left {
                    self.left.swap_remove(at);
                }
                // Of another ban of ours, or of this one when it began before.
                if added || left.is_some() || self.has(&line) || ban.denied {
                    ban.denied = true;
                    self.note(source, &line);
                }
                Ended::well()
            }
            Ok(Err(error)) => Ended::never_ran(&error),
            Err(error) => Ended::never_ran(error),
        };
        settle(now, source, Step::Deny, &line, &ended, state);
    }

    /// A line is a ban's, which may have it already.
    fn note(&mut self, source: Prefix, line: &str) {
        let same = |(of, ours): &(Prefix, Box<str>)| *of == source && **ours == *line;
        if !self.lines.iter().any(same) {
            self.lines.push((source, line.into()));
        }
    }

    fn has(&self, line: &str) -> bool {
        self.lines.iter().any(|(_, ours)| **ours == *line)
    }
}
