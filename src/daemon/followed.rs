//! Files that others write: followed wherever their names lead, and read again when they change.

use crate::limits::{FOLLOW_PAUSE, FOLLOW_REST};
use crate::sys::clock;
use crate::sys::log::Log;
use crate::sys::notify::Notify;
use crate::sys::poll::{Place, Poll};
use crate::time::Instant;

/// Some files that belong together, and what tells us of their changes.
pub(super) struct Followed {
    paths: Vec<String>,
    notify: Option<Notify>,
    notify_at: Place,
    /// Something changed; they are read then. A file is replaced in several steps, and in between it is not there.
    read_at: Option<Instant>,
    /// Not all can be followed; it is tried again then.
    follow_at: Option<Instant>,
}

impl Followed {
    /// Nothing is followed yet.
    pub(super) const NONE: Self = Self {
        paths: Vec::new(),
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

    /// Takes the news. True if the files are to be read now.
    pub(super) fn take(&mut self, now: Instant, poll: &Poll) -> bool {
        let notify = self
            .notify
            .as_ref()
            .filter(|_| poll.is_ready(self.notify_at));
        if notify.is_some_and(Notify::take) {
            self.read_at.get_or_insert(now.after(FOLLOW_PAUSE));
        }
        if self.read_at.is_some_and(|at| at <= now) {
            return true;
        }
        let again = self.follow_at.is_some_and(|at| at <= now);
        // Without a word as long as it goes on: it was said.
        again && self.try_follow().is_ok()
    }

    /// Follows these files from now on. Whoever reads them does it after this: what changes in between is news.
    /// `what` they are is said if they cannot be followed.
    pub(super) fn follow(&mut self, what: &str, paths: &[String], log: &mut Log) {
        self.read_at = None;
        self.paths = paths.to_vec();
        if let Err(error) = self.try_follow() {
            let seconds = FOLLOW_REST.as_secs();
            log.say(format_args!(
                "adminalert: ERROR: {what} cannot be followed: {error}; tried again every {seconds} s"
            ));
        }
    }

    fn try_follow(&mut self) -> Result<(), String> {
        self.notify = None;
        self.follow_at = None;
        if self.paths.is_empty() {
            return Ok(());
        }
        // A new one each time: the way to a file may have changed, and old watches would pile up.
        let gap = match Notify::of(&self.paths) {
            Ok(notify) => self.notify.insert(notify).gap().map(ToString::to_string),
            Err(error) => Some(error.to_string()),
        };
        let Some(gap) = gap else {
            return Ok(());
        };
        self.follow_at = Some(clock::now().after(FOLLOW_REST));
        Err(gap)
    }
}
