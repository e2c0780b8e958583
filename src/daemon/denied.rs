//! Lines in hosts.deny: each is written with its ban and goes with it.

use crate::act::actions;
use crate::daemon::State;
use crate::daemon::owner::{give_up, settle};
use crate::judge::ban::{Ban, Step};
use crate::limits::{ATTEMPTS_MAX, DENY_BYTES_MAX};
use crate::net::Prefix;
use crate::sys::child::Ended;
use crate::sys::linefile;
use crate::sys::log::Log;
use crate::time::Instant;

/// tcp_wrappers' file; compiled into 1.2 as well.
pub(super) const HOSTS_DENY: &str = "/etc/hosts.deny";

/// Lines written into hosts.deny in one turn; the rest comes in the next, at once.
const LINES_MAX: usize = 8;

/// The lines that we wrote. A line that was there before is somebody else's, and stays.
///
/// As long as the table of bans: an entry stays as long as its ban has [`crate::judge::ban::Ban::denied`] set.
#[derive(Default)]
pub(super) struct Denied(Vec<(Prefix, Box<str>)>);

impl Denied {
    /// One turn: takes the lines of bans that ended, writes those of bans whose turn it is.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        self.follow(state);
        for _ in 0..LINES_MAX {
            let Some(source) = actions::due_line(&state.detector.bans) else {
                return;
            };
            self.write(now, source, state);
        }
    }

    /// Takes all lines, at a stop.
    pub(super) fn take_back(&mut self, log: &mut Log) {
        let all = core::mem::take(&mut self.0);
        self.remove(all, log);
    }

    fn follow(&mut self, state: &mut State) {
        let over = |ban: &Ban| ban.denied && !ban.wanted;
        if !state.detector.bans.iter().any(|(_, ban)| over(ban)) {
            return;
        }
        let mut gone = Vec::new();
        for (source, ban) in state.detector.bans.iter_mut().filter(|(_, ban)| over(ban)) {
            ban.denied = false;
            while let Some(at) = self.0.iter().position(|(of, _)| of == source) {
                gone.push(self.0.swap_remove(at));
            }
        }
        self.remove(gone, &mut state.log);
        state.detector.bans.drop_gone();
    }

    /// Once for each ban: a file that cannot be written now cannot be written in three seconds, and the block
    /// behind it waits.
    fn write(&mut self, now: Instant, source: Prefix, state: &mut State) {
        let Some(ban) = state.detector.bans.get_mut(&source) else {
            return;
        };
        ban.attempts = ATTEMPTS_MAX;
        let line = match actions::command(&state.config.actions, Step::Deny, ban) {
            Ok(line) => line,
            Err(why) => return give_up(source, Step::Deny, &why, state),
        };
        let ended = match linefile::add(HOSTS_DENY, &line, DENY_BYTES_MAX) {
            Ok(added) => {
                // Of another ban of ours, or of this one when it began before.
                if added || self.has(&line) {
                    ban.denied = true;
                    self.0.push((source, line.as_str().into()));
                }
                Ended::well()
            }
            Err(error) => Ended::never_ran(&error),
        };
        settle(now, source, Step::Deny, &line, &ended, state);
    }

    /// Takes lines out of the file that nobody else has. What cannot be taken out is said once: it stays until the
    /// owner takes it out.
    fn remove(&self, gone: Vec<(Prefix, Box<str>)>, log: &mut Log) {
        let gone = gone.iter().map(|(_, line)| &**line);
        let gone: Vec<&str> = gone.filter(|line| !self.has(line)).collect();
        let count = gone.len();
        if count == 0 {
            return;
        }
        if let Err(error) = linefile::remove(HOSTS_DENY, gone, DENY_BYTES_MAX) {
            log.say(format_args!(
                "adminalert: ERROR: {count} lines of ours stay in {HOSTS_DENY}: {error}"
            ));
        }
    }

    fn has(&self, line: &str) -> bool {
        self.0.iter().any(|(_, ours)| **ours == *line)
    }
}
