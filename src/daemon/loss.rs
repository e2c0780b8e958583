//! Packets to traps that the kernel had no room for: said, though not at each.

use crate::limits::LOSS_PAUSE;
use crate::sys::log::Log;
use crate::time::Instant;

/// What was lost and is not yet said.
#[derive(Default)]
pub(super) struct Loss {
    packets: u64,
    rest_until: Instant,
    /// All that was ever lost, as far as the kernel was asked.
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

    pub(super) fn tell(&mut self, now: Instant, log: &mut Log) {
        if self.packets > 0 && now >= self.rest_until {
            self.tell_rest(log);
            self.rest_until = now.after(LOSS_PAUSE);
        }
    }

    /// What is not yet said, though it may not be time for it.
    pub(super) fn tell_rest(&mut self, log: &mut Log) {
        let packets = core::mem::take(&mut self.packets);
        if packets > 0 {
            log.say(format_args!(
                "adminalert: {packets} packets to traps were lost: more came than could be looked at"
            ));
        }
    }
}
