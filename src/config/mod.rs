//! Text becomes a [`Config`], or problems with their line and reason.

pub mod advanced;
pub mod classic;
mod complete;
mod convert;
pub mod devices;
mod grammar;
pub mod ignore;
mod language;
mod modes;
#[cfg(test)]
mod options;
mod problems;
mod reader;
pub mod resolvers;
mod route;
mod schema;
pub mod uci;
mod values;
mod words;

use core::fmt;
use core::time::Duration;

use crate::act::actions::Actions;
use crate::act::firewall::Backend;
use crate::config::advanced::Advanced;
use crate::judge::ban::Stop;
use crate::judge::policy::{Block, Policy};
use crate::limits::{BLOCK_TIME_MAX, DEVICES_MAX, WINDOW};
use crate::net::Prefix;
use crate::see::probe::{Kinds, Mode, Protocol};
use crate::see::traps::{Ports, Traps};

pub use convert::to_uci;
pub use language::Language;
pub use modes::{Choice, Modes};

/// Reads a configuration in the language that it is written in. The Config is as good as it can be; whether it may
/// be used, the worst problem tells. `asked` are the modes of the command line, which go before the file's.
pub fn read(text: &[u8], asked: Modes) -> (Config, Vec<Problem>) {
    match Language::of(text) {
        Language::Classic => classic::read(text, asked),
        Language::Uci => schema::read(text, asked),
    }
}

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// enabled, of UCI; without it nothing is started.
    pub enabled: bool,
    /// TCP_PORTS, TCP_MODE, BLOCK_TCP.
    pub tcp: Side,
    /// UDP_PORTS, UDP_MODE, BLOCK_UDP.
    pub udp: Side,
    /// KINDS.
    pub kinds: Kinds,
    /// SCAN_TRIGGER.
    pub scan_trigger: u32,
    /// TRIGGER_PORTS; 0 and 1 are the first.
    pub trigger_ports: u32,
    /// WINDOW.
    pub window: Duration,
    /// BLOCK_TIME; zero is for ever.
    pub block_time: Duration,
    /// BLOCK_TIME_MAX; zero is without end. BLOCK_TIME counts where that is longer.
    pub block_time_max: Duration,
    /// BAN_RATE_MAX; zero is without limit.
    pub ban_rate_max: u32,
    /// BACKEND.
    pub backend: Backend,
    /// KILL_HOSTS_DENY, KILL_ROUTE, KILL_RUN_CMD, KILL_RUN_CMD_FIRST, UNBLOCK_CMD.
    pub actions: Actions,
    /// PORT_BANNER.
    pub banner: Option<String>,
    /// IGNORE_FILE.
    pub ignore_file: Option<String>,
    /// HISTORY_FILE.
    pub history_file: Option<String>,
    /// BLOCKED_FILE, without the suffix of the mode.
    pub blocked_file: Option<String>,
    /// JOURNAL_FILE; without it the journal lies in the run directory.
    pub journal_file: Option<String>,
    /// INTERFACE: names of devices. Neither these nor networks means all but loopback.
    pub devices: heapless::Vec<String, DEVICES_MAX>,
    /// network, of UCI: names of logical networks, whose devices are watched as well.
    pub networks: Vec<String>,
    /// ignore, of UCI: who is ignored beside those of the ignore file.
    pub ignored: Vec<Prefix>,
}

/// What is configured for one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// How it is watched; None: not at all.
    pub mode: Option<Mode>,
    /// Its trap ports.
    pub ports: Ports,
    /// ADVANCED_PORTS_x and ADVANCED_EXCLUDE_x; in that mode the trap ports follow from them.
    pub advanced: Advanced,
    /// What is done about a source.
    pub block: Block,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            tcp: Side::default(),
            udp: Side::default(),
            kinds: Kinds::default(),
            scan_trigger: 0,
            trigger_ports: 0,
            window: WINDOW,
            block_time: Duration::ZERO,
            block_time_max: BLOCK_TIME_MAX,
            ban_rate_max: 0,
            backend: Backend::default(),
            actions: Actions::default(),
            banner: None,
            ignore_file: None,
            history_file: None,
            blocked_file: None,
            journal_file: None,
            devices: heapless::Vec::new(),
            networks: Vec::new(),
            ignored: Vec::new(),
        }
    }
}

impl Config {
    /// What is configured for a protocol.
    pub fn side(&self, protocol: Protocol) -> &Side {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        }
    }

    /// The same, to be changed.
    fn side_mut(&mut self, protocol: Protocol) -> &mut Side {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        }
    }

    /// Whether only some devices are watched.
    pub fn names_devices(&self) -> bool {
        !self.devices.is_empty() || !self.networks.is_empty()
    }

    /// Adds a device to be watched. False if it can be none, or does not fit.
    pub fn add_device(&mut self, name: &str) -> bool {
        // linux/if.h: IFNAMSIZ is 16 with the closing zero.
        let sound = !name.is_empty() && name.len() < 16 && !name.contains('/');
        let known = self.devices.iter().any(|known| known == name);
        sound && (known || self.devices.push(name.to_owned()).is_ok())
    }

    /// The trap ports of the protocols that are watched in such a mode.
    pub fn traps_in(&self, wanted: impl Fn(Mode) -> bool) -> Traps {
        let ports = |side: &Side| match side.mode {
            Some(mode) if wanted(mode) => side.ports.clone(),
            _ => Ports::new(),
        };
        Traps {
            tcp: ports(&self.tcp),
            udp: ports(&self.udp),
        }
    }

    /// The rules for the detector.
    pub fn policy(&self) -> Policy {
        let block = |side: &Side| match side.mode {
            Some(_) => side.block,
            None => Block::Off,
        };
        Policy {
            traps: self.traps_in(|_| true),
            block_tcp: block(&self.tcp),
            block_udp: block(&self.udp),
            stop: match self.actions.route {
                Some(_) => Stop::Route,
                None => Stop::Firewall,
            },
            undone: self.actions.unblock.is_some(),
            scan_trigger: self.scan_trigger,
            trigger_ports: self.trigger_ports,
            window: self.window,
            block_time: self.block_time,
            block_time_max: self.block_time_max,
            ban_rate_max: self.ban_rate_max,
        }
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; everything works.
    Note,
    /// The line, or a part of it, has no effect. The start goes on, as 1.2's did; a reload keeps what
    /// it has.
    Mistake,
    /// The configuration cannot be used.
    Error,
}

/// Something to tell the owner about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line number from 1; 0 for the file as a whole.
    pub line: usize,
    /// How bad it is.
    pub severity: Severity,
    /// Whose words the reason is in.
    pub words: Words,
    /// What is wrong and what becomes of it, in words.
    pub reason: String,
}

/// Whose words a problem is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Ours: file and line go before them.
    Ours,
    /// 1.2's, which log watchers know: they go into the log as they stand, a newline at the end included.
    Classic,
}

impl Problem {
    /// The reason without what only a log needs.
    pub fn plain(&self) -> &str {
        let reason = self.reason.trim_end();
        reason.strip_prefix("ERROR: ").unwrap_or(reason)
    }
}

/// A problem of a file as the log has it.
pub struct ProblemLine<'a>(pub &'a str, pub &'a Problem);

impl fmt::Display for ProblemLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, problem) = self;
        let reason = &problem.reason;
        match (problem.words, problem.line) {
            (Words::Classic, _) => write!(f, "adminalert: {reason}"),
            (Words::Ours, 0) => write!(f, "adminalert: {path}: {reason}"),
            (Words::Ours, line) => write!(f, "adminalert: {path}:{line}: {reason}"),
        }
    }
}
