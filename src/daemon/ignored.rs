//! The owner's ignore files: followed wherever their names lead, read again when they change.

use crate::config::ignore::{self, BadLine};
use crate::daemon::State;
use crate::limits::{CONFIG_BYTES_MAX, IGNORE_PAUSE, IGNORE_REST};
use crate::sys::clock;
use crate::sys::files;
use crate::sys::log::Log;
use crate::sys::notify::Notify;
use crate::sys::poll::{Place, Poll};
use crate::time::Instant;

/// What tells us of changes.
pub(super) struct IgnoreFiles {
    notify: Option<Notify>,
    notify_at: Place,
    /// Something changed; they are read then. A file is replaced in several steps, and in between it is not there.
    read_at: Option<Instant>,
    /// Not all can be followed; it is tried again then.
    follow_at: Option<Instant>,
}

impl IgnoreFiles {
    /// Nothing is followed or read yet.
    pub(super) const NONE: Self = Self {
        notify: None,
        notify_at: Place::NONE,
        read_at: None,
        follow_at: None,
    };

    pub(super) fn watch(&mut self, poll: &mut Poll) {
        self.notify_at = match &self.notify {
            Some(notify) => poll.add(notify),
            None => Place::NONE,
        };
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        let times = [self.read_at, self.follow_at];
        times.into_iter().flatten().min()
    }

    /// Takes the news. True if the list differs.
    pub(super) fn take(&mut self, now: Instant, poll: &Poll, state: &mut State) -> bool {
        let notify = self
            .notify
            .as_ref()
            .filter(|_| poll.is_ready(self.notify_at));
        if notify.is_some_and(Notify::take) {
            self.read_at.get_or_insert(now.after(IGNORE_PAUSE));
        }
        if self.read_at.is_some_and(|at| at <= now) {
            return self.read(state);
        }
        let again = self.follow_at.is_some_and(|at| at <= now);
        // Without a word as long as it goes on: it was said.
        again && self.follow(&paths(state)).is_ok() && self.read(state)
    }

    /// Follows the files that the configuration names now, then reads them: what changes in between is news. True
    /// if the list differs.
    pub(super) fn read(&mut self, state: &mut State) -> bool {
        self.read_at = None;
        let paths = paths(state);
        if let Err(error) = self.follow(&paths) {
            let seconds = IGNORE_REST.as_secs();
            state.log.say(format_args!(
                "adminalert: ERROR: the ignore file cannot be followed: {error}; tried again every {seconds} s"
            ));
        }
        read_list(&paths, state)
    }

    fn follow(&mut self, paths: &[String]) -> Result<(), String> {
        self.notify = None;
        self.follow_at = None;
        if paths.is_empty() {
            return Ok(());
        }
        // A new one each time: the way to a file may have changed, and old watches would pile up.
        let gap = match Notify::of(paths) {
            Ok(notify) => self.notify.insert(notify).gap().map(ToString::to_string),
            Err(error) => Some(error.to_string()),
        };
        let Some(gap) = gap else {
            return Ok(());
        };
        self.follow_at = Some(clock::now().after(IGNORE_REST));
        Err(gap)
    }
}

/// The ignore file and its neighbour; nothing where none is named.
fn paths(state: &State) -> Vec<String> {
    match &state.config.ignore_file {
        Some(file) => vec![file.clone(), format!("{file}.static")],
        None => Vec::new(),
    }
}

/// Reads the ignore file and its `.static` neighbour anew, to those of the configuration itself. True if the list
/// differs. A file that cannot be read leaves the list as it was: 1.2 took everybody for hostile then.
fn read_list(paths: &[String], state: &mut State) -> bool {
    let mut list = state.config.ignored.clone();
    let mut read_one = false;
    for path in paths {
        match files::read(path, CONFIG_BYTES_MAX) {
            Ok(text) => {
                read_one = true;
                ignore::read(&text, &mut list, |line, why, entry| {
                    report(&mut state.log, path, line, why, entry);
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                state
                    .log
                    .say(format_args!("adminalert: ERROR: {path}: {error}"));
                return false;
            }
        }
    }
    if let (false, Some(file)) = (read_one, paths.first()) {
        let others = match list.is_empty() {
            true => "nobody is ignored but our own addresses",
            false => "nobody is ignored but our own addresses and those of the configuration",
        };
        state.log.say(format_args!(
            "adminalert: ERROR: cannot open ignore file {file}: {others}"
        ));
    }
    if list == state.detector.protect.ignored {
        return false;
    }
    state.detector.protect.ignored = list;
    true
}

fn report(log: &mut Log, path: &str, line: usize, why: BadLine, entry: &str) {
    match why {
        // 1.2's words: the line with its newline, then two blanks.
        BadLine::Netmask => log.say(format_args!(
            "adminalert: Invalid netmask in config file: {entry}\n  Ignoring entry.\n"
        )),
        BadLine::Address => log.say(format_args!(
            "adminalert: {path}:{line}: \"{entry}\" is no address; ignored"
        )),
        BadLine::More => log.say(format_args!(
            "adminalert: {path}: {entry} more lines are left out"
        )),
        BadLine::Full => log.say(format_args!(
            "adminalert: {path}:{line}: the ignore list is full; \"{entry}\" is left out"
        )),
    }
}
