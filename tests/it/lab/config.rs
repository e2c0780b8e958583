//! A portsentry.conf for a test: a few defaults, and what the test says.

use super::touch::Proto;
use std::collections::BTreeMap;
use std::path::Path;

/// The traps of every test that does not say otherwise: 1.2's "just aware" list in small, with a range.
pub(crate) const TCP_PORTS: &str = "1,11,15,79,111,512-515,1524,31337,54320";
pub(crate) const TCP_TRAPS: [u16; 12] =
    [1, 11, 15, 79, 111, 512, 513, 514, 515, 1524, 31337, 54320];
pub(crate) const UDP_PORTS: &str = "7,69,161,513,700,32771,54321";
pub(crate) const UDP_TRAPS: [u16; 7] = [7, 69, 161, 513, 700, 32771, 54321];

/// Traps beside those for the lab's own control probes, so that no scan of a test touches them.
pub(crate) const CONTROL: u16 = 61000;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Mode {
    Connect,
    Stealth,
    Advanced,
}

impl Mode {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Mode::Connect => "connect",
            Mode::Stealth => "stealth",
            Mode::Advanced => "advanced",
        }
    }
}

#[derive(Clone)]
pub(crate) struct Config {
    /// What stands behind `run` on the command line.
    pub(crate) arguments: &'static [&'static str],
    /// Words that stand before the program: another one, which becomes it.
    pub(crate) before: Vec<String>,
    /// What whoever starts it has set.
    pub(crate) umask: &'static str,
    /// What stands behind the keys in UCI, if it shall be UCI.
    uci: Option<&'static str>,
    keys: BTreeMap<&'static str, String>,
    /// A text that is there already, instead of all that.
    whole: Option<String>,
}

impl Config {
    /// Blocking off, nobody ignored, the first touch counts.
    pub(crate) fn new(mode: Mode) -> Config {
        let control = Config::control();
        Config {
            arguments: &[],
            before: Vec::new(),
            umask: "022",
            uci: None,
            keys: BTreeMap::new(),
            whole: None,
        }
        .with("TCP_PORTS", &format!("{TCP_PORTS},{control}"))
        .with("UDP_PORTS", &format!("{UDP_PORTS},{control}"))
        .with("TCP_MODE", mode.word())
        .with("UDP_MODE", mode.word())
        .with("BLOCK_TCP", "0")
        .with("BLOCK_UDP", "0")
        .with("SCAN_TRIGGER", "0")
        .with("RESOLVE_HOST", "0")
    }

    /// The range of the lab's own control probes, in every list of traps.
    pub(crate) fn control() -> String {
        format!("{CONTROL}-{}", CONTROL + 9)
    }

    /// The same with blocking on.
    pub(crate) fn blocking(mode: Mode) -> Config {
        Config::new(mode)
            .with("BLOCK_TCP", "1")
            .with("BLOCK_UDP", "1")
    }

    pub(crate) fn with(mut self, key: &'static str, value: &str) -> Config {
        self.keys.insert(key, value.to_owned());
        self
    }

    pub(crate) fn without(mut self, key: &'static str) -> Config {
        self.keys.remove(key);
        self
    }

    pub(crate) fn started_with_umask(mut self, umask: &'static str) -> Config {
        self.umask = umask;
        self
    }

    pub(crate) fn started_by(mut self, before: Vec<String>) -> Config {
        self.before = before;
        self
    }

    pub(crate) fn run_with(mut self, arguments: &'static [&'static str]) -> Config {
        self.arguments = arguments;
        self
    }

    /// The same in UCI, with more lines.
    pub(crate) fn in_uci(mut self, more: &'static str) -> Config {
        self.uci = Some(more);
        self
    }

    /// A file as somebody else has written it.
    pub(crate) fn whole(text: &str) -> Config {
        let whole = Some(text.to_owned());
        let of_lab = Config::new(Mode::Stealth);
        Config { whole, ..of_lab }
    }

    /// Changes a few words of such a file.
    #[track_caller]
    pub(crate) fn edit(mut self, words: &str, others: &str) -> Config {
        let text = self.whole.expect("a whole file");
        assert!(text.contains(words), "{words}\n{text}");
        self.whole = Some(text.replace(words, others));
        self
    }

    /// The traps that the lab's own control probes touch: with the last of them a source is reported.
    pub(crate) fn control_traps(&self, proto: Proto) -> Vec<u16> {
        match (&self.whole, proto) {
            (Some(_), Proto::Tcp) => vec![993, 995],
            (Some(_), Proto::Udp) => vec![161, 389],
            (None, _) => (CONTROL..CONTROL + self.trigger()).collect(),
        }
    }

    /// How many touches of a source are reported with the last of them.
    pub(crate) fn trigger(&self) -> u16 {
        let trigger = self.keys.get("SCAN_TRIGGER");
        trigger
            .and_then(|trigger| trigger.parse().ok())
            .map_or(1, |trigger: u16| trigger.max(1))
    }

    /// The file's text; the daemon's own files live in `home`.
    pub(crate) fn text(&self, home: &Path) -> String {
        if let Some(text) = &self.whole {
            return text.clone();
        }
        let home = home.display();
        let mut text = String::from("# Made for one test.\n");
        for (key, name) in [
            ("IGNORE_FILE", "ignore"),
            ("HISTORY_FILE", "history"),
            ("BLOCKED_FILE", "blocked"),
        ] {
            if !self.keys.contains_key(key) {
                text.push_str(&format!("{key}=\"{home}/{name}\"\n"));
            }
        }
        for (key, value) in &self.keys {
            text.push_str(&format!("{key}=\"{value}\"\n"));
        }
        match self.uci {
            Some(more) => portsentry::config::to_uci(text.as_bytes()).0 + more,
            None => text,
        }
    }
}
