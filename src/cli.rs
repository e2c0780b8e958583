//! The command line.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use crate::config::{Choice, Modes};
use crate::see::probe::{Mode, Protocol};
use crate::tell::request::Request;

/// Where the configuration is unless `-c` says otherwise; the path that Debian compiled into 1.2.
const CONFIG: &str = "/etc/portsentry/portsentry.conf";
const RUN_DIR: &str = "/var/run/portsentry";

/// How it is used, for `--help` and behind every mistake.
pub const USAGE: &str = include_str!("usage.txt");

/// What a daemon is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The configuration file.
    pub config: String,
    /// Where the lock and the control socket are.
    pub run_dir: String,
    /// Modes asked for.
    pub modes: Modes,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// `run`.
    Run(Settings),
    /// 1.2's flags and no verb.
    Background(Settings),
    /// `check`.
    Check {
        /// The configuration file.
        config: String,
    },
    /// `convert`.
    Convert {
        /// The configuration file.
        config: String,
    },
    /// `status`, `list`, `why`, `ban`, `unban`: somebody who runs is asked.
    Ask {
        /// Where they are found.
        run_dir: String,
        /// What they are asked, as it stands on the command line.
        request: String,
    },
    /// `--version`.
    Version,
    /// `--help`.
    Help,
}

/// Reads the arguments behind the program's name. An error is one line for the user.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut verb: Option<String> = None;
    let mut config: Option<String> = None;
    let mut run_dir = RUN_DIR.to_owned();
    let mut modes = Modes::default();
    let mut flags = Modes::default();
    let mut more = String::new();
    loop {
        if let Some((protocol, mode)) = classic_flag(&mut parser) {
            let asked = flags.of(protocol).replace(Choice::On(mode));
            if asked.is_some_and(|asked| asked != Choice::On(mode)) {
                return Err(format!("{protocol} can be watched in one mode only"));
            }
            continue;
        }
        let Some(argument) = parser.next().map_err(reason)? else {
            break;
        };
        use lexopt::Arg::{Long, Short, Value};
        match argument {
            Short('V') | Long("version") => return Ok(Command::Version),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('c') | Long("config") => config = Some(text(&mut parser)?),
            Long("run-dir") => run_dir = text(&mut parser)?,
            Long("tcp-mode") => modes.tcp = Some(mode(&mut parser, Protocol::Tcp)?),
            Long("udp-mode") => modes.udp = Some(mode(&mut parser, Protocol::Udp)?),
            Long(word @ ("json" | "force" | "all")) => add(&mut more, &format!("--{word}"))?,
            Long("for") => {
                let time = text(&mut parser)?;
                add(&mut more, "--for")?;
                add(&mut more, &time)?;
            }
            Value(word) if verb.is_none() => verb = Some(word.to_string_lossy().into_owned()),
            Value(path) if verb.as_deref() == Some("convert") && config.is_none() => {
                config = Some(utf8(path)?);
            }
            Value(word) => add(&mut more, &word.to_string_lossy())?,
            other => return Err(reason(other.unexpected())),
        }
    }
    let named = flags != Modes::default();
    let modes = combined(modes, flags);
    let settings = Settings {
        config: config.unwrap_or_else(|| CONFIG.to_owned()),
        run_dir,
        modes,
    };
    match verb {
        None if !more.is_empty() => Err(unexpected(&more)),
        None if named => Ok(Command::Background(settings)),
        None => Err("say what to do: run, check, status, or a mode such as -stcp".into()),
        Some(verb) => command(&verb, &more, settings),
    }
}

fn unexpected(more: &str) -> String {
    format!("unexpected argument \"{}\"", more.trim_start())
}

/// What a verb asks for. `more` are words that are a request's alone.
fn command(verb: &str, more: &str, settings: Settings) -> Result<Command, String> {
    let modes = settings.modes;
    match verb {
        word if Request::is_for_people(word) && modes == Modes::default() => {
            let request = format!("{word}{more}");
            let run_dir = settings.run_dir;
            Ok(Command::Ask { run_dir, request })
        }
        _ if !more.is_empty() => Err(unexpected(more)),
        "run" => Ok(Command::Run(settings)),
        word @ ("check" | "convert") if modes != Modes::default() => {
            Err(format!("{word} takes no mode"))
        }
        "check" => Ok(Command::Check {
            config: settings.config,
        }),
        "convert" => Ok(Command::Convert {
            config: settings.config,
        }),
        word if Request::is_for_people(word) => Err(format!("{word} takes no mode")),
        word => Err(format!("unknown command \"{word}\"")),
    }
}

/// One more word of a request: the daemon takes them apart at blanks.
fn add(more: &mut String, word: &str) -> Result<(), String> {
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("\"{word}\" is not understood"));
    }
    more.push(' ');
    more.push_str(word);
    Ok(())
}

/// lexopt's own words quote by `Debug`, which brings tables of Unicode into the program.
fn reason(error: lexopt::Error) -> String {
    use lexopt::Error::{MissingValue, UnexpectedOption, UnexpectedValue};
    match error {
        MissingValue { option } => {
            format!(
                "missing argument for option '{}'",
                option.unwrap_or_default()
            )
        }
        UnexpectedOption(option) => format!("invalid option '{option}'"),
        UnexpectedValue { option, .. } => format!("{option} takes no value"),
        _ => "these words cannot be understood".into(),
    }
}

/// 1.2's flags, looked at before lexopt takes `-stcp` for `-s -t -c p`.
fn classic_flag(parser: &mut lexopt::Parser) -> Option<(Protocol, Mode)> {
    let mut raw = parser.try_raw_args()?;
    let word = raw.peek()?.to_str()?.strip_prefix('-')?;
    let found = Mode::named(word)?;
    raw.next();
    Some(found)
}

/// 1.2 ran what was named and nothing else.
fn combined(modes: Modes, flags: Modes) -> Modes {
    if flags == Modes::default() {
        return modes;
    }
    Modes {
        tcp: flags.tcp.or(modes.tcp).or(Some(Choice::Off)),
        udp: flags.udp.or(modes.udp).or(Some(Choice::Off)),
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    utf8(parser.value().map_err(reason)?)
}

fn utf8(path: OsString) -> Result<String, String> {
    let path = path.into_string();
    path.map_err(|_| "a path that is no UTF-8 text".into())
}

fn mode(parser: &mut lexopt::Parser, protocol: Protocol) -> Result<Choice, String> {
    let word = text(parser)?;
    Choice::parse(&word, protocol)
        .ok_or_else(|| format!("unknown mode \"{word}\": stealth, connect, advanced or off"))
}
