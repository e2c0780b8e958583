//! The journal: read at a start, written when bans have changed.

use std::fmt::Write;
use std::io::ErrorKind;

use crate::act::firewall::Backend;
use crate::act::state::rest;
use crate::config::Config;
use crate::daemon::State;
use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::bans::Bans;
use crate::judge::detector::Detector;
use crate::limits::{JOURNAL_BYTES_MAX, JOURNAL_PAUSE, JOURNAL_PAUSE_FLASH};
use crate::sys::files;
use crate::sys::log::Log;
use crate::tell::journal::{self, BanLine, EndLine, Head, PastLine};
use crate::time::Instant;

/// Lines written at once.
const PIECE: usize = 64;

/// Where it is, and how much of the bans it knows.
pub(super) struct Journal {
    path: String,
    boot: String,
    /// In a path of the owner's, which may be flash: written seldom.
    own_path: bool,
    /// What [`Bans::changes`] was when it was written.
    written: u64,
    due: Option<Instant>,
    /// Attempts to write it that failed, one after the other.
    failures: u32,
}

impl Journal {
    /// That of a run directory, or of JOURNAL_FILE.
    pub(super) fn new(run_dir: &str, config: &Config) -> Self {
        let mut journal = Self {
            path: String::new(),
            boot: files::boot(),
            own_path: false,
            // What backend there is has to be known even without a ban.
            written: u64::MAX,
            due: None,
            failures: 0,
        };
        journal.adopt(run_dir, config);
        journal
    }

    /// The configuration may name another file: then it is written there next.
    pub(super) fn adopt(&mut self, run_dir: &str, config: &Config) {
        let path = match &config.journal_file {
            Some(path) => path.clone(),
            None => format!("{run_dir}/journal"),
        };
        if path != self.path {
            self.path = path;
            self.own_path = config.journal_file.is_some();
            self.written = u64::MAX;
        }
    }

    /// Puts in force what a daemon before us has left, and tells in which backend, if that was in this boot.
    pub(super) fn restore(&mut self, now: Instant, state: &mut State) -> Option<Backend> {
        let text = match files::read(&self.path, JOURNAL_BYTES_MAX) {
            Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            // It is no file, or too long: nothing that we wrote.
            Err(_) => String::new(),
        };
        let Some(journal) = journal::read(&text, now, &self.boot) else {
            self.set_aside(&mut state.log);
            return None;
        };
        let bans = &mut state.detector.bans;
        for (source, strikes, until) in journal.past {
            bans.recall(now, source, strikes, until);
        }
        let mut count = 0;
        for (source, ban) in journal.bans {
            count += usize::from(bans.insert(source, renewed(ban, &state.config)));
        }
        // What is over ends as it would have; what the configuration does not want any more, or protects, is
        // freed.
        state.detector.pass(now);
        let policy = state.config.policy();
        state.detector.adopt(policy);
        state.detector.free_protected(|_, _| {});
        if count > 0 {
            let left = state.detector.bans.wanted();
            state.log.say(format_args!(
                "adminalert: {left} of {count} bans of before are in force again"
            ));
        }
        journal.backend
    }

    /// Writes it for the first time, where that costs nothing: whoever comes after a crash knows the backend.
    pub(super) fn begin(&mut self, now: Instant, state: &mut State) {
        if !self.own_path {
            let _said = self.write(now, state);
        }
    }

    fn set_aside(&self, log: &mut Log) {
        let path = &self.path;
        log.say(match files::set_aside(path) {
            Ok(aside) => format!(
                "adminalert: ERROR: {path} is damaged or of another version; its bans are lost; it is {aside} now"
            ),
            Err(error) => format!("adminalert: ERROR: {path} cannot be used: {error}"),
        });
    }

    /// Writes it when it is time to.
    pub(super) fn turn(&mut self, now: Instant, state: &mut State) {
        if state.detector.bans.changes() == self.written {
            return;
        }
        let pause = match self.own_path {
            true => JOURNAL_PAUSE_FLASH,
            false => JOURNAL_PAUSE,
        };
        if now < *self.due.get_or_insert(now.after(pause)) {
            return;
        }
        self.due = None;
        if !self.write(now, state) {
            self.due = Some(now.after(rest(self.failures)));
        }
    }

    /// When [`Self::turn`] has something to do.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due
    }

    /// Writes it; false if that failed, which is said once.
    pub(super) fn write(&mut self, now: Instant, state: &mut State) -> bool {
        let Detector { bans, .. } = &state.detector;
        let head = Head {
            boot: &self.boot,
            now,
            backend: state.backend,
        };
        let written = files::replace(&self.path, pieces(&head, bans));
        self.written = bans.changes();
        let Err(error) = written else {
            self.failures = 0;
            return true;
        };
        if self.failures == 0 {
            let path = &self.path;
            state.log.say(format_args!(
                "adminalert: ERROR: {path} cannot be written: {error}; after a restart the bans are forgotten"
            ));
        }
        self.failures = self.failures.saturating_add(1);
        // It is tried again although nothing has changed.
        self.written = u64::MAX;
        false
    }
}

/// The text, some lines at a time: it may be long, and a router's memory is short.
fn pieces(head: &Head<'_>, bans: &Bans) -> impl FnMut(&mut String) -> bool {
    let mut head = Some(head.to_string());
    let mut held = bans.iter().filter(|(_, ban)| is_worth_it(ban));
    let mut past = bans.past();
    let mut count = 0;
    move |out| {
        // Writing to a String does not fail.
        out.push_str(&head.take().unwrap_or_default());
        for (source, ban) in held.by_ref().take(PIECE) {
            let _written = write!(out, "{}", BanLine(source, ban));
            count += 1;
        }
        if !out.is_empty() {
            return true;
        }
        for (source, strikes, until) in past.by_ref() {
            let _written = write!(out, "{}", PastLine(source, strikes, until));
            count += 1;
        }
        let _written = write!(out, "{}", EndLine(count));
        false
    }
}

/// In force, or over with something to be undone.
fn is_worth_it(ban: &Ban) -> bool {
    (ban.wanted && ban.step != Step::Confirm) || ban.ran || ban.denied
}

/// A ban of before, under the present configuration. Its line in hosts.deny went when we stopped, and comes back.
fn renewed(mut ban: Ban, config: &Config) -> Ban {
    ban.ran &= config.actions.unblock.is_some();
    ban.undo = ban.undo.filter(|_| ban.ran);
    let deny = config.actions.deny.is_some() && !ban.by_hand && ban.stop != Stop::Nothing;
    // A line that is there is ours, if there was one: whoever killed us left it.
    ban.denied &= deny;
    if deny && ban.recorded && ban.step == Step::Done {
        ban.step = Step::Deny;
    }
    ban
}
