//! The text of one of the owner's actions, with the source's address, the port and the mode put in.

use core::fmt::{self, Write};

use crate::act::actions::Actions;
use crate::judge::ban::{Ban, Given, Step};
use crate::limits::COMMAND_MAX;

/// A command or a line with everything put in.
pub type Command = heapless::String<COMMAND_MAX>;

/// Why a step has no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCommand {
    /// Its option is not set, any more.
    NotSet,
    /// It became longer than [`COMMAND_MAX`] with this put in.
    TooLong(&'static str),
}

/// What a command of the owner's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A step of a ban.
    Step(Step),
    /// UNBLOCK_CMD, for one that ended.
    Undo,
}

impl Deed {
    /// The next for a ban whose turn it is.
    pub fn next(ban: &Ban) -> Self {
        match ban.is_due_undone() {
            true => Self::Undo,
            false => Self::Step(ban.step),
        }
    }
}

/// The command of a deed for a ban.
pub fn command(actions: &Actions, deed: Deed, ban: &Ban) -> Result<Command, NoCommand> {
    let template = match deed {
        Deed::Step(step) => actions.template(step, ban.stop),
        Deed::Undo => actions.unblock.as_deref(),
    };
    let template = template.ok_or(NoCommand::NotSet)?;
    let given = given(deed, ban);
    let ip = given.source;
    match deed {
        // hosts_access(5) wants brackets around an IPv6 address.
        Deed::Step(Step::Deny) if ip.is_ipv6() => expand(template, format_args!("[{ip}]"), &given),
        _ => expand(template, format_args!("{ip}"), &given),
    }
}

/// What the command of a deed is given.
pub fn given(deed: Deed, ban: &Ban) -> Given {
    match deed {
        Deed::Step(_) => ban.given(),
        Deed::Undo => ban.given_to_undo(),
    }
}

const TARGET: &str = "$TARGET$";
const PORT: &str = "$PORT$";
const MODE: &str = "$MODE$";

/// Puts the source's address, the port and the mode in. What comes from the network enters a command only
/// here, and only as an address that we formatted and a number.
fn expand(template: &str, target: fmt::Arguments<'_>, given: &Given) -> Result<Command, NoCommand> {
    let mut out = Command::new();
    let mut rest = template;
    let mut token = TARGET;
    while !rest.is_empty() {
        let put_in = if let Some(tail) = rest.strip_prefix(TARGET) {
            (token, rest) = (TARGET, tail);
            out.write_fmt(target)
        } else if let Some(tail) = rest.strip_prefix(PORT) {
            (token, rest) = (PORT, tail);
            write!(out, "{}", given.port)
        } else if let Some(tail) = rest.strip_prefix(MODE) {
            (token, rest) = (MODE, tail);
            out.write_str(given.mode.name(given.protocol))
        } else {
            // Up to the next dollar sign, and one that begins no token is text.
            let end = rest.bytes().skip(1).position(|byte| byte == b'$');
            let (text, tail) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            rest = tail;
            out.write_str(text)
        };
        put_in.map_err(|_| NoCommand::TooLong(token))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::ban::Stop;
    use crate::see::probe::{Kind, Mode, Probe, Protocol};
    use crate::time::Instant;

    #[track_caller]
    fn check(step: Step, template: &str, source: &str, expected: Option<&str>) {
        let probe = Probe {
            source: source.parse().unwrap(),
            destination: "2001:db8::2".parse().unwrap(),
            source_port: 1,
            port: 111,
            protocol: Protocol::Udp,
            kind: Kind::Udp,
            options: false,
        };
        let text = Some(template.to_owned());
        let actions = Actions {
            deny: text.clone(),
            route: text.clone(),
            run: text,
            run_first: false,
            unblock: None,
        };
        let ban = Ban::new(Instant::default(), probe, Mode::Stealth, Stop::Route, 1);
        let command = command(&actions, Deed::Step(step), &ban);
        let found = command.as_ref().map(|command| command.as_str());
        let expected = expected.ok_or(&NoCommand::TooLong(PORT));
        assert_eq!(found, expected, "{template}");
    }

    #[test]
    fn placeholders_are_put_in_everywhere_and_never_twice() {
        for (template, expected) in [
            (
                "$TARGET$ $PORT$ $MODE$ $TARGET$",
                "192.0.2.7 111 sudp 192.0.2.7",
            ),
            ("echo $HOME $$ $TARGET $PORT$", "echo $HOME $$ $TARGET 111"),
            ("$", "$"),
            ("", ""),
            ("$PORT$PORT$", "111PORT$"),
        ] {
            check(Step::Stop, template, "192.0.2.7", Some(expected));
        }
        let long = format!("$TARGET$ $PORT$ {}", "x".repeat(COMMAND_MAX));
        check(Step::Run, &long, "192.0.2.7", None);
    }

    #[test]
    fn an_ipv6_address_is_written_as_its_reader_wants_it() {
        let (deny, run) = ("ALL: $TARGET$ : DENY", "log $TARGET$");
        let six = Some("ALL: [2001:db8::1] : DENY");
        check(Step::Deny, deny, "2001:db8::1", six);
        check(Step::Deny, deny, "192.0.2.7", Some("ALL: 192.0.2.7 : DENY"));
        check(Step::Run, run, "2001:db8::1", Some("log 2001:db8::1"));
    }
}
