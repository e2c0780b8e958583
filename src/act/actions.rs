//! The owner's actions: KILL_HOSTS_DENY, KILL_ROUTE, KILL_RUN_CMD, in 1.2's order, once per ban.

use core::fmt::{self, Write};

use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::bans::Bans;
use crate::limits::COMMAND_MAX;
use crate::net::Prefix;
use crate::time::Instant;

/// A command or a line with everything put in.
pub type Command = heapless::String<COMMAND_MAX>;

/// The configured actions; None where an option is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// KILL_HOSTS_DENY.
    pub deny: Option<String>,
    /// KILL_ROUTE.
    pub route: Option<String>,
    /// KILL_RUN_CMD.
    pub run: Option<String>,
    /// KILL_RUN_CMD_FIRST.
    pub run_first: bool,
    /// UNBLOCK_CMD.
    pub unblock: Option<String>,
}

impl Actions {
    /// The step behind `step`.
    pub fn next(&self, step: Step, stop: Stop) -> Step {
        let run = self.run.is_some();
        if stop == Stop::Nothing {
            return match step {
                Step::Confirm if run => Step::Run,
                _ => Step::Done,
            };
        }
        match step {
            Step::Confirm if run && self.run_first => Step::RunFirst,
            Step::Confirm | Step::RunFirst if self.deny.is_some() => Step::Deny,
            Step::Confirm | Step::RunFirst | Step::Deny => Step::Stop,
            Step::Stop if run && !self.run_first => Step::Run,
            Step::Stop | Step::Run | Step::Done => Step::Done,
        }
    }

    /// The text of a step; None where it has none, as for the firewall's.
    fn template(&self, step: Step, stop: Stop) -> Option<&str> {
        match step {
            Step::RunFirst | Step::Run => self.run.as_deref(),
            Step::Deny => self.deny.as_deref(),
            Step::Stop if stop == Stop::Route => self.route.as_deref(),
            Step::Stop | Step::Confirm | Step::Done => None,
        }
    }
}

/// The ban whose turn it is to be written into hosts.deny, which needs no child and waits for none.
pub fn due_line(bans: &Bans) -> Option<Prefix> {
    let waiting = waiting(bans).filter(|(_, ban)| ban.wanted && ban.step == Step::Deny);
    oldest(waiting)
}

/// The ban whose turn it is to have one of the owner's commands run and that is not resting: what stops packets
/// goes before what lets them pass again, and that before what only tells somebody.
pub fn due_command(bans: &Bans, now: Instant) -> Option<Prefix> {
    let due = |which: fn(&Ban) -> bool| {
        let waiting = waiting(bans).filter(|(_, ban)| ban.rest_until <= now);
        oldest(waiting.filter(|(_, ban)| which(ban)))
    };
    let stops = |ban: &Ban| ban.wanted && matches!(ban.step, Step::RunFirst | Step::Stop);
    due(stops)
        .or_else(|| due(|ban| !ban.wanted))
        .or_else(|| due(|ban| ban.step == Step::Run))
}

/// When a resting action is due again.
pub fn due_at(bans: &Bans) -> Option<Instant> {
    waiting(bans).map(|(_, ban)| ban.rest_until).min()
}

fn oldest<'a>(bans: impl Iterator<Item = (&'a Prefix, &'a Ban)>) -> Option<Prefix> {
    bans.min_by_key(|(_, ban)| ban.since)
        .map(|(source, _)| *source)
}

/// Bans with a step that is the owner's; of those on their way out those that UNBLOCK_CMD is due for.
fn waiting(bans: &Bans) -> impl Iterator<Item = (&Prefix, &Ban)> {
    bans.stirred().filter(|(_, ban)| {
        let by_us = ban.step == Step::Stop && ban.stop == Stop::Firewall;
        match ban.wanted {
            true => !matches!(ban.step, Step::Done | Step::Confirm) && !by_us,
            false => ban.ran,
        }
    })
}

/// Why a step has no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCommand {
    /// Its option is not set, any more.
    NotSet,
    /// It became longer than [`COMMAND_MAX`] with this put in.
    TooLong(&'static str),
}

/// The command of a step for a ban; for one on its way out that which undoes them.
pub fn command(actions: &Actions, step: Step, ban: &Ban) -> Result<Command, NoCommand> {
    let template = match ban.wanted {
        true => actions.template(step, ban.stop),
        false => actions.unblock.as_deref(),
    };
    let template = template.ok_or(NoCommand::NotSet)?;
    let ip = ban.probe.source;
    match step {
        // hosts_access(5) wants brackets around an IPv6 address.
        Step::Deny if ip.is_ipv6() && ban.wanted => expand(template, format_args!("[{ip}]"), ban),
        _ => expand(template, format_args!("{ip}"), ban),
    }
}

