//! The owner's commands: KILL_ROUTE, and UNBLOCK_CMD, which undoes it. Here they need no time.

use std::collections::HashSet;
use std::net::IpAddr;

use portsentry::act::actions::{Actions, due_command};
use portsentry::act::command::{Deed, NoCommand, command};
use portsentry::act::state::rest;
use portsentry::judge::ban::{Ban, Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::time::Instant;

use super::random::Random;
use super::{Reach, reached};

#[derive(Default)]
pub(super) struct Owner {
    pub(super) actions: Actions,
    /// Who is routed away.
    routes: HashSet<IpAddr>,
    /// Those that nobody will undo: UNBLOCK_CMD was not set, or failed for good.
    left: HashSet<IpAddr>,
}

impl Owner {
    /// Other options are in force.
    pub(super) fn adopt(&mut self, undone: bool) {
        self.actions.route = Some("route add -host $TARGET$ reject".into());
        self.actions.unblock = undone.then(|| "route del -host $TARGET$ reject".into());
    }

    /// Runs all commands that are due, as `daemon/owner` would one by one.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        detector: &mut Detector,
        bad: usize,
        random: &mut Random,
        reach: &mut Reach,
    ) {
        while let Some(source) = due_command(&detector.bans, now) {
            let ban = detector.bans.get_mut(&source).unwrap();
            let deed = Deed::next(ban);
            let made = command(&self.actions, deed, ban);
            let ok = made.is_ok() && !random.percent(bad);
            let last = made.is_err();
            if !ok && !last && !ban.failed_once(now.after(rest(u32::from(ban.attempts) + 1))) {
                continue;
            }
            if let Err(why) = made {
                assert_eq!(why, NoCommand::NotSet);
            }
            let ip = ban.probe.source;
            if deed == Deed::Undo {
                if ban.wanted {
                    reached(reach, "undone before it is done again");
                }
                ban.undone();
                match ok {
                    true => {
                        assert!(self.routes.remove(&ip), "{ip} is undone twice");
                        reached(reach, "undone by UNBLOCK_CMD");
                    }
                    false => {
                        self.left.insert(ip);
                        reached(reach, "undoing failed for good");
                    }
                }
                detector.bans.drop_gone();
                continue;
            }
            assert_eq!((ban.step, ban.stop), (Step::Stop, Stop::Route));
            if ok {
                let twice = !self.routes.insert(ip) && !self.left.remove(&ip);
                assert!(!twice, "{ip} is routed away twice");
            } else {
                reached(reach, "route failed for good");
                ban.failed = true;
            }
            ban.ran |= ok && self.actions.unblock.is_some();
            ban.proceed(self.actions.next(ban.step, ban.stop));
        }
    }

    /// A ban ended whose route nothing undoes.
    pub(super) fn leave(&mut self, ip: IpAddr) {
        self.left.insert(ip);
    }

    /// Whether the routes are those of the bans.
    pub(super) fn check(&self, detector: &Detector) {
        let holds = |ban: &Ban| ban.wanted && ban.stop == Stop::Route && ban.holds();
        for (_, ban) in detector.bans.iter().filter(|(_, ban)| holds(ban)) {
            let ip = ban.probe.source;
            assert!(self.routes.contains(&ip), "{ip} is not routed away");
        }
        // Or for a ban that ended, whose UNBLOCK_CMD is to come.
        let ours = (detector.bans.iter())
            .filter(|(_, ban)| ban.ran || (ban.wanted && ban.stop == Stop::Route));
        let mut ours: HashSet<IpAddr> = ours.map(|(_, ban)| ban.probe.source).collect();
        ours.extend(&self.left);
        for ip in &self.routes {
            assert!(ours.contains(ip), "{ip} is routed away still");
        }
    }
}
