//! What each key means, whatever language it is written in.

use core::time::Duration;

use crate::act::firewall::Backend;
use crate::config::problems::Problems;
use crate::config::words::{keys, nearest};
use crate::config::{Choice, Config, Language, Modes, Problem, Severity, Words, complete};
use crate::limits::CONNECT_PORTS_MAX;
use crate::see::probe::{Mode, Protocol};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A configuration that is being read.
pub(super) struct Reader {
    pub(super) config: Config,
    pub(super) language: Language,
    seen: Vec<&'static str>,
    /// TCP_MODE and UDP_MODE.
    file: Modes,
    /// The line that is being read, from 1; 0: all of them.
    pub(super) line: usize,
    pub(super) problems: Problems,
}

impl Reader {
    /// Nothing read yet: what holds where a file says nothing.
    pub(super) fn new(language: Language) -> Self {
        let mut config = Config::default();
        if language == Language::Uci {
            // As the init script reads it: a router is not changed before its owner says so.
            config.enabled = false;
            config.backend = Backend::Auto;
        }
        Self {
            config,
            language,
            seen: Vec::new(),
            file: Modes::default(),
            line: 0,
            problems: Problems::none(),
        }
    }

    pub(super) fn report(&mut self, severity: Severity, reason: String) {
        self.problems
            .report(self.line, severity, Words::Ours, reason);
    }

    /// In 1.2's words, see [`Words::Classic`]; with file and line where the file is none that 1.2 could read.
    pub(super) fn report_as_ever(&mut self, severity: Severity, reason: String) {
        let words = match self.language {
            Language::Classic => Words::Classic,
            Language::Uci => Words::Ours,
        };
        self.problems.report(self.line, severity, words, reason);
    }

    pub(super) fn mistake(&mut self, reason: String) {
        self.report(Severity::Mistake, reason);
    }

    /// What a key is called in this file.
    pub(super) fn name(&self, key: &str) -> String {
        self.language.name(key)
    }

