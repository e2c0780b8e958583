//! Which modes are asked for, on the command line or by keys.

use crate::see::probe::{Mode, Protocol};

/// A mode asked for on the command line or by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Do not watch.
    Off,
    /// Watch like this.
    On(Mode),
}

impl Choice {
    /// `connect`, `stealth`, `advanced`, `off`, or 1.2's name of the mode for this protocol.
    pub fn parse(text: &str, protocol: Protocol) -> Option<Self> {
        if matches!(text, "off" | "") {
            return Some(Self::Off);
        }
        if let Some(mode) = Mode::ALL.into_iter().find(|mode| mode.word() == text) {
            return Some(Self::On(mode));
        }
        let named = Mode::named(text).filter(|(of, _)| *of == protocol);
        named.map(|(_, mode)| Self::On(mode))
    }
}

/// The modes that the command line asks for; None: as the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// For TCP.
    pub tcp: Option<Choice>,
    /// For UDP.
    pub udp: Option<Choice>,
}

impl Modes {
    /// What is asked for one protocol.
    pub fn of(&mut self, protocol: Protocol) -> &mut Option<Choice> {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        }
    }

    /// Those that are asked for by name: neither off nor left to the file.
    pub fn named(self) -> impl Iterator<Item = (Protocol, Mode)> {
        let both = [(Protocol::Tcp, self.tcp), (Protocol::Udp, self.udp)];
        both.into_iter()
            .filter_map(|(protocol, choice)| match choice {
                Some(Choice::On(mode)) => Some((protocol, mode)),
                _ => None,
            })
    }
}
