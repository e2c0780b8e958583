//! Values: text becomes what a key means, or a problem that names what is allowed.

use core::time::Duration;

use crate::act::firewall::Backend;
use crate::config::reader::Reader;
use crate::config::{Choice, Severity, advanced, grammar, route};
use crate::judge::policy::Block;
use crate::limits::{DEVICES_MAX, IGNORED_MAX, RANGES_MAX, WINDOW, WINDOW_MIN};
use crate::net::NotAPrefix;
use crate::see::probe::{Kinds, Protocol};
use crate::see::traps::Ports;
use crate::time::{SPAN_MAX, Span, parse_span};

impl Reader {
    pub(super) fn list(&mut self, key: &str, value: &str, protocol: Protocol) {
        let side = self.config.side_mut(protocol);
        side.advanced.note_list(value);
        let mut ports = core::mem::take(&mut side.ports);
        self.ports(key, value, &mut ports);
        self.config.side_mut(protocol).ports = ports;
    }

    fn ports(&mut self, key: &str, value: &str, ports: &mut Ports) {
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
    }

    pub(super) fn no_port(&mut self, key: &str, entry: &str) {
        let reason = format!("{key}: \"{entry}\" is no port and no range of ports; skipped");
        self.mistake(reason);
    }

    pub(super) fn extent(&mut self, key: &str, value: &str, protocol: Protocol) {
        let advanced = &mut self.config.side_mut(protocol).advanced;
        if let Err(reason) = advanced.read_extent(key, value) {
            self.mistake(reason);
        }
    }

    pub(super) fn excluded(&mut self, key: &str, value: &str, protocol: Protocol) {
        advanced::strange(value).for_each(|entry| self.no_port(key, entry));
        self.config.side_mut(protocol).advanced.read_excluded(value);
    }

    pub(super) fn mode(&mut self, key: &str, value: &str, protocol: Protocol) -> Option<Choice> {
        let choice = Choice::parse(value, protocol);
        if choice.is_none() {
            let reason = format!(
                "{key} \"{value}\" is not known; known are: stealth, connect, advanced, off"
            );
            self.report(Severity::Error, reason);
        }
        choice
    }

    pub(super) fn block(&mut self, key: &str, value: &str) -> Block {
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

    pub(super) fn number(&mut self, key: &str, value: &str) -> i64 {
        let (number, plain) = grammar::number(value);
        if !plain {
            self.mistake(format!(
                "{key} \"{value}\" is no number; it is read as {number}"
            ));
        }
        number
    }

    pub(super) fn with_target(&mut self, key: &str, text: Option<String>) -> Option<String> {
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

    pub(super) fn devices(&mut self, value: &str) {
        for name in value.split([' ', ',']).filter(|name| !name.is_empty()) {
            if !self.config.add_device(name) {
                let reason = format!("INTERFACE: \"{name}\" is no device name, or one too many");
                self.report(Severity::Error, reason);
            }
        }
    }

    pub(super) fn networks(&mut self, value: &str) {
        for name in advanced::entries(value) {
            if self.config.networks.len() == DEVICES_MAX {
                let reason = format!("NETWORK: \"{name}\" is one too many");
                return self.report(Severity::Error, reason);
            }
            self.config.networks.push(name.to_owned());
        }
    }

    pub(super) fn ignore(&mut self, value: &str) {
        for entry in advanced::entries(value) {
            let why = match entry.parse() {
                Ok(_) if self.config.ignored.len() == IGNORED_MAX => "is one too many",
                Ok(prefix) => {
                    self.config.ignored.push(prefix);
                    continue;
                }
                Err(NotAPrefix::Address) => "is no address",
                Err(NotAPrefix::Length) => "has no length that its address can have, such as /24",
            };
            self.mistake(format!("IGNORE: \"{entry}\" {why}; it is left out"));
        }
    }

    /// A number that is not negative.
    pub(super) fn count(&mut self, key: &str, value: &str) -> u32 {
        let number = self.number(key, value).max(0);
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// A span of time; `otherwise` where it is none.
    pub(super) fn span(&mut self, key: &str, value: &str, otherwise: Duration) -> Duration {
        parse_span(value).unwrap_or_else(|| {
            let (most, used) = (Span(SPAN_MAX), Span(otherwise));
            let reason = format!(
                "{key} \"{value}\" is no time such as 90s, 10m, 12h, 7d, at most {most}, or 0; {used} is used"
            );
            self.mistake(reason);
            otherwise
        })
    }

    pub(super) fn window(&mut self, key: &str, value: &str) -> Duration {
        let window = self.span(key, value, WINDOW);
        if window >= WINDOW_MIN {
            return window;
        }
        let (least, used) = (Span(WINDOW_MIN), Span(WINDOW));
        let reason = format!("{key} \"{value}\" is shorter than {least}; {used} is used");
        self.mistake(reason);
        WINDOW
    }

    pub(super) fn kinds(&mut self, key: &str, value: &str) -> Kinds {
        match value {
            "" | "classic" => Kinds::Classic,
            "extended" => Kinds::Extended,
            _ => {
                let reason =
                    format!("{key} \"{value}\" is not known; known are: classic, extended");
                self.report(Severity::Error, reason);
                Kinds::Classic
            }
        }
    }

    pub(super) fn backend(&mut self, key: &str, value: &str) -> Backend {
        let known = Backend::ALL
            .into_iter()
            .find(|backend| backend.word() == value);
        if known.is_none() && !value.is_empty() {
            let reason =
                format!("{key} \"{value}\" is not known; known are: iptables, ipset, nft, auto");
            self.report(Severity::Error, reason);
        }
        known.unwrap_or_default()
    }
}
