//! Packets to traps that the kernel had no room for: said, though not at each.

use super::State;
use crate::limits::LOSS_PAUSE;
use crate::time::Instant;

/// What was lost and is not yet said.
#[derive(Default)]
pub(super) struct Loss {
    packets: u64,
    rest_until: Instant,
    /// All that was ever lost.
    pub(super) ever: u64,
}

impl Loss {
    /// Notes what a sensor has lost since it was asked last.
    pub(super) fn note(&mut self, lost: u32) {
        let lost = u64::from(lost);
        self.packets = self.packets.saturating_add(lost);
        self.ever = self.ever.saturating_add(lost);
    }

    /// When the rest has to be said.
    pub(super) fn due_at(&self) -> Option<Instant> {
        (self.packets > 0).then_some(self.rest_until)
    }

    pub(super) fn tell(&mut self, now: Instant, state: &mut State) {
        if self.packets == 0 || now < self.rest_until {
            return;
        }
        let packets = self.packets;
        state.log.say(format_args!(
            "adminalert: {packets} packets to traps were lost: more came than could be looked at"
        ));
        *self = Self {
            packets: 0,
            rest_until: now.after(LOSS_PAUSE),
            ever: self.ever,
        };
    }
}
