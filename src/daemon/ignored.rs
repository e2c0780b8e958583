//! The owner's ignore files: followed wherever their names lead, read again when they change.

use crate::config::ignore::{self, BadLine};
use crate::daemon::State;
use crate::judge::protect::Ignored;
use crate::limits::{CONFIG_BYTES_MAX, IGNORE_PAUSE};
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
}

impl IgnoreFiles {
    /// Nothing is followed or read yet.
    pub(super) const NONE: Self = Self {
        notify: None,
        notify_at: Place::NONE,
        read_at: None,
    };

    pub(super) fn watch(&mut self, poll: &mut Poll) {
        self.notify_at = match &self.notify {
            Some(notify) => poll.add(notify),
            None => Place::NONE,
        };
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        self.read_at
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
        let due = self.read_at.is_some_and(|at| at <= now);
        due && self.read(state)
    }

    /// Follows the files that the configuration names now, then reads them: what changes in between is news. True
    /// if the list differs.
    pub(super) fn read(&mut self, state: &mut State) -> bool {
        self.read_at = None;
        self.notify = None;
        let Some(file) = state.config.ignore_file.clone() else {
            return false;
        };
        let paths = [file.clone(), format!("{file}.static")];
        // A new one each time: the way to a file may have changed, and old watches would pile up.
        match Notify::of(&paths) {
            Ok(notify) => self.notify = Some(notify),
            Err(error) => state.log.say(format_args!(
                "adminalert: {file}: {error}; the ignore file is read again at SIGHUP only"
            )),
        }
        read_list(&file, &paths, state)
    }
}

/// Reads the ignore file and its `.static` neighbour anew. True if the list differs. A file that cannot be
/// read leaves the list as it was: 1.2 took everybody for hostile then.
fn read_list(file: &str, paths: &[String], state: &mut State) -> bool {
    let mut list = Ignored::new();
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
    if !read_one {
        state.log.say(format_args!(
            "adminalert: ERROR: cannot open ignore file {file}: nobody is ignored but our own addresses"
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
