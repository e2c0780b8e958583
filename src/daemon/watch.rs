//! Changes of the surroundings in: addresses and routes, the resolvers in use, and the owner's ignore file.

use crate::daemon::followed::Followed;
use crate::daemon::{State, ignored, resolvers};
use crate::limits::{REST, SURROUNDINGS_PAUSE};
use crate::surroundings::Surroundings;
use crate::sys::clock;
use crate::sys::poll::{Place, Poll};
use crate::sys::route;
use crate::time::Instant;

/// What tells us of changes.
pub(super) struct Watch {
    route: route::Watch,
    route_at: Place,
    /// Addresses or routes changed, or could not be read; they are read again then. They change in bursts.
    read_at: Option<Instant>,
    /// They could not be read, which was said.
    unread: bool,
    resolvers: Followed,
    ignored: Followed,
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Own addresses, gateways, devices.
    pub(super) surroundings: bool,
    /// The resolvers or the ignore list.
    pub(super) lists: bool,
}

impl Watch {
    /// Hears of changes from now on, and reads everything for the first time.
    pub(super) fn open(state: &mut State) -> std::io::Result<Self> {
        let mut watch = Self {
            route: route::Watch::open()?,
            route_at: Place::NONE,
            read_at: None,
            unread: false,
            resolvers: Followed::NONE,
            ignored: Followed::NONE,
        };
        watch.read_surroundings(state);
        watch.read_lists(state);
        Ok(watch)
    }

    /// Follows the files that list who is protected, wherever they are now, and reads them. True if a list
    /// differs.
    pub(super) fn read_lists(&mut self, state: &mut State) -> bool {
        let resolvers = resolvers::read(&mut self.resolvers, state);
        let ignored = ignored::read(&mut self.ignored, state);
        resolvers || ignored
    }

    /// Reads everything anew, for a configuration that names other devices or another file.
    pub(super) fn read_again(&mut self, state: &mut State) {
        self.read_surroundings(state);
    }

    pub(super) fn watch(&mut self, poll: &mut Poll) {
        self.route_at = poll.add(&self.route);
        self.resolvers.watch(poll);
        self.ignored.watch(poll);
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        let times = [self.read_at, self.resolvers.due_at(), self.ignored.due_at()];
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
            changed.surroundings = self.read_surroundings(state);
        }
        if self.resolvers.take(now, poll) {
            changed.lists |= resolvers::read(&mut self.resolvers, state);
        }
        if self.ignored.take(now, poll) {
            changed.lists |= ignored::read(&mut self.ignored, state);
        }
        changed
    }

    /// Reads our surroundings anew; when that fails, again in a while, because nobody else would ask for it and a
    /// daemon that does not know its own addresses sees nothing. True if they differ.
    fn read_surroundings(&mut self, state: &mut State) -> bool {
        let named = state.config.names_devices();
        let read = route::read(named.then_some(&*state.config.devices));
        let unread = core::mem::replace(&mut self.unread, read.is_err());
        self.read_at = None;
        match read {
            Ok(around) => adopt(around, state),
            Err(error) => {
                self.read_at = Some(clock::now().after(REST));
                if !unread {
                    state.log.say(format_args!(
                        "adminalert: ERROR: cannot read our own addresses: {error}; it is tried again"
                    ));
                }
                false
            }
        }
    }
}

/// These are our surroundings now. True if they differ.
fn adopt(around: Surroundings, state: &mut State) -> bool {
    let known = &mut state.detector.protect.surroundings;
    if around == *known {
        return false;
    }
    if around.overflow && !known.overflow {
        state.log.say(
            "adminalert: More addresses, gateways or networks than are followed; some are left out",
        );
    }
    let wanted = state.config.devices.len();
    if around.watched.len() < wanted && (around.watched != known.watched || known.own.is_empty()) {
        let there = around.watched.len();
        state.log.say(format_args!(
            "adminalert: {there} of {wanted} devices that are named exist; one that comes is watched then"
        ));
    }
    *known = around;
    true
}
