//! One ban: what shall hold, what does, and which of its steps comes next.

use core::net::IpAddr;

use crate::judge::hand::is_ours;
use crate::judge::protect::Protect;
use crate::limits::{ATTEMPTS_MAX, BANNED_LINES, FOLD};
use crate::net::Prefix;
use crate::see::probe::{Kind, Mode, Probe, Protocol};
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

/// What a command or a line of the owner's is given. UNBLOCK_CMD has to be given what the command was that it
/// undoes: a rule may name the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// `$TARGET$`.
    pub source: IpAddr,
    /// `$PORT$`.
    pub port: u16,
    /// With the mode it is `$MODE$`.
    pub protocol: Protocol,
    /// The sensor.
    pub mode: Mode,
}

/// One ban.
#[derive(Clone, Copy, Debug)]
pub struct Ban {
    /// The probe that triggered it; of a ban by hand only its source means something.
    pub probe: Probe,
    /// The sensor that saw it; of a ban by hand none did.
    pub mode: Mode,
    /// The owner named it.
    pub by_hand: bool,
    /// The owner named it though somebody protected is hit.
    pub forced: bool,
    /// When.
    pub since: Instant,
    /// When it ends; None: never by itself.
    pub until: Option<Instant>,
    /// How often its source was banned lately, this time included unless it is by hand.
    pub strikes: u8,
    /// How packets are stopped.
    pub stop: Stop,
    /// The source is proven: it finished a handshake, or the owner named it.
    pub verified: bool,
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
    /// The firewall has it with another end.
    pub renewed: bool,
    /// A line of ours about it is in hosts.deny.
    pub denied: bool,
    /// A command of the owner's ran for it that UNBLOCK_CMD undoes.
    pub ran: bool,
    /// That was for the ban that it took the place of, and is undone before another command runs: with this.
    pub undo: Option<Given>,
    /// A command of the owner's runs, for it or for one that had its place.
    pub at_work: bool,
    /// What the run of the firewall program that is under way makes of it.
    pub flying: Option<bool>,
    /// Lines about what its source touched since, and when the first of this minute was.
    pub told: (u8, Instant),
}

impl Ban {
    /// A new ban without an end; nothing of it is done yet.
    pub fn new(now: Instant, probe: Probe, mode: Mode, stop: Stop, ports: u16) -> Self {
        Self {
            probe,
            mode,
            by_hand: false,
            forced: false,
            since: now,
            until: None,
            strikes: 1,
            stop,
            verified: probe.verified(),
            confirmed: false,
            step: Step::Confirm,
            attempts: 0,
            rest_until: now,
            failed: false,
            recorded: false,
            ports,
            wanted: true,
            enforced: false,
            renewed: false,
            denied: false,
            ran: false,
            undo: None,
            at_work: false,
            flying: None,
            told: (0, now),
        }
    }

    /// A ban by hand: the firewall holds it, whatever holds others, and no command of the owner's is run.
    pub fn by_hand(now: Instant, addr: IpAddr) -> Self {
        let probe = Probe {
            source: addr,
            destination: addr,
            source_port: 0,
            port: 0,
            protocol: Protocol::Tcp,
            kind: Kind::Connect,
            options: false,
        };
        Self {
            by_hand: true,
            step: Step::Done,
            recorded: true,
            strikes: 0,
            ..Self::new(now, probe, Mode::Connect, Stop::Firewall, 0)
        }
    }

    /// Whether the firewall shall have it now: it waits for no command of the owner's.
    pub fn due_in_firewall(&self) -> bool {
        self.stop == Stop::Firewall && self.wanted && self.step != Step::Confirm
    }

    /// Whether UNBLOCK_CMD is what comes next.
    pub fn is_due_undone(&self) -> bool {
        self.ran && (self.undo.is_some() || !self.wanted)
    }

    /// What its own commands are given.
    pub fn given(&self) -> Given {
        Given {
            source: self.probe.source,
            port: self.probe.port,
            protocol: self.probe.protocol,
            mode: self.mode,
        }
    }

    /// What UNBLOCK_CMD is given.
    pub fn given_to_undo(&self) -> Given {
        self.undo.unwrap_or(self.given())
    }

    /// Nothing that a command did is left to be undone.
    pub fn undone(&mut self) {
        (self.ran, self.undo) = (false, None);
        self.try_anew();
    }

    /// It shall not hold any more.
    pub fn end(&mut self) {
        self.wanted = false;
        self.try_anew();
    }

    /// How often something else failed is nothing to what comes next, nor does that rest for it.
    fn try_anew(&mut self) {
        (self.attempts, self.rest_until) = (0, Instant::default());
    }

    /// Whether it hits somebody who may not be banned: without force nobody protected, with it not ourselves.
    pub fn is_forbidden(&self, source: &Prefix, protect: &Protect) -> bool {
        match self.forced {
            true => is_ours(source, protect),
            false => protect.covers(source),
        }
    }

    /// Whether the firewall has to be told something.
    pub fn differs(&self) -> bool {
        let due = self.due_in_firewall();
        due != self.enforced || (due && self.renewed)
    }

    /// The packets of this source are stopped.
    pub fn holds(&self) -> bool {
        match self.stop {
            Stop::Firewall => self.enforced,
            Stop::Route | Stop::Nothing => self.step == Step::Done && !self.failed,
        }
    }

    /// Whether nothing is to be done about it until it ends.
    pub fn is_at_rest(&self) -> bool {
        let done = self.step == Step::Done && self.undo.is_none();
        let still = !self.at_work && self.flying.is_none();
        self.wanted && done && still && !self.differs()
    }

    /// Whether it shall not hold and nothing of it is left anywhere.
    pub fn is_gone(&self) -> bool {
        let left = self.enforced || self.denied || self.ran;
        let busy = self.at_work || self.flying.is_some();
        !self.wanted && !left && !busy
    }

    /// Whether one more line about its source is too many: of this minute there were enough.
    pub fn is_told(&self, now: Instant) -> bool {
        let (lines, began) = self.told;
        lines >= BANNED_LINES && now.since(began) < FOLD
    }

    /// One more line about its source was said.
    pub fn tell(&mut self, now: Instant) {
        let (lines, began) = self.told;
        self.told = match now.since(began) < FOLD {
            true => (lines.saturating_add(1), began),
            false => (1, now),
        };
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

    /// How much speaks for it: the owner's word before all else, a proven source before all others, then traps
    /// touched.
    pub(super) fn weight(&self) -> (bool, bool, u16) {
        (self.by_hand, self.verified, self.ports)
    }
}
