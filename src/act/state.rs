//! What is known of the firewall in one scope, and what follows from how a run of its program ended.

use core::time::Duration;

use crate::act::firewall::{Job, Scope};
use crate::limits::{CHECK_PAUSE, REST, REST_MAX, UNLOADS_MAX};
use crate::time::Instant;

/// How far the firewall is from what it shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not there.
    Absent,
    /// Perhaps there, left behind by a daemon that was killed or by a first run that failed.
    Abandoned,
    /// A run failed, or the frame is another one: it may be there, in part or as a whole.
    Unknown,
    /// Loaded; what it holds is not known.
    Stale,
    /// It holds exactly what is enforced.
    Even,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) phase: Phase,
    /// It was distrusted while a run was under way that has begun before.
    pub(super) doubted: bool,
    /// Runs that failed, one after the other.
    pub(super) failures: u32,
    /// Those of them, at the end, that should have taken it away.
    unloads: u32,
    pub(super) rest_until: Instant,
    /// When it was last known to be even.
    pub(super) seen: Instant,
    /// Some ban is enforced there, so that somebody could take it away.
    pub(super) held: bool,
}

impl State {
    pub(super) fn absent(scope: Scope) -> Self {
        Self {
            scope,
            phase: Phase::Absent,
            doubted: false,
            failures: 0,
            unloads: 0,
            rest_until: Instant::default(),
            seen: Instant::default(),
            held: false,
        }
    }

    /// When a run may begin. What could not be made is no reason to be late with taking it away.
    pub(super) fn due_at(&self, job: Job) -> Instant {
        match job {
            Job::Unload if self.unloads == 0 => Instant::default(),
            _ => self.rest_until,
        }
    }

    /// The next run. `differs` tells whether some ban is not enforced as it is wanted.
    pub(super) fn next_job(&self, up: bool, differs: impl FnOnce() -> bool) -> Option<Job> {
        match (up, self.phase) {
            (true, Phase::Absent | Phase::Abandoned | Phase::Unknown) => Some(Job::Load),
            (true, Phase::Stale) => Some(Job::Rebuild),
            (true, Phase::Even) => differs().then_some(Job::Apply),
            (false, Phase::Absent) => None,
            (false, _) => Some(Job::Unload),
        }
    }

    /// A run did what it should. `filled`: it wrote the bans as well.
    pub(super) fn succeed(&mut self, now: Instant, job: Job, filled: bool) {
        self.rest_until = now;
        self.unloads = 0;
        // Changes that succeed say nothing of all the rest, so they put no look off; unless there was none for
        // long, because there was nothing to look at.
        if job != Job::Apply || now.since(self.seen) > 2 * CHECK_PAUSE {
            self.seen = now;
        }
        let doubted = core::mem::take(&mut self.doubted);
        self.phase = match job {
            Job::Unload => Phase::Absent,
            _ if doubted => Phase::Unknown,
            _ if filled => Phase::Even,
            _ => Phase::Stale,
        };
        // A frame without its bans is half of it: where they cannot be put in, it is not made again each second.
        if self.phase != Phase::Stale {
            self.failures = 0;
        }
    }

    /// A run failed: it rests.
    pub(super) fn fail(&mut self, now: Instant, job: Job) {
        self.doubted = false;
        self.failures = self.failures.saturating_add(1);
        self.unloads = match job {
            Job::Unload => self.unloads.saturating_add(1),
            _ => 0,
        };
        let rested = now.after(rest(match job {
            Job::Unload => self.unloads,
            _ => self.failures,
        }));
        // What a look was about to find is not put right later than by the look.
        self.rest_until = match job {
            Job::Apply => rested.min(now.max(self.seen.after(CHECK_PAUSE))),
            _ => rested,
        };
        self.phase = match (job, self.phase) {
            // Somebody may have the lock, or there was no memory.
            (Job::Unload, Phase::Abandoned) if self.failures < UNLOADS_MAX => Phase::Abandoned,
            // Nothing was loaded by us, and who may not even look has nothing of ours to take away.
            (Job::Unload, Phase::Abandoned) => return *self = Self::absent(self.scope),
            (Job::Load, Phase::Absent | Phase::Abandoned) => Phase::Abandoned,
            _ => Phase::Unknown,
        };
    }
}

/// Rests double, from REST up to REST_MAX.
pub fn rest(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    REST.saturating_mul(1 << doublings).min(REST_MAX)
}
