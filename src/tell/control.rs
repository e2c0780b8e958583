//! What is asked over the control socket, and what is answered. A request is one line, its first word says what
//! is wanted; the last line of an answer is the exit status for whoever asked, the rest is for people.

use core::fmt;

use crate::config::{Choice, Modes};
use crate::see::probe::Mode;

/// How the last line of an answer begins.
const END: &str = "status ";

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A second start: these modes as well, with this configuration file.
    Watch {
        /// Those that are `On` are asked for.
        modes: Modes,
        /// From the root.
        config: &'a str,
    },
}

impl<'a> Request<'a> {
    /// Reads a line. An error is for whoever asked.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "watch" => watch(rest).ok_or_else(|| format!("not understood: {line}")),
            _ => Err(format!("unknown request \"{word}\"")),
        }
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

/// The line, newline included.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Watch { modes, config } = self;
        let mut before = "watch ";
        for (protocol, mode) in modes.named() {
            write!(f, "{before}{}", mode.name(protocol))?;
            before = ",";
        }
        writeln!(f, " {config}")
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The exit status of whoever asked.
    pub status: u8,
    /// For the owner, in lines.
    pub text: String,
}

impl Answer {
    /// It is so, or was done.
    pub fn yes(text: String) -> Self {
        Self { status: 0, text }
    }

    /// It was not done, and why.
    pub fn no(reason: String) -> Self {
        Self {
            status: 1,
            text: reason,
        }
    }

    /// Reads an answer; None if its end is missing.
    pub fn parse(whole: &str) -> Option<Self> {
        let (text, status) = whole.strip_suffix('\n')?.rsplit_once('\n')?;
        Some(Self {
            status: status.strip_prefix(END)?.parse().ok()?,
            text: text.to_owned(),
        })
    }
}

/// As it is sent.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{END}{}", self.text, self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEALTH: Option<Choice> = Some(Choice::On(Mode::Stealth));
    const CONNECT: Option<Choice> = Some(Choice::On(Mode::Connect));

    #[track_caller]
    fn check(line: &str, tcp: Option<Choice>, udp: Option<Choice>, config: &str) {
        let modes = Modes { tcp, udp };
        let request = Request::Watch { modes, config };
        assert_eq!(Request::parse(line), Ok(request.clone()));
        assert_eq!(request.to_string(), format!("{line}\n"));
    }

    #[test]
    fn a_request_is_read_as_it_is_written() {
        check("watch stcp /a", STEALTH, None, "/a");
        check("watch udp /a b", None, CONNECT, "/a b");
        check("watch tcp,sudp /a", CONNECT, STEALTH, "/a");
    }

    #[test]
    fn what_is_no_request_is_named() {
        for line in [
            "",
            "walk",
            "watch",
            "watch tcp",
            "watch tcp ",
            "watch xtcp /a",
            "watch , /a",
        ] {
            assert!(Request::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_answer_without_its_end_is_none() {
        let answer = Answer::no("two\nlines".into());
        let sent = answer.to_string();
        assert_eq!(Answer::parse(&sent), Some(answer));
        for cut in 0..sent.len() {
            assert_eq!(Answer::parse(&sent[..cut]), None, "{:?}", &sent[..cut]);
        }
        assert_eq!(
            Answer::parse(&Answer::yes(String::new()).to_string()),
            Some(Answer::yes(String::new()))
        );
    }
}
