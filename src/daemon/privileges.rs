//! Root's rights: given up when everything is set up, unless the owner's commands may need them.

use crate::act::actions::Actions;
use crate::sys::log::Log;
use crate::sys::privileges;

/// What became of root's rights.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Privileges {
    /// It is not decided yet.
    #[default]
    Whole,
    /// Kept for the owner's commands, which may send mail, become somebody else, write where they like; or they
    /// could not be given up.
    Kept,
    /// Given up, for ever.
    Dropped,
}

impl Privileges {
    /// Everything is set up, with modules loaded and ports bound: decides. What was given up does not come back;
    /// what cannot be given up is no reason not to watch.
    pub(super) fn decide(&mut self, actions: &Actions, log: &mut Log) {
        match (*self, actions.keys().next()) {
            (Self::Dropped, None) => {}
            // `status` says so: a start has 1.2's lines.
            (Self::Whole | Self::Kept, Some(_)) => *self = Self::Kept,
            (Self::Dropped, Some(key)) => log.say(format_args!(
                "adminalert: root's privileges are given up already: {key} goes without them until the next start"
            )),
            (Self::Whole | Self::Kept, None) => {
                *self = match privileges::drop_rest() {
                    Ok(()) => Self::Dropped,
                    Err(error) => {
                        log.say(format_args!(
                            "adminalert: ERROR: root's privileges cannot be given up: {error}"
                        ));
                        Self::Kept
                    }
                };
            }
        }
    }

    /// As `status` has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole | Self::Kept => "kept",
            Self::Dropped => "dropped",
        }
    }

    /// Other actions are in force.
    pub(super) fn follow(&mut self, actions: &Actions, log: &mut Log) {
        if *self != Self::Whole {
            self.decide(actions, log);
        }
    }
}
