//! What can be asked of a running daemon, in the words of the command line.

use core::fmt;

use crate::config::{Choice, Modes};
use crate::judge::hand::{Target, Wish};
use crate::net::{NotAPrefix, Prefix};
use crate::see::probe::Mode;
use crate::tell::sheet::Form;
use crate::time::parse_span;

/// A request. It is one line, and its first word says what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A second start: these modes as well, with this configuration file.
    Watch {
        /// Those that are `On` are asked for.
        modes: Modes,
        /// From the root.
        config: &'a str,
    },
    /// How it is.
    Status(Form),
    /// Who is banned.
    List(Form),
    /// What is known of a source.
    Why(Form, Target),
    /// Ban it.
    Ban(Form, Wish),
    /// End its ban, or all.
    Unban(Form, Option<Target>),
}

/// The first word of a request that people make.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Status,
    List,
    Why,
    Ban,
    Unban,
}

const VERBS: [(&str, Verb); 7] = [
    ("status", Verb::Status),
    ("list", Verb::List),
    ("why", Verb::Why),
    ("ban", Verb::Ban),
    ("block", Verb::Ban),
    ("unban", Verb::Unban),
    ("unblock", Verb::Unban),
];

fn verb(word: &str) -> Option<Verb> {
    let known = VERBS.iter().find(|(name, _)| *name == word);
    known.map(|(_, verb)| *verb)
}

impl<'a> Request<'a> {
    /// Whether this is the first word of a request that people make.
    pub fn is_for_people(word: &str) -> bool {
        verb(word).is_some()
    }

    /// Reads a line. An error is for whoever asked.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb(word) {
            Some(verb) => Words::parse(word, verb, rest)?.request(word, verb),
            None if word == "watch" => watch(rest).ok_or_else(|| format!("not understood: {line}")),
            None => Err(format!("unknown request \"{word}\"")),
        }
    }
}

/// What stands behind the first word.
#[derive(Default)]
struct Words<'a> {
    form: Form,
    whom: Option<Target>,
    time: Option<&'a str>,
    forced: bool,
    all: bool,
}

impl<'a> Words<'a> {
    fn parse(name: &str, verb: Verb, rest: &'a str) -> Result<Self, String> {
        let mut found = Self::default();
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            match (word, verb) {
                ("--json", _) => found.form = Form::Json,
                ("--force", Verb::Ban) => found.forced = true,
                ("--for", Verb::Ban) => found.time = Some(words.next().unwrap_or_default()),
                ("--all", Verb::Unban) => found.all = true,
                (_, Verb::Why | Verb::Ban | Verb::Unban)
                    if found.whom.is_none() && !word.starts_with('-') =>
                {
                    found.whom = Some(target(word)?);
                }
                _ => return Err(format!("{name}: \"{word}\" is not understood")),
            }
        }
        Ok(found)
    }

    fn request<'b>(self, name: &str, verb: Verb) -> Result<Request<'b>, String> {
        let Self {
            form, whom, forced, ..
        } = self;
        let missing = || format!("{name}: an address is missing");
        Ok(match (verb, whom) {
            (Verb::Status, _) => Request::Status(form),
            (Verb::List, _) => Request::List(form),
            (Verb::Why, whom) => Request::Why(form, whom.ok_or_else(missing)?),
            (Verb::Ban, whom) => {
                let whom = whom.ok_or_else(missing)?;
                let time = match self.time {
                    Some(text) => Some(parse_span(text).ok_or_else(|| no_span(text))?),
                    None => None,
                };
                Request::Ban(form, Wish { whom, time, forced })
            }
            (Verb::Unban, whom) if self.all == whom.is_some() => {
                return Err(format!("{name} takes an address, or --all"));
            }
            (Verb::Unban, whom) => Request::Unban(form, whom),
        })
    }
}

fn no_span(text: &str) -> String {
    format!("\"{text}\" is no time such as 90s, 10m, 12h, 7d, up to 365d, or 0 for ever")
}

fn target(word: &str) -> Result<Target, String> {
    match word.parse() {
        Ok(prefix) if word.contains('/') => Ok(Target::Network(prefix)),
        Ok(prefix) => Ok(Target::Address(Prefix::addr(&prefix))),
        Err(NotAPrefix::Address) => Err(format!(
            "\"{word}\" is no IPv4 or IPv6 address; names are not looked up"
        )),
        Err(NotAPrefix::Length) => Err(format!(
            "\"{word}\" has no length that its address can have, such as /24"
        )),
    }
}

