//! What each key means, whatever language it is written in.

use core::time::Duration;

use crate::act::firewall::Backend;
use crate::config::problems::Problems;
use crate::config::words::{keys, nearest};
use crate::config::{Choice, Config, Language, Modes, Problem, Severity, Words, complete};
use crate::limits::BLOCK_TIME_MAX;
use crate::limits::CONNECT_PORTS_MAX;
use crate::see::probe::{Mode, Protocol};

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

    /// The key that goes by this name; one that does not is reported.
    pub(super) fn key(&mut self, name: &str) -> Option<&'static str> {
        for key in keys(self.language) {
            if self.language.name(key) == name {
                return Some(key);
            }
        }
        let meant =
            nearest(name, self.language).map_or(String::new(), |k| format!("; did you mean {k}?"));
        self.mistake(match self.language {
            Language::Classic => format!("unknown key {name}{meant}"),
            Language::Uci => format!("unknown option \"{name}\"{meant}"),
        });
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
        match key {
            "TCP_PORTS" => self.list(key, value, Protocol::Tcp),
            "UDP_PORTS" => self.list(key, value, Protocol::Udp),
            "TCP_MODE" => self.file.tcp = self.mode(key, value, Protocol::Tcp),
            "UDP_MODE" => self.file.udp = self.mode(key, value, Protocol::Udp),
            "ADVANCED_PORTS_TCP" => self.extent(key, value, Protocol::Tcp),
            "ADVANCED_PORTS_UDP" => self.extent(key, value, Protocol::Udp),
            "ADVANCED_EXCLUDE_TCP" => self.excluded(key, value, Protocol::Tcp),
            "ADVANCED_EXCLUDE_UDP" => self.excluded(key, value, Protocol::Udp),
            "INTERFACE" => self.devices(value),
            "KINDS" => self.config.kinds = self.kinds(key, value),
            "SCAN_TRIGGER" => self.config.scan_trigger = self.count(key, value),
            "TRIGGER_PORTS" => self.config.trigger_ports = self.count(key, value),
            "WINDOW" => self.config.window = self.window(key, value),
            "BAN_RATE_MAX" => self.config.ban_rate_max = self.count(key, value),
            "BLOCK_TCP" => self.config.tcp.block = self.block(key, value),
            "BLOCK_UDP" => self.config.udp.block = self.block(key, value),
            "BLOCK_TIME" => self.config.block_time = self.span(key, value, Duration::ZERO),
            "BLOCK_TIME_MAX" => self.config.block_time_max = self.span(key, value, BLOCK_TIME_MAX),
            "PORT_BANNER" => self.config.banner = text,
            "IGNORE_FILE" => self.config.ignore_file = text,
            "HISTORY_FILE" => self.config.history_file = text,
            "BLOCKED_FILE" => self.config.blocked_file = text,
            "JOURNAL_FILE" => self.config.journal_file = text,
            "RESOLVE_HOST" if self.truth(key, value) => {
                let reason = "RESOLVE_HOST: names are not resolved, a scanner writes his own; the \
                              address is logged in place of the name";
                self.report(Severity::Note, reason.into());
            }
            _ => self.set_response(key, value, text),
        }
    }

    /// Those of a router, of who stops packets, and of commands.
    fn set_response(&mut self, key: &'static str, value: &str, text: Option<String>) {
        match key {
            "ENABLED" => self.config.enabled = self.truth(key, value),
            "NETWORK" => self.networks(value),
            "IGNORE" => self.ignore(value),
            "BACKEND" => self.config.backend = self.backend(key, value),
            "KILL_ROUTE" => self.config.actions.route = self.with_target(key, text),
            "KILL_HOSTS_DENY" => self.config.actions.deny = self.with_target(key, text),
            "KILL_RUN_CMD" => self.config.actions.run = text,
            "KILL_RUN_CMD_FIRST" => self.config.actions.run_first = self.truth(key, value),
            "UNBLOCK_CMD" => self.config.actions.unblock = self.with_target(key, text),
            _ => {}
        }
    }

    /// What only the whole shows; then it is done.
    pub(super) fn finish(mut self, asked: Modes) -> (Config, Vec<Problem>) {
        self.line = 0;
        self.settle(asked);
        self.give_up()
    }

    /// It is done, whatever is missing. What was reported names keys in capitals, and is told in the language.
    pub(super) fn give_up(self) -> (Config, Vec<Problem>) {
        let mut problems = self.problems.finish();
        for problem in &mut problems {
            problem.reason = self.language.told(&problem.reason);
        }
        (self.config, problems)
    }

    fn settle(&mut self, asked: Modes) {
        let tcp = self.choose(Protocol::Tcp, asked.tcp, self.file.tcp);
        let udp = self.choose(Protocol::Udp, asked.udp, self.file.udp);
        self.config.tcp.mode = tcp;
        self.config.udp.mode = udp;
        if tcp.is_none() && udp.is_none() {
            self.report(
                Severity::Error,
                "no ports to watch: set TCP_PORTS or UDP_PORTS".into(),
            );
        }
        let devices = self.config.names_devices();
        if devices && (tcp == Some(Mode::Connect) || udp == Some(Mode::Connect)) {
            let reason = "INTERFACE is for the stealth sensors; connect sensors listen everywhere";
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
            match (wanted, self.seen.iter().any(|seen| *seen == key)) {
                (None, _) => self.report(
                    Severity::Note,
                    format!("{key} has no ports: {protocol} is not watched"),
                ),
                (Some(_), true) => self.report_as_ever(
                    Severity::Error,
                    format!("ERROR: No {protocol} ports supplied in config file. Aborting"),
                ),
                (Some(_), false) => self.report_as_ever(
                    Severity::Error,
                    format!("ERROR: Could not read {key} option from config file"),
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
        match side.advanced.settle(protocol, &side.ports) {
            Ok(ports) => {
                side.ports = ports;
                Some(Mode::Advanced)
            }
            Err(reason) => {
                self.report(Severity::Error, reason);
                None
            }
        }
    }
}
