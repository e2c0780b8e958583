//! Many new sources, each with fewer traps than a ban needs: told as one event, and once an hour while it goes on.
//!
//! A botnet that looks for one service is such a crowd for days, and a line each minute about it would be as many
//! lines as one about each ban of a storm.

use crate::judge::verdict::News;
use crate::limits::{DISTRIBUTED_MIN, DISTRIBUTED_PAUSE};
use crate::time::Instant;

/// The sources of the last minute, and what is left to be told of the minutes before.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Sources that came since it was looked last.
    pub(super) came: u32,
    /// Sources that fulfilled the rule of banning since.
    pub(super) triggered: u32,
    untold: u32,
    /// After a line there is none until then.
    quiet_until: Instant,
}

impl Crowd {
    /// Looks at the minute that is over: what is to be said.
    pub(super) fn look(&mut self, now: Instant) -> Option<News> {
        let few = self.came.saturating_sub(self.triggered);
        (self.came, self.triggered) = (0, 0);
        let waited = self.untold > 0;
        if few >= DISTRIBUTED_MIN {
            self.untold = self.untold.saturating_add(few);
        }
        if self.untold == 0 || now < self.quiet_until {
            return None;
        }
        self.quiet_until = now.after(DISTRIBUTED_PAUSE);
        let sources = core::mem::take(&mut self.untold);
        Some(match waited {
            true => News::StillDistributed(sources),
            false => News::Distributed(sources),
        })
    }

    /// When something has waited long enough.
    pub(super) fn due_at(&self) -> Option<Instant> {
        (self.untold > 0).then_some(self.quiet_until)
    }
}
