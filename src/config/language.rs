//! The two languages of the configuration: told apart by what a file holds, not by how it is called.

use crate::config::uci::Keyword;
use crate::config::words::keys;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `portsentry.conf`: PortSentry's `KEY="value"`.
    Classic,
    /// UCI, as in OpenWrt's /etc/config: `option key 'value'`.
    Uci,
}

/// An editor of Windows may put it first; libuci refuses it, and shall be the one that does.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Language {
    /// The language of a text: the first line that can only be of one of them tells. Where none does, as in an
    /// empty file, it is the older one.
    pub fn of(text: &[u8]) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut lines = text.split(|byte| *byte == b'\n');
        lines.find_map(Self::of_line).unwrap_or(Self::Classic)
    }

    fn of_line(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii();
        let end = line
            .iter()
            .position(|byte| !byte.is_ascii_alphabetic() && *byte != b'_');
        let (word, rest) = line.split_at(end.unwrap_or(line.len()));
        let ends = matches!(rest, [] | [b' ' | b'\t', ..]);
        // `Config` is a mistake in UCI, and nothing at all in the other.
        if ends && Keyword::of(&word.to_ascii_lowercase()) != Keyword::Unknown {
            return Some(Self::Uci);
        }
        let is_key = word.len() > 1 && !word.iter().any(u8::is_ascii_lowercase);
        (is_key && matches!(rest, [b'=' | b' ' | b'\t', ..])).then_some(Self::Classic)
    }

    /// What a key, in capitals, is called.
    pub fn name(self, key: &str) -> String {
        match (self, key) {
            (Self::Classic, _) => key.to_owned(),
            // An interface of OpenWrt is a logical network.
            (Self::Uci, "INTERFACE") => "device".to_owned(),
            (Self::Uci, _) => key.to_ascii_lowercase(),
        }
    }

    /// A message in which keys stand in capitals, with the names that they have. What is quoted is the owner's.
    pub fn told(self, message: &str) -> String {
        if self == Self::Classic {
            return message.to_owned();
        }
        let (mut told, mut word, mut quoted) = (String::new(), String::new(), false);
        // Behind the last word something must follow, and goes again.
        for character in message.chars().chain(['.']) {
            if character.is_ascii_uppercase() || character == '_' {
                word.push(character);
                continue;
            }
            match !quoted && keys(self).contains(&word.as_str()) {
                true => told.push_str(&self.name(&word)),
                false => told.push_str(&word),
            }
            word.clear();
            told.push(character);
            quoted ^= character == '"';
        }
        told.pop();
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_lines() {
        use Language::{Classic, Uci};
        for (text, language) in [
            ("", Classic),
            ("\n\n", Classic),
            ("# config portsentry 'main'\n", Classic),
            ("# a\r\n\r\nconfig portsentry 'main'\r\n", Uci),
            ("\u{feff}config portsentry 'main'\n", Uci),
            ("\u{feff}TCP_PORTS=\"1\"\n", Classic),
            ("config\n", Uci),
            ("\tconfig\tportsentry\tmain", Uci),
            ("Config portsentry 'main'", Uci),
            ("c portsentry main", Uci),
            ("option tcp_ports '1'\n", Uci),
            ("package portsentry\n", Uci),
            ("foo\nconfig portsentry 'main'\n", Uci),
            ("TCP_PORTS=\"1\"\nconfig portsentry 'main'\n", Classic),
            ("config portsentry 'main'\nTCP_PORTS=\"1\"\n", Uci),
            (" TCP_PORTS \"1\"\nconfig x", Classic),
            ("tcp_ports=\"1\"\n", Classic),
            ("configuration\n", Classic),
            ("\0\u{7f}ELF\nx\n", Classic),
        ] {
            assert_eq!(Language::of(text.as_bytes()), language, "{text:?}");
        }
    }

    #[test]
    fn keys_are_told_by_their_names_and_what_is_quoted_stays() {
        for (message, in_uci) in [
            (
                "BLOCK_TIME \"BLOCK_TIME\" is no time",
                "block_time \"BLOCK_TIME\" is no time",
            ),
            ("set TCP_PORTS or UDP_PORTS", "set tcp_ports or udp_ports"),
            ("INTERFACE: \"x\" is none", "device: \"x\" is none"),
            (
                "TCP: from ADVANCED_PORTS_TCP.",
                "TCP: from advanced_ports_tcp.",
            ),
            ("XWINDOW, WINDOWX, \u{e9}", "XWINDOW, WINDOWX, \u{e9}"),
            ("", ""),
        ] {
            assert_eq!(Language::Uci.told(message), in_uci);
            assert_eq!(Language::Classic.told(message), message);
        }
    }
}