    /// The key that goes by this name; one that does not is reported.
    pub(super) fn key(&mut self, name: &str) -> Option<&'static str> {
        for key in keys(self.language) {
            if self.name(key) == name {
                return Some(key);
            }
        }
        let what = match self.language {
            Language::Classic => "key",
            Language::Uci => "option",
        };
        let (meant, near) = match nearest(name, self.language) {
            Some(near) => ("; did you mean ", near + "?"),
            None => ("", String::new()),
        };
        self.mistake(format!("unknown {what} {name}{meant}{near}"));
        None
    }

    /// Notes that a key is set. False if it was before.
    pub(super) fn see(&mut self, key: &'static str) -> bool {
        let new = !self.seen.contains(&key);
        if new {
            self.seen.push(key);
        }
        new
    }

    /// One key, in capitals, and its value. What is a list may come in pieces.
    pub(super) fn set(&mut self, key: &'static str, value: &str) {
        let text = (!value.is_empty()).then(|| value.to_owned());
        let name = &self.name(key);
        match key {
            "TCP_PORTS" => self.list(name, value, Protocol::Tcp),
            "UDP_PORTS" => self.list(name, value, Protocol::Udp),
            "TCP_MODE" => self.file.tcp = self.mode(name, value, Protocol::Tcp),
            "UDP_MODE" => self.file.udp = self.mode(name, value, Protocol::Udp),
            "ADVANCED_PORTS_TCP" => self.extent(name, value, Protocol::Tcp),
            "ADVANCED_PORTS_UDP" => self.extent(name, value, Protocol::Udp),
            "ADVANCED_EXCLUDE_TCP" => self.excluded(name, value, Protocol::Tcp),
            "ADVANCED_EXCLUDE_UDP" => self.excluded(name, value, Protocol::Udp),
            "INTERFACE" => self.devices(name, value),
            "KINDS" => self.config.kinds = self.kinds(name, value),
            "SCAN_TRIGGER" => self.config.scan_trigger = self.count(name, value),
            "TRIGGER_PORTS" => self.config.trigger_ports = self.count(name, value),
            "WINDOW" => self.config.window = self.window(name, value),
            "BAN_RATE_MAX" => self.config.ban_rate_max = self.count(name, value),
            "BLOCK_TCP" => self.config.tcp.block = self.block(name, value),
            "BLOCK_UDP" => self.config.udp.block = self.block(name, value),
            "BLOCK_TIME" => self.config.block_time = self.span(name, value, Duration::ZERO),
            "BLOCK_TIME_MAX" => self.config.block_time_max = Some(self.span(name, value, DAY)),
            "PORT_BANNER" => self.config.banner = text,
            "IGNORE_FILE" => self.config.ignore_file = text,
            "HISTORY_FILE" => self.config.history_file = text,
            "BLOCKED_FILE" => self.config.blocked_file = text,
            "JOURNAL_FILE" => self.config.journal_file = text,
            "RESOLVE_HOST" if self.number(name, value) != 0 => {
                let reason = format!(
                    "{name}: names are not resolved, a scanner writes his own; the address is logged in \
                     place of the name"
                );
                self.report(Severity::Note, reason);
            }
            _ => self.set_response(key, name, value, text),
        }
    }

    /// Those of a router, of who stops packets, and of commands.
    fn set_response(&mut self, key: &str, name: &str, value: &str, text: Option<String>) {
        match key {
            "ENABLED" => self.config.enabled = self.number(name, value) != 0,
            "NETWORK" => self.networks(name, value),
            "IGNORE" => self.ignore(name, value),
            "BACKEND" => self.config.backend = self.backend(name, value),
            "KILL_ROUTE" => self.config.actions.route = self.route(name, text),
            "KILL_HOSTS_DENY" => self.config.actions.deny = self.with_target(name, text),
            "KILL_RUN_CMD" => self.config.actions.run = text,
            "KILL_RUN_CMD_FIRST" => self.config.actions.run_first = self.number(name, value) != 0,
            "UNBLOCK_CMD" => self.config.actions.unblock = self.with_target(name, text),
            _ => {}
        }
    }

    /// What only the whole shows; then it is done.
    pub(super) fn finish(mut self, asked: Modes) -> (Config, Vec<Problem>) {
        self.line = 0;
        self.settle(asked);
        self.give_up()
    }

    /// It is done, whatever is missing.
    pub(super) fn give_up(self) -> (Config, Vec<Problem>) {
        (self.config, self.problems.finish())
    }

    fn settle(&mut self, asked: Modes) {
        let tcp = self.choose(Protocol::Tcp, asked.tcp, self.file.tcp);
        let udp = self.choose(Protocol::Udp, asked.udp, self.file.udp);
        self.config.tcp.mode = tcp;
        self.config.udp.mode = udp;
        let is_uci = self.language == Language::Uci;
        if tcp.is_none() && udp.is_none() {
            let reason = match is_uci {
                true => "no ports to watch: set tcp_ports or udp_ports",
                false => "no ports to watch: set TCP_PORTS or UDP_PORTS",
            };
            self.report(Severity::Error, reason.into());
        }
        if self.config.names_devices() && (tcp == Some(Mode::Connect) || udp == Some(Mode::Connect))
        {
            let reason = match is_uci {
                true => {
                    "device and network are for the stealth sensors; connect sensors listen everywhere"
                }
                false => "INTERFACE is for the stealth sensors; connect sensors listen everywhere",
            };
            self.report(Severity::Note, reason.into());
        }
        let problems = &mut self.problems;
        complete::check(&self.config, self.language, &self.seen, problems);
    }

    /// The command line goes before the file, and stealth is what a router wants when neither says
    /// anything. Who asks for a mode must have ports for it.
    fn choose(
        &mut self,
        protocol: Protocol,
        asked: Option<Choice>,
        file: Option<Choice>,
    ) -> Option<Mode> {
        let wanted = asked.or(file);
        let ports = &self.config.side(protocol).ports;
        let (none, count) = (ports.is_empty(), ports.len());
        let mode = match wanted.unwrap_or(Choice::On(Mode::Stealth)) {
            Choice::Off => return None,
            Choice::On(mode) => mode,
        };
        if mode == Mode::Advanced {
            return self.choose_advanced(protocol);
        }
        if none {
            let key = format!("{protocol}_PORTS");
            let name = self.name(&key);
            match (wanted, self.seen.iter().any(|seen| *seen == key)) {
                (None, _) => self.report(
                    Severity::Note,
                    format!("{name} has no ports: {protocol} is not watched"),
                ),
                (Some(_), true) => self.report_as_ever(
                    Severity::Error,
                    format!("ERROR: No {protocol} ports supplied in config file. Aborting"),
                ),
                (Some(_), false) => self.report_as_ever(
                    Severity::Error,
                    format!("ERROR: Could not read {name} option from config file"),
                ),
            }
            return None;
        }
        if mode == Mode::Connect && count > CONNECT_PORTS_MAX {
            let reason = format!(
                "{count} {protocol} ports are too many for connect sensors, which bind each of \
                 them: at most {CONNECT_PORTS_MAX}"
            );
            self.report(Severity::Error, reason);
        }
        Some(mode)
    }

    /// The traps of the advanced mode take the place of the list.
    fn choose_advanced(&mut self, protocol: Protocol) -> Option<Mode> {
        let side = self.config.side_mut(protocol);
        match side.advanced.settle(&side.ports) {
            Ok(ports) => {
                side.ports = ports;
                Some(Mode::Advanced)
            }
            Err(reason) => {
                let name = self.name(&format!("ADVANCED_EXCLUDE_{protocol}"));
                self.report(Severity::Error, format!("{name}: {reason}"));
                None
            }
        }
    }
}
