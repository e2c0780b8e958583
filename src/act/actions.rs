//! The owner's actions: KILL_HOSTS_DENY, KILL_ROUTE, KILL_RUN_CMD, in 1.2's order, once per ban.

use crate::judge::ban::{Ban, Step, Stop};
use crate::judge::bans::Bans;
use crate::net::Prefix;
use crate::time::Instant;

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
    /// The keys of those that are set: what they start is the owner's.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("KILL_ROUTE", &self.route),
            ("KILL_HOSTS_DENY", &self.deny),
            ("KILL_RUN_CMD", &self.run),
        ];
        keys.into_iter()
            .filter_map(|(key, text)| text.is_some().then_some(key))
    }

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
    pub(super) fn template(&self, step: Step, stop: Stop) -> Option<&str> {
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
    let stops = |ban: &Ban| !ban.is_due_undone() && matches!(ban.step, Step::RunFirst | Step::Stop);
    due(stops)
        .or_else(|| due(Ban::is_due_undone))
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
        let step = ban.wanted && !matches!(ban.step, Step::Done | Step::Confirm);
        ban.is_due_undone() || (step && !by_us)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// UNBLOCK_CMD alone starts nothing.
    #[test]
    fn the_keys_that_are_set_are_named() {
        let some = Some("x $TARGET$".to_owned());
        let (deny, route, run) = (some.clone(), some.clone(), some.clone());
        let mut actions = Actions {
            unblock: some,
            ..Actions::default()
        };
        assert_eq!(actions.keys().next(), None);
        actions.deny = deny;
        assert_eq!(actions.keys().collect::<Vec<_>>(), ["KILL_HOSTS_DENY"]);
        (actions.deny, actions.route, actions.run) = (None, route, run);
        let keys: Vec<_> = actions.keys().collect();
        assert_eq!(keys, ["KILL_ROUTE", "KILL_RUN_CMD"]);
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