const TARGET: &str = "$TARGET$";
const PORT: &str = "$PORT$";
const MODE: &str = "$MODE$";

/// Puts the source's address, the port and the mode in. What comes from the network enters a command only
/// here, and only as an address that we formatted and a number.
fn expand(template: &str, target: fmt::Arguments<'_>, ban: &Ban) -> Result<Command, NoCommand> {
    let mut out = Command::new();
    let mut rest = template;
    let mut token = TARGET;
    while !rest.is_empty() {
        let put_in = if let Some(tail) = rest.strip_prefix(TARGET) {
            (token, rest) = (TARGET, tail);
            out.write_fmt(target)
        } else if let Some(tail) = rest.strip_prefix(PORT) {
            (token, rest) = (PORT, tail);
            write!(out, "{}", ban.probe.port)
        } else if let Some(tail) = rest.strip_prefix(MODE) {
            (token, rest) = (MODE, tail);
            out.write_str(ban.mode.name(ban.probe.protocol))
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
    use crate::see::probe::{Kind, Mode, Probe, Protocol};

    fn steps(deny: bool, run: bool, run_first: bool, stop: Stop) -> Vec<Step> {
        let text = |set: bool| set.then(|| "x".to_owned());
        let actions = Actions {
            deny: text(deny),
            route: None,
            run: text(run),
            run_first,
            unblock: None,
        };
        let mut steps = vec![Step::Confirm];
        while *steps.last().unwrap() != Step::Done {
            steps.push(actions.next(*steps.last().unwrap(), stop));
        }
        steps
    }

    #[test]
    fn actions_come_in_the_order_of_1_2() {
        use Step::{Confirm, Deny, Done, Run, RunFirst, Stop as Halt};
        for stop in [Stop::Firewall, Stop::Route] {
            assert_eq!(
                steps(true, true, false, stop),
                [Confirm, Deny, Halt, Run, Done]
            );
            assert_eq!(
                steps(true, true, true, stop),
                [Confirm, RunFirst, Deny, Halt, Done]
            );
            assert_eq!(
                steps(false, true, true, stop),
                [Confirm, RunFirst, Halt, Done]
            );
            assert_eq!(steps(false, false, true, stop), [Confirm, Halt, Done]);
        }
        for run_first in [true, false] {
            assert_eq!(
                steps(true, true, run_first, Stop::Nothing),
                [Confirm, Run, Done]
            );
        }
        assert_eq!(steps(true, false, false, Stop::Nothing), [Confirm, Done]);
    }

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
        let command = command(&actions, step, &ban);
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

    /// Bans from the oldest on, each wanted or on its way out, with its next step; whose turn it is.
    #[track_caller]
    fn check_turns(waiting: &[(bool, Step)], line: Option<u8>, command: Option<u8>) {
        let source = |n: u8| Prefix::host([192, 0, 2, n].into());
        let mut bans = Bans::new((1, 2));
        for (n, &(wanted, step)) in (1_u8..).zip(waiting) {
            let now = Instant::from_millis(1000 * u64::from(n));
            let ban = Ban::by_hand(now, source(n).addr());
            let ban = Ban {
                wanted,
                step,
                stop: Stop::Route,
                ran: true,
                ..ban
            };
            assert!(bans.insert(source(n), ban));
        }
        let now = Instant::from_millis(60_000);
        assert_eq!(due_line(&bans), line.map(source), "line: {waiting:?}");
        assert_eq!(due_command(&bans, now), command.map(source), "{waiting:?}");
    }

    #[test]
    fn what_stops_packets_goes_first_and_of_several_the_oldest() {
        use Step::{Deny, Done, Run, RunFirst, Stop as Halt};
        check_turns(&[(true, Done), (false, Done)], None, Some(2));
        check_turns(&[(true, Run), (false, Halt), (true, Halt)], None, Some(3));
        check_turns(
            &[(true, Run), (false, Deny), (true, RunFirst)],
            None,
            Some(3),
        );
        check_turns(&[(true, Run), (false, Deny)], None, Some(2));
        check_turns(&[(true, Done), (true, Run), (true, Run)], None, Some(2));
        check_turns(
            &[(true, Halt), (false, Deny), (true, Deny)],
            Some(3),
            Some(1),
        );
        check_turns(&[(true, Deny), (true, Run)], Some(1), Some(2));
    }
}
