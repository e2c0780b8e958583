//! `portsentry.conf`: the keys of PortSentry 1.2, ranges as in 2.x, and a few of our own.
//!
//! What 1.2 started with, we start with: a line that it skipped is skipped, and reported.

use crate::config::grammar::{self, Assignment};
use crate::config::problems::Problems;
use crate::config::words::{KEYS, nearest};
use crate::config::{Choice, Config, Modes, Problem, Severity, Words, advanced, complete, route};
use crate::judge::detector::Block;
use crate::limits::{CONNECT_PORTS_MAX, RANGES_MAX};
use crate::see::probe::{Mode, Protocol};
use crate::see::traps::Ports;

/// Reads a configuration. The Config is as good as it can be; whether it may be used, the worst problem
/// tells. `asked` are the modes of the command line, which go before the file's.
pub fn read(text: &[u8], asked: Modes) -> (Config, Vec<Problem>) {
    let mut reader = Reader {
        config: Config::default(),
        seen: Vec::new(),
        file: Modes::default(),
        line: 0,
        problems: Problems::none(),
    };
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        reader.line = at + 1;
        if let Some(assignment) = grammar::assignment(line, at + 1, &mut reader.problems) {
            reader.assign(&assignment);
        }
    }
    reader.line = 0;
    reader.finish(asked);
    (reader.config, reader.problems.finish())
}

struct Reader {
    config: Config,
    seen: Vec<&'static str>,
    /// TCP_MODE and UDP_MODE.
    file: Modes,
    line: usize,
    problems: Problems,
}

impl Reader {
    fn report(&mut self, severity: Severity, reason: String) {
        self.problems
            .report(self.line, severity, Words::Ours, reason);
    }

    /// In 1.2's words: see [`Words::Classic`].
    fn report_as_ever(&mut self, severity: Severity, reason: String) {
        self.problems
            .report(self.line, severity, Words::Classic, reason);
    }

    fn mistake(&mut self, reason: String) {
        self.report(Severity::Mistake, reason);
    }

    fn assign(&mut self, Assignment { key, value }: &Assignment<'_>) {
        let Some(key) = KEYS.iter().copied().find(|known| known == key) else {
            let meant = nearest(key).map_or(String::new(), |k| format!("; did you mean {k}?"));
            return self.mistake(format!("unknown key {key}{meant}"));
        };
        if self.seen.contains(&key) {
            return self.mistake(format!("{key} is set twice; the first one counts"));
        }
        self.seen.push(key);
        self.set(key, value);
    }

    fn set(&mut self, key: &'static str, value: &str) {
        let text = (!value.is_empty()).then(|| value.to_owned());
        match key {
            "TCP_PORTS" => self.list(key, value, Protocol::Tcp),
            "UDP_PORTS" => self.list(key, value, Protocol::Udp),
            "TCP_MODE" => self.file.tcp = self.mode(key, value, Protocol::Tcp),
            "UDP_MODE" => self.file.udp = self.mode(key, value, Protocol::Udp),
            "BLOCK_TCP" => self.config.tcp.block = self.block(key, value),
            "BLOCK_UDP" => self.config.udp.block = self.block(key, value),
            "SCAN_TRIGGER" => {
                let number = self.number(key, value).max(0);
                self.config.scan_trigger = u32::try_from(number).unwrap_or(u32::MAX);
            }
            "KILL_ROUTE" => self.config.actions.route = self.with_target(key, text),
            "KILL_HOSTS_DENY" => self.config.actions.deny = self.with_target(key, text),
            "KILL_RUN_CMD" => self.config.actions.run = text,
            "KILL_RUN_CMD_FIRST" => self.config.actions.run_first = self.number(key, value) != 0,
            "PORT_BANNER" => self.config.banner = text,
            "IGNORE_FILE" => self.config.ignore_file = text,
            "HISTORY_FILE" => self.config.history_file = text,
            "BLOCKED_FILE" => self.config.blocked_file = text,
            "INTERFACE" => self.devices(value),
            "BACKEND" if !matches!(value, "" | "iptables") => {
                let reason = format!("BACKEND \"{value}\" is not known; known is: iptables");
                self.report(Severity::Error, reason);
            }
            "RESOLVE_HOST" if self.number(key, value) != 0 => {
                let reason = "RESOLVE_HOST: names are not resolved, a scanner writes his own; the \
                              address is logged in place of the name";
                self.report(Severity::Note, reason.into());
            }
            "ADVANCED_PORTS_TCP" => self.extent(key, value, Protocol::Tcp),
            "ADVANCED_PORTS_UDP" => self.extent(key, value, Protocol::Udp),
            "ADVANCED_EXCLUDE_TCP" => self.excluded(key, value, Protocol::Tcp),
            "ADVANCED_EXCLUDE_UDP" => self.excluded(key, value, Protocol::Udp),
            _ => {}
        }
    }