/// `MODE[,MODE] FILE`; the name of a file may have blanks in it.
fn watch(rest: &str) -> Option<Request<'_>> {
    let (names, config) = rest.split_once(' ')?;
    let mut modes = Modes::default();
    for name in names.split(',') {
        let (protocol, mode) = Mode::named(name)?;
        *modes.of(protocol) = Some(Choice::On(mode));
    }
    (!config.is_empty()).then_some(Request::Watch { modes, config })
}

/// The line of a second start, newline included.
pub struct WatchLine<'a>(pub Modes, pub &'a str);

impl fmt::Display for WatchLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(modes, config) = self;
        let mut before = "watch ";
        for (protocol, mode) in modes.named() {
            write!(f, "{before}{}", mode.name(protocol))?;
            before = ",";
        }
        writeln!(f, " {config}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const STEALTH: Option<Choice> = Some(Choice::On(Mode::Stealth));
    const CONNECT: Option<Choice> = Some(Choice::On(Mode::Connect));

    #[track_caller]
    fn check_watch(line: &str, tcp: Option<Choice>, udp: Option<Choice>, config: &str) {
        let modes = Modes { tcp, udp };
        assert_eq!(Request::parse(line), Ok(Request::Watch { modes, config }));
        assert_eq!(WatchLine(modes, config).to_string(), format!("{line}\n"));
    }

    #[test]
    fn a_second_start_is_read_as_it_is_written() {
        check_watch("watch stcp /a", STEALTH, None, "/a");
        check_watch("watch udp /a b", None, CONNECT, "/a b");
        check_watch("watch tcp,sudp /a", CONNECT, STEALTH, "/a");
    }

    #[test]
    fn what_people_ask_is_read() {
        let network = |text: &str| Target::Network(text.parse().unwrap());
        let address = |text: &str| Target::Address(text.parse().unwrap());
        let hour = Some(Duration::from_secs(3600));
        let wish = |whom, time, forced| Wish { whom, time, forced };
        let (seven, wide) = (address("192.0.2.7"), network("192.0.2.0/24"));
        let (text, json) = (Form::Text, Form::Json);
        for (line, request) in [
            ("status", Request::Status(text)),
            ("list --json", Request::List(json)),
            ("why ::ffff:192.0.2.7", Request::Why(text, seven)),
            ("why --json 192.0.2.7/24", Request::Why(json, wide)),
            (
                "ban 192.0.2.7",
                Request::Ban(text, wish(seven, None, false)),
            ),
            (
                "block --for 1h --force 192.0.2.77/24",
                Request::Ban(text, wish(wide, hour, true)),
            ),
            (
                "ban 192.0.2.7 --for 0 --json",
                Request::Ban(json, wish(seven, Some(Duration::ZERO), false)),
            ),
            ("unban 192.0.2.7", Request::Unban(text, Some(seven))),
            ("unblock --all", Request::Unban(text, None)),
        ] {
            assert_eq!(Request::parse(line), Ok(request), "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_named() {
        for (line, reason) in [
            ("", "unknown request \"\""),
            ("walk", "unknown request \"walk\""),
            ("watch", "not understood: watch"),
            ("watch tcp", "not understood: watch tcp"),
            ("watch tcp ", "not understood: watch tcp "),
            ("watch xtcp /a", "not understood: watch xtcp /a"),
            ("watch , /a", "not understood: watch , /a"),
            ("status --all", "status: \"--all\" is not understood"),
            ("list 192.0.2.7", "list: \"192.0.2.7\" is not understood"),
            ("why", "why: an address is missing"),
            ("why --for 1h 192.0.2.7", "why: \"--for\" is not understood"),
            ("ban --for 1h", "ban: an address is missing"),
            (
                "ban 192.0.2.7 192.0.2.8",
                "ban: \"192.0.2.8\" is not understood",
            ),
            ("ban 192.0.2.7 --for", "\"\" is no time such as"),
            ("ban 192.0.2.7 --for 1w", "\"1w\" is no time such as"),
            ("ban 192.0.2.7 --for 366d", "\"366d\" is no time such as"),
            ("ban 192.0.2.7 --for 99999999999999999999s", "is no time"),
            (
                "ban router.lan",
                "\"router.lan\" is no IPv4 or IPv6 address",
            ),
            ("ban 192.0.2", "\"192.0.2\" is no IPv4"),
            ("ban fe80::1%eth0", "\"fe80::1%eth0\" is no IPv4"),
            ("ban 192.0.2.7/33", "\"192.0.2.7/33\" has no length"),
            ("ban 2001:db8::/129", "\"2001:db8::/129\" has no length"),
            ("unban", "unban takes an address, or --all"),
            ("unban --all 192.0.2.7", "unban takes an address, or --all"),
        ] {
            let found = Request::parse(line).unwrap_err();
            assert!(found.contains(reason), "{line}: {found}");
        }
    }
}
