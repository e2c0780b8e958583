//! One ban: what shall hold, what does, and which of its steps comes next.

use crate::limits::ATTEMPTS_MAX;
use crate::see::probe::{Mode, Probe};
use crate::time::Instant;

/// How packets of a banned source are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// By our chain.
    Firewall,
    /// By the owner's KILL_ROUTE.
    Route,
    /// Not at all: BLOCK is 2, the owner's KILL_RUN_CMD sees to it.
    Nothing,
}

/// The step of a ban that comes next, in 1.2's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The kernel is asked once more whose the packet was.
    Confirm,
    /// KILL_RUN_CMD, because KILL_RUN_CMD_FIRST is set.
    RunFirst,
    /// The line in hosts.deny.
    Deny,
    /// KILL_ROUTE or the firewall.
    Stop,
    /// KILL_RUN_CMD.
    Run,
    /// Everything was done, or given up.
    Done,
}

/// One ban.
#[derive(Clone, Copy, Debug)]
pub struct Ban {
    /// The probe that triggered it.
    pub probe: Probe,
    /// The sensor that saw it.
    pub mode: Mode,
    /// When.
    pub since: Instant,
    /// How packets are stopped.
    pub stop: Stop,
    /// The kernel said that the packet was nobody's.
    pub confirmed: bool,
    /// What comes next.
    pub step: Step,
    /// Failures of that step so far.
    pub attempts: u8,
    /// When that step may be tried again.
    pub rest_until: Instant,
    /// What should stop packets failed for good.
    pub failed: bool,
    /// It is written in the history.
    pub recorded: bool,
    /// Different traps that the source touched.
    pub ports: u16,
    /// It shall hold. False: it is on its way out.
    pub wanted: bool,
    /// The firewall has it.
    pub enforced: bool,
    /// A line of ours about it is in hosts.deny.
    pub denied: bool,
    /// What the run of the firewall program that is under way makes of it.
    pub flying: Option<bool>,
}

impl Ban {
    /// A new ban; nothing of it is done yet.
    pub fn new(now: Instant, probe: Probe, mode: Mode, stop: Stop, ports: u16) -> Self {
        Self {
            probe,
            mode,
            since: now,
            stop,
            confirmed: false,
            step: Step::Confirm,
            attempts: 0,
            rest_until: now,
            failed: false,
            recorded: false,
            ports,
            wanted: true,
            enforced: false,
            denied: false,
            flying: None,
        }
    }

    /// Whether the firewall shall have it now: it waits for no command of the owner's.
    pub fn due_in_firewall(&self) -> bool {
        self.stop == Stop::Firewall && self.wanted && self.step != Step::Confirm
    }

    /// Whether the firewall has to be told something.
    pub fn differs(&self) -> bool {
        self.due_in_firewall() != self.enforced
    }

    /// The packets of this source are stopped.
    pub fn holds(&self) -> bool {
        match self.stop {
            Stop::Firewall => self.enforced,
            Stop::Route | Stop::Nothing => self.step == Step::Done && !self.failed,
        }
    }

    /// A step failed: it rests until `again`. True if that was the last attempt.
    pub fn failed_once(&mut self, again: Instant) -> bool {
        self.attempts = self.attempts.saturating_add(1);
        self.rest_until = again;
        self.attempts >= ATTEMPTS_MAX
    }

    /// Goes on to `step`.
    pub fn proceed(&mut self, step: Step) {
        self.step = step;
        self.attempts = 0;
    }

    /// How much speaks for it: a proven source before all others, then traps touched.
    pub(super) fn weight(&self) -> (bool, u16) {
        (self.probe.verified(), self.ports)
    }
}
