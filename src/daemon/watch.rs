//! Changes of the surroundings in: addresses and routes, and the owner's ignore file.

use std::path::Path;

use crate::config::ignore::{self, BadLine};
use crate::daemon::State;
use crate::judge::protect::Ignored;
use crate::limits::{CONFIG_BYTES_MAX, SURROUNDINGS_PAUSE};
use crate::sys::files;
use crate::sys::log::Log;
use crate::sys::notify::Notify;
use crate::sys::poll::{Place, Poll};
use crate::sys::route;
use crate::time::Instant;

/// What tells us of changes.
pub(super) struct Watch {
    route: route::Watch,
    route_at: Place,
    /// Addresses or routes changed; they are read again then. They change in bursts.
    read_at: Option<Instant>,
    notify: Notify,
    notify_at: Place,
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Own addresses, gateways, devices.
    pub(super) surroundings: bool,
    /// The ignore list.
    pub(super) ignored: bool,
}

impl Watch {
    /// Hears of changes from now on, and reads everything for the first time.
    pub(super) fn open(state: &mut State) -> std::io::Result<Self> {
        let watch = Self {
            route: route::Watch::open()?,
            route_at: Place::NONE,
            read_at: None,
            notify: Notify::open()?,
            notify_at: Place::NONE,
        };
        watch.follow_ignore_file(state);
        read_surroundings(state);
        read_ignored(state);
        Ok(watch)
    }

    /// Watches the directory of the ignore file: editors replace files.
    pub(super) fn follow_ignore_file(&self, state: &mut State) {
        let Some(file) = &state.config.ignore_file else {
            return;
        };
        let directory = Path::new(file).parent().and_then(Path::to_str);
        let directory = directory.filter(|d| !d.is_empty()).unwrap_or(".");
        if let Err(error) = self.notify.add(directory) {
            let line = format!(
                "adminalert: {directory}: {error}; the ignore file is read again at SIGHUP only"
            );
            state.log.say(line);
        }
    }

    /// Reads everything anew, for a configuration that names other devices or another file.
    pub(super) fn read_again(&mut self, state: &mut State) {
        self.read_at = None;
        read_surroundings(state);
    }

    pub(super) fn watch(&mut self, poll: &mut Poll) {
        self.route_at = poll.add(&self.route);
        self.notify_at = poll.add(&self.notify);
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        self.read_at
    }

    /// Takes the news, and reads again what they are about.
    pub(super) fn take(&mut self, now: Instant, poll: &Poll, state: &mut State) -> Changed {
        if poll.is_ready(self.route_at) {
            self.route.drain();
            self.read_at.get_or_insert(now.after(SURROUNDINGS_PAUSE));
        }
        let mut changed = Changed::default();
        if self.read_at.is_some_and(|at| at <= now) {
            self.read_at = None;
            changed.surroundings = read_surroundings(state);
        }
        if poll.is_ready(self.notify_at) {
            self.notify.drain();
            changed.ignored = read_ignored(state);
        }
        changed
    }
}

/// Reads our surroundings anew. True if they differ.
fn read_surroundings(state: &mut State) -> bool {
    let around = match route::read(&state.config.devices) {
        Ok(around) => around,
        Err(error) => {
            let line = format!("adminalert: ERROR: cannot read our own addresses: {error}");
            state.log.say(line);
            return false;
        }
    };
    let known = &mut state.detector.protect.surroundings;
    if around == *known {
        return false;
    }
    if around.overflow && !known.overflow {
        state
            .log
            .say("adminalert: More addresses or gateways than are followed; some are left out");
    }
    let wanted = state.config.devices.len();
    if around.watched.len() < wanted && (around.watched != known.watched || known.own.is_empty()) {
        let there = around.watched.len();
        state.log.say(format_args!(
            "adminalert: {there} of {wanted} devices in INTERFACE exist; one that comes is watched then"
        ));
    }
    *known = around;
    true
}

/// Reads the ignore file and its `.static` neighbour anew. True if the list differs. A file that cannot be
/// read leaves the list as it was: 1.2 took everybody for hostile then.
pub(super) fn read_ignored(state: &mut State) -> bool {
    let Some(file) = state.config.ignore_file.clone() else {
        return false;
    };
    let mut list = Ignored::new();
    let mut read_one = false;
    for path in [file.clone(), format!("{file}.static")] {
        match files::read(&path, CONFIG_BYTES_MAX) {
            Ok(text) => {
                read_one = true;
                ignore::read(&text, &mut list, |line, why, entry| {
                    report(&mut state.log, &path, line, why, entry);
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
        // 1.2's words, two blanks included.
        BadLine::Netmask => log.say(format_args!(
            "adminalert: Invalid netmask in config file: {entry}  Ignoring entry."
        )),
        BadLine::Address => log.say(format_args!(
            "adminalert: {path}:{line}: \"{entry}\" is no address; ignored"
        )),
        BadLine::Full => log.say(format_args!(
            "adminalert: {path}:{line}: the ignore list is full; \"{entry}\" is left out"
        )),
    }
}