    fn list(&mut self, key: &str, value: &str, protocol: Protocol) {
        let ports = self.ports(key, value);
        let side = self.config.side_mut(protocol);
        side.ports = ports;
        side.advanced.note_list(value);
    }

    fn ports(&mut self, key: &str, value: &str) -> Ports {
        let mut ports = Ports::new();
        for entry in advanced::entries(value) {
            // Port 0 is a trap in the advanced modes only.
            let Some((first @ 1.., last)) = advanced::range(entry) else {
                self.no_port(key, entry);
                continue;
            };
            if ports.add(first, last).is_err() {
                let reason = format!("{key}: more than {RANGES_MAX} separate ranges");
                self.report(Severity::Error, reason);
                break;
            }
        }
        ports
    }

    fn no_port(&mut self, key: &str, entry: &str) {
        let reason = format!("{key}: \"{entry}\" is no port and no range of ports; skipped");
        self.mistake(reason);
    }

    fn extent(&mut self, key: &str, value: &str, protocol: Protocol) {
        let advanced = &mut self.config.side_mut(protocol).advanced;
        if let Err(reason) = advanced.read_extent(key, value) {
            self.mistake(reason);
        }
    }

    fn excluded(&mut self, key: &str, value: &str, protocol: Protocol) {
        advanced::strange(value).for_each(|entry| self.no_port(key, entry));
        self.config.side_mut(protocol).advanced.read_excluded(value);
    }

    fn mode(&mut self, key: &str, value: &str, protocol: Protocol) -> Option<Choice> {
        let choice = Choice::parse(value, protocol);
        if choice.is_none() {
            let reason = format!(
                "{key} \"{value}\" is not known; known are: stealth, connect, advanced, off"
            );
            self.report(Severity::Error, reason);
        }
        choice
    }

    fn block(&mut self, key: &str, value: &str) -> Block {
        match self.number(key, value) {
            0 => Block::Off,
            1 => Block::Full,
            2 => Block::RunOnly,
            _ => {
                self.mistake(format!(
                    "{key} \"{value}\" is none of 0, 1, 2; nothing is blocked"
                ));
                Block::Off
            }
        }
    }

    fn number(&mut self, key: &str, value: &str) -> i64 {
        let (number, plain) = grammar::number(value);
        if !plain {
            self.mistake(format!(
                "{key} \"{value}\" is no number; it is read as {number}"
            ));
        }
        number
    }

    fn with_target(&mut self, key: &str, text: Option<String>) -> Option<String> {
        let text = text?;
        if !text.contains("$TARGET$") {
            // It said so at every block, and blocked nothing.
            let reason = format!("No target variable specified in {key} option. Skipping.\n");
            self.report_as_ever(Severity::Mistake, reason);
            return None;
        }
        let outdated = route::outdated(&text).filter(|_| key == "KILL_ROUTE");
        if let Some((word, severity, reason)) = outdated {
            self.report(*severity, format!("KILL_ROUTE: {word} {reason}"));
        }
        Some(text)
    }

    fn devices(&mut self, value: &str) {
        for name in value.split([' ', ',']).filter(|name| !name.is_empty()) {
            // linux/if.h: IFNAMSIZ is 16 with the closing zero.
            let sound = name.len() < 16 && !name.contains('/');
            if !sound || self.config.devices.push(name.to_owned()).is_err() {
                let reason = format!("INTERFACE: \"{name}\" is no device name, or one too many");
                self.report(Severity::Error, reason);
            }
        }
    }

    fn finish(&mut self, asked: Modes) {
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
        let devices = !self.config.devices.is_empty();
        if devices && (tcp == Some(Mode::Connect) || udp == Some(Mode::Connect)) {
            let reason = "INTERFACE is for the stealth sensors; connect sensors listen everywhere";
            self.report(Severity::Note, reason.into());
        }
        complete::check(&self.config, &self.seen, &mut self.problems);
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
