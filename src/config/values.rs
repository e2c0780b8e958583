//! Values: text becomes what a key means, or a problem that names what is allowed.

use core::time::Duration;

use crate::act::firewall::Backend;
use crate::config::reader::Reader;
use crate::config::{Choice, Language, Severity, advanced, grammar, route};
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
                self.no_port(key, entry, 1);
                continue;
            };
            if ports.add(first, last).is_err() {
                let reason = format!("{key}: more than {RANGES_MAX} separate ranges");
                self.report(Severity::Error, reason);
                break;
            }
        }
    }

    fn no_port(&mut self, key: &str, entry: &str, least: u16) {
        self.mistake(format!(
            "{key}: \"{entry}\" is no port from {least} to 65535 and no range such as 512-515; skipped"
        ));
    }

    pub(super) fn extent(&mut self, key: &str, value: &str, protocol: Protocol) {
        let advanced = &mut self.config.side_mut(protocol).advanced;
        if let Err(reason) = advanced.read_extent(key, value) {
            self.mistake(reason);
        }
    }

    pub(super) fn excluded(&mut self, key: &str, value: &str, protocol: Protocol) {
        advanced::strange(value).for_each(|entry| self.no_port(key, entry, 0));
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

    /// What is no number is read as 1.2 read it, here and in what follows.
    pub(super) fn block(&mut self, key: &str, value: &str) -> Block {
        let (number, plain) = grammar::number(value);
        let block = match number {
            0 => Some(Block::Off),
            1 => Some(Block::Full),
            2 => Some(Block::RunOnly),
            _ => None,
        };
        let none = format!("{key} \"{value}\" is none of 0, 1, 2");
        match block {
            None => self.mistake(format!("{none}; nothing is blocked")),
            Some(_) if !plain => self.mistake(format!("{none}; it is read as {number}")),
            Some(_) => {}
        }
        block.unwrap_or(Block::Off)
    }

    pub(super) fn truth(&mut self, key: &str, value: &str) -> bool {
        let (number, plain) = grammar::number(value);
        if !plain {
            self.mistake(format!(
                "{key} \"{value}\" is neither 0 nor 1; it is read as {number}"
            ));
        }
        number != 0
    }

    pub(super) fn with_target(&mut self, key: &str, text: Option<String>) -> Option<String> {
        let text = text?;
        if !text.contains("$TARGET$") {
            // It said so at every block, and blocked nothing.
            let reason = match self.language {
                Language::Classic => {
                    format!("No target variable specified in {key} option. Skipping.\n")
                }
                Language::Uci => format!("{key} has no $TARGET$ in it; it is left out"),
            };
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
            if self.config.add_device(name) {
                continue;
            }
            let why = match self.config.devices.is_full() {
                true => format!("is one too many: at most {DEVICES_MAX}"),
                false => "is no device name: at most 15 characters, none of them a slash".into(),
            };
            self.report(Severity::Error, format!("INTERFACE: \"{name}\" {why}"));
        }
    }

    pub(super) fn networks(&mut self, value: &str) {
        for name in advanced::entries(value) {
            // As uci has it for the name of a section, which a network is.
            let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let why = match name.bytes().all(sound) {
                false => "is no name of a network: letters, digits and _".into(),
                true if self.config.networks.len() == DEVICES_MAX => {
                    format!("is one too many: at most {DEVICES_MAX}")
                }
                true => {
                    self.config.networks.push(name.to_owned());
                    continue;
                }
            };
            // Left out it could be the only one, and then the LAN would be watched as well.
            return self.report(Severity::Error, format!("NETWORK: \"{name}\" {why}"));
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
                Err(NotAPrefix::Address) => "is no address such as 192.0.2.7 or 2001:db8::/32",
                Err(NotAPrefix::Length) => "has no length that its address can have, such as /24",
            };
            self.mistake(format!("IGNORE: \"{entry}\" {why}; it is left out"));
        }
    }

    pub(super) fn count(&mut self, key: &str, value: &str) -> u32 {
        let (number, plain) = grammar::number(value);
        let count = u32::try_from(number.max(0)).unwrap_or(u32::MAX);
        if !plain || number < 0 {
            self.mistake(format!(
                "{key} \"{value}\" is no whole number from 0 on; it is read as {count}"
            ));
        }
        count
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
