//! One case: a configuration, an ignore file, and what is sent.

use super::draw::numbers;
use crate::lab::touch::Proto;
use std::fmt;
use std::net::IpAddr;

/// The one directory of a case, in a file system that each side has for itself: so both read the same
/// paths from the same configuration.
pub(super) const HOME: &str = "/run/compat";
/// Where 1.2 reads its configuration, for it knows no other place.
pub(super) const CONF: &str = "/etc/portsentry/portsentry.conf";
/// A path at which nothing is.
pub(super) const NOWHERE: &str = "/run/compat/nowhere";

/// The name that /etc/hosts of both has for the scanner.
pub(super) const NAME: &str = "scanner.example";

/// A mode of PortSentry 1.2.
pub(super) struct Mode {
    pub(super) flag: &'static str,
    /// `$MODE$`, and the suffix of the blocked file.
    pub(super) name: &'static str,
    pub(super) proto: Proto,
    pub(super) watch: Watch,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Watch {
    Connect,
    Stealth,
    Advanced,
}

const fn mode(flag: &'static str, name: &'static str, proto: Proto, watch: Watch) -> Mode {
    Mode {
        flag,
        name,
        proto,
        watch,
    }
}

/// The first so many have a list of ports.
pub(super) const LISTED: usize = 4;

pub(super) static MODES: [Mode; 6] = [
    mode("-tcp", "tcp", Proto::Tcp, Watch::Connect),
    mode("-udp", "udp", Proto::Udp, Watch::Connect),
    mode("-stcp", "stcp", Proto::Tcp, Watch::Stealth),
    mode("-sudp", "sudp", Proto::Udp, Watch::Stealth),
    mode("-atcp", "atcp", Proto::Tcp, Watch::Advanced),
    mode("-audp", "audp", Proto::Udp, Watch::Advanced),
];

impl Mode {
    /// TCP_PORTS and BLOCK_TCP, or UDP_PORTS and BLOCK_UDP.
    pub(super) fn keys(&self) -> [&'static str; 2] {
        match self.proto {
            Proto::Tcp => ["TCP_PORTS", "BLOCK_TCP"],
            Proto::Udp => ["UDP_PORTS", "BLOCK_UDP"],
        }
    }
}

/// Ports that an advanced mode may watch.
pub(super) const ADVANCED: [u16; 12] = [0, 1, 3, 11, 15, 21, 79, 111, 113, 143, 513, 1023];

/// One line of the configuration: a key, its value, and how the two are written.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// With KEY and VALUE in it.
    pub(super) form: &'static str,
}

#[derive(Clone)]
pub(super) struct Touch {
    pub(super) from: IpAddr,
    pub(super) source_port: u16,
    pub(super) port: u16,
    pub(super) how: How,
}

#[derive(Clone, PartialEq)]
pub(super) enum How {
    /// A TCP segment with these flags.
    Segment(&'static str),
    /// The same with IP options.
    Options(&'static str),
    /// A handshake and what belongs to it.
    Connection,
    /// A datagram of so many bytes.
    Datagram(usize),
}

pub(super) struct Case {
    pub(super) number: usize,
    pub(super) theme: &'static str,
    pub(super) mode: &'static Mode,
    /// The argument of 1.2, mostly that of the mode.
    pub(super) flag: &'static str,
    pub(super) keys: Vec<Key>,
    /// Lines that are no `Key`: remarks, sections, rubbish.
    pub(super) lines: Vec<&'static str>,
    pub(super) ignore: String,
    pub(super) touches: Vec<Touch>,
    /// What ours says when it has given up on a command that fails, and 1.2 never says.
    pub(super) last_word: Option<&'static str>,
    /// A port of the router on which a program listens.
    pub(super) service: Option<u16>,
}

impl Case {
    /// The value of a key, as both read it: the first line counts.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        Some(&key.value)
    }

    /// The mode's own BLOCK_TCP or BLOCK_UDP.
    pub(super) fn block(&self) -> i32 {
        let value = self.value(self.mode.keys()[1]).unwrap_or("0").trim();
        value.parse().unwrap_or(0)
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.unset(name);
        let value = value.into();
        self.keys.push(Key {
            name,
            value,
            form: FORMS[0],
        });
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.keys.retain(|key| key.name != name);
    }

    /// How many touches it takes.
    pub(super) fn trigger(&self) -> i32 {
        let value = self.value("SCAN_TRIGGER").unwrap_or("0").trim();
        value.parse().unwrap_or(0)
    }

    /// Ports worth touching.
    pub(super) fn traps(&self) -> Vec<u16> {
        let protocol = self.mode.proto;
        let extent = format!("ADVANCED_PORTS_{protocol}");
        let most = self.value(&extent).and_then(|most| most.parse().ok());
        // The kernel sends no datagram to port 0.
        let least = u16::from(protocol == Proto::Udp);
        let watched = |port: &u16| (least..most.unwrap_or(1024)).contains(port);
        match self.mode.watch {
            Watch::Advanced => ADVANCED.into_iter().filter(watched).collect(),
            Watch::Connect | Watch::Stealth => numbers(self.ports()),
        }
    }

    /// The mode's own list of ports.
    pub(super) fn ports(&self) -> &str {
        self.value(self.mode.keys()[0]).unwrap_or_default()
    }

    /// What ours says of a line of a file, the last that begins with `at`.
    pub(super) fn report(&self, path: &str, text: &str, at: &str, reason: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let number = lines.iter().rposition(|line| line.starts_with(at)).unwrap() + 1;
        format!("| adminalert: {path}:{number}: {reason}")
    }

    pub(super) fn conf(&self) -> String {
        let written = |key: &Key| {
            key.form
                .replace("KEY", key.name)
                .replace("VALUE", &key.value)
        };
        let mut lines: Vec<String> = self.keys.iter().map(written).collect();
        lines.extend(self.lines.iter().map(|line| (*line).to_owned()));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Ways to write a line that both programs understand in silence.
pub(super) const FORMS: [&str; 8] = [
    "KEY=\"VALUE\"",
    "KEY = \"VALUE\"",
    "KEY   =   \"VALUE\"",
    "KEY \"VALUE\"",
    "KEY=\"VALUE\" # the rest is a \"remark\"",
    "KEY=\"VALUE\"\r",
    "KEY is \"VALUE\"",
    "KEY=\"VALUE\" and the rest",
];

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (conf, ignore) = (self.conf(), &self.ignore);
        writeln!(
            f,
            "case {} ({}): {}",
            self.number, self.theme, self.mode.flag
        )?;
        writeln!(f, "--- {CONF}\n{conf}--- ignore\n{ignore}--- touches")?;
        for (at, touch) in self.touches.iter().enumerate() {
            let (from, source, port) = (touch.from, touch.source_port, touch.port);
            let how = match &touch.how {
                How::Segment(flags) => format!("segment \"{flags}\""),
                How::Options(flags) => format!("segment \"{flags}\" with IP options"),
                How::Connection => "connection".to_owned(),
                How::Datagram(bytes) => format!("datagram of {bytes} bytes"),
            };
            writeln!(f, "{at}: {from}:{source} to {port}: {how}")?;
        }
        Ok(())
    }
}
