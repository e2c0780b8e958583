//! What is answered to whoever asks over the control socket. A new request is a variant of [`Request`] and an arm
//! in [`Daemon::answer`].

use crate::act::firewall::{Backend, Detail};
use crate::config::{Choice, Modes};
use crate::daemon::background::for_owner;
use crate::daemon::{Daemon, State};
use crate::judge::hand::{Granted, Target, Wish};
use crate::sys::{clock, files};
use crate::tell::control::Answer;
use crate::tell::hand::{self, Lasts};
use crate::tell::list::list;
use crate::tell::request::Request;
use crate::tell::sheet::Form;
use crate::tell::status::{Facts, Firewall, status};
use crate::tell::why::why;
use crate::time::Instant;

impl Daemon {
    pub(super) fn answer(&mut self, now: Instant, request: &Request<'_>) -> Answer {
        let (config, detector) = (&self.state.config, &self.state.detector);
        let wall = &clock::local_time_before;
        match *request {
            Request::Watch { modes, config } => self.watch_also(modes, config),
            Request::Status(form) => Answer::yes(status(form, &self.facts(now), detector)),
            Request::List(form) => Answer::yes(list(form, now, wall, &detector.bans)),
            Request::Why(form, whom) => Answer::yes(why(form, now, wall, whom, config, detector)),
            Request::Ban(form, ref wish) => self.ban(form, now, wish),
            Request::Unban(form, whom) => self.unban(form, whom),
        }
    }

    fn facts(&self, now: Instant) -> Facts<'_> {
        let up = now.since(self.started);
        Facts {
            process: std::process::id(),
            privileges: self.privileges.word(),
            up,
            since: clock::local_time_before(up),
            file: &self.settings.config,
            run_dir: &self.settings.run_dir,
            config: &self.state.config,
            firewall: self.firewall(),
            lost_packets: self.intake.loss.ever,
            lost_lines: self.state.log.lost_ever(),
        }
    }

    fn firewall(&self) -> Firewall {
        let (state, reconciler) = (&self.state, &self.enforcer.reconciler);
        let up = reconciler.up;
        let detail = self.enforcer.ground.detail();
        Firewall {
            backend: reconciler.backend().word(),
            state: match reconciler.failures() {
                1.. => "failing",
                0 if !reconciler.is_even(&state.detector.bans) => "changing",
                0 if up => "good",
                0 => "off",
            },
            failures: reconciler.failures(),
            hold: up && state.hold.is_some(),
            ingress: up
                && reconciler.backend() == Backend::Nft
                && detail == Detail::Full
                && state
                    .detector
                    .protect
                    .surroundings
                    .watched_names()
                    .next()
                    .is_some(),
        }
    }

    fn ban(&mut self, form: Form, now: Instant, wish: &Wish) -> Answer {
        let detector = &mut self.state.detector;
        let result = detector.ban_by_hand(now, wish);
        if let Ok((source, Granted::Begun(_) | Granted::Renewed)) = &result {
            let until = detector.bans.get(source).and_then(|ban| ban.until);
            let lasts = Lasts(until.map(|until| until.since(now)));
            self.state.log.say(format_args!(
                "adminalert: Host {source} is blocked by hand, {lasts}"
            ));
        }
        hand::banned(form, now, wish, &result, &self.state.detector.bans)
    }

    fn unban(&mut self, form: Form, whom: Option<Target>) -> Answer {
        let State { detector, log, .. } = &mut self.state;
        let freed = detector.unban(whom);
        match &*freed {
            [] => {}
            [(one, _)] => log.say(format_args!("adminalert: Host {one} is unblocked by hand")),
            all => log.say(format_args!(
                "adminalert: {} hosts are unblocked by hand",
                all.len()
            )),
        }
        hand::unbanned(form, whom, &freed, detector.policy.undone)
    }

    /// A second start: what it asks for is watched as well, or it learns why not. Asked for again, it is so
    /// already: an init script may be started twice.
    fn watch_also(&mut self, asked: Modes, config: &str) -> Answer {
        let process = std::process::id();
        let ours = &self.settings.config;
        if !files::is_same(ours, config) {
            return Answer::no(format!(
                "process {process} runs with {ours}, and one process has one configuration"
            ));
        }
        let mut wanted = self.settings.modes;
        let mut added = Vec::new();
        for (protocol, mode) in asked.named() {
            match self.state.config.side(protocol).mode {
                Some(known) if known == mode => {}
                Some(known) => {
                    let name = known.name(protocol);
                    return Answer::no(format!(
                        "{protocol} is watched as -{name} already, by process {process}; stop it first"
                    ));
                }
                None => {
                    *wanted.of(protocol) = Some(Choice::On(mode));
                    added.push(protocol);
                }
            }
        }
        if added.is_empty() {
            return Answer::yes(format!("process {process} watches that already"));
        }
        self.state.log.overhear();
        let result = self.join(wanted, &added);
        let said = self.state.log.overheard();
        match result {
            Ok(()) => Answer::yes(for_owner(&said, &self.settings.config)),
            Err(reason) => Answer::no(reason),
        }
    }
}
