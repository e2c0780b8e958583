//! poll(2) over a set that is made anew each turn.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// The descriptors of one turn.
#[derive(Default)]
pub struct Poll(Vec<libc::pollfd>);

/// The place of a descriptor in the set.
#[derive(Clone, Copy, Debug)]
pub struct Place(usize);

impl Place {
    /// Not in the set: never ready.
    pub const NONE: Self = Self(usize::MAX);
}

impl Poll {
    /// Begins a turn. The memory stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a descriptor to be read from.
    pub fn add(&mut self, fd: &impl AsFd) -> Place {
        self.push(fd, libc::POLLIN)
    }

    /// Adds a descriptor to be written to.
    pub fn add_writer(&mut self, fd: &impl AsFd) -> Place {
        self.push(fd, libc::POLLOUT)
    }

    fn push(&mut self, fd: &impl AsFd, events: libc::c_short) -> Place {
        self.0.push(libc::pollfd {
            fd: fd.as_fd().as_raw_fd(),
            events,
            revents: 0,
        });
        Place(self.0.len() - 1)
    }

    /// Waits until one of them is ready, or for `time`. A signal ends it early.
    pub fn wait(&mut self, time: Option<Duration>) -> io::Result<()> {
        let millis = time.map_or(-1, |time| {
            // Rounded up: waking too early would mean to wake twice.
            let millis = time.as_micros().div_ceil(1000);
            libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
        });
        let count = libc::nfds_t::try_from(self.0.len()).unwrap_or(0);
        // SAFETY: the vector holds `count` structures and is not touched during the call.
        let result = unsafe { libc::poll(self.0.as_mut_ptr(), count, millis) };
        match super::check(result) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether there is something to read, room to write, or an error to fetch.
    pub fn is_ready(&self, place: Place) -> bool {
        self.0.get(place.0).is_some_and(|entry| entry.revents != 0)
    }
}
