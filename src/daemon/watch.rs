//! Changes of the surroundings in: addresses and routes, and the owner's ignore file.

use crate::daemon::State;
use crate::daemon::ignored::IgnoreFiles;
use crate::limits::SURROUNDINGS_PAUSE;
use crate::sys::poll::{Place, Poll};
use crate::sys::route;
use crate::time::Instant;

/// What tells us of changes.
pub(super) struct Watch {
    route: route::Watch,
    route_at: Place,
    /// Addresses or routes changed; they are read again then. They change in bursts.
    read_at: Option<Instant>,
    ignored: IgnoreFiles,
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
        let mut watch = Self {
            route: route::Watch::open()?,
            route_at: Place::NONE,
            read_at: None,
            ignored: IgnoreFiles::NONE,
        };
        read_surroundings(state);
        watch.read_ignored(state);
        Ok(watch)
    }

    /// Follows the ignore files that the configuration names now, and reads them. True if the list differs.
    pub(super) fn read_ignored(&mut self, state: &mut State) -> bool {
        self.ignored.read(state)
    }

    /// Reads everything anew, for a configuration that names other devices or another file.
    pub(super) fn read_again(&mut self, state: &mut State) {
        self.read_at = None;
        read_surroundings(state);
    }

    pub(super) fn watch(&mut self, poll: &mut Poll) {
        self.route_at = poll.add(&self.route);
        self.ignored.watch(poll);
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        let times = [self.read_at, self.ignored.due_at()];
        times.into_iter().flatten().min()
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
        changed.ignored = self.ignored.take(now, poll, state);
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
