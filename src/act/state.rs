//! What is known of the firewall in one scope, and what follows from how a run of its program ended.

use core::time::Duration;

use crate::act::firewall::{Job, Scope};
use crate::limits::{REST, REST_MAX};
use crate::time::Instant;

/// How far the firewall is from what it shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not there.
    Absent,
    /// Perhaps there, left behind by a daemon that was killed.
    Abandoned,
    /// A run failed, or the frame is another one: it may be there, in part or as a whole.
    Unknown,
    /// It is being loaded. Whoever distrusts it meanwhile has another frame, or heard of others.
    Loading,
    /// Loaded; what it holds is not known.
    Stale,
    /// It holds exactly what is enforced.
    Even,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) phase: Phase,
    /// Runs that failed, one after the other.
    pub(super) failures: u32,
    pub(super) rest_until: Instant,
    /// When it was last known to be even.
    pub(super) seen: Instant,
}

impl State {
    pub(super) fn absent(scope: Scope) -> Self {
        Self {
            scope,
            phase: Phase::Absent,
            failures: 0,
            rest_until: Instant::default(),
            seen: Instant::default(),
        }
    }

    /// The next run. `differs` tells whether some ban is not enforced as it is wanted.
    pub(super) fn next_job(&self, up: bool, differs: impl FnOnce() -> bool) -> Option<Job> {
        match (up, self.phase) {
            (true, Phase::Absent | Phase::Abandoned | Phase::Unknown | Phase::Loading) => {
                Some(Job::Load)
            }
            (true, Phase::Stale) => Some(Job::Rebuild),
            (true, Phase::Even) => differs().then_some(Job::Apply),
            (false, Phase::Absent) => None,
            (false, _) => Some(Job::Unload),
        }
    }

    /// A run did what it should. `filled`: it wrote the bans as well.
    pub(super) fn succeed(&mut self, now: Instant, job: Job, filled: bool) {
        self.failures = 0;
        self.rest_until = now;
        self.seen = now;
        self.phase = match job {
            Job::Unload => Phase::Absent,
            // It was distrusted while the run was under way.
            _ if self.phase == Phase::Unknown => Phase::Unknown,
            _ if filled => Phase::Even,
            _ => Phase::Stale,
        };
    }

    /// A run failed: it rests.
    pub(super) fn fail(&mut self, now: Instant, job: Job) {
        self.failures = self.failures.saturating_add(1);
        self.rest_until = now.after(rest(self.failures));
        // Who may not even look has nothing of ours to take away; nothing was loaded by us.
        self.phase = match (job, self.phase) {
            (Job::Unload, Phase::Abandoned) => Phase::Absent,
            _ => Phase::Unknown,
        };
    }
}

/// Rests double, from REST up to REST_MAX.
pub fn rest(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    REST.saturating_mul(1 << doublings).min(REST_MAX)
}
