//! The core of a daemon without the daemon: packets in, lines and the firewall's batches out.

use super::HOME;
use portsentry::act::actions::{self, Actions};
use portsentry::act::command::{Deed, command};
use portsentry::act::firewall::Backend;
use portsentry::act::reconcile::Reconciler;
use portsentry::act::settle::Change;
use portsentry::judge::ban::{Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::judge::policy::{Block, Policy};
use portsentry::judge::verdict::{Outcome, Verdict};
use portsentry::limits::{BANS_MAX, LEAVING_MAX, LINE_MAX, RULES_MAX, SNAP, WINDOW};
use portsentry::net::{Family, Prefix};
use portsentry::see::conntrack::Belongs;
use portsentry::see::packet;
use portsentry::see::probe::{Kinds, Mode, Probe, Protocol};
use portsentry::see::traps::{Ports, Traps};
use portsentry::tell::report::{self, OptionsLine, ProbeLine};
use portsentry::tell::response::{DoneLine, FailedLine, NewsLine};
use portsentry::time::Instant;
use std::fmt::{Display, Write};
use std::time::Duration;

/// The core of a daemon, and what the loop keeps for it.
pub(super) struct Core {
    pub(super) detector: Detector,
    reconciler: Reconciler,
    actions: Actions,
    batch: String,
    line: heapless::String<LINE_MAX>,
    pub(super) said: Said,
}

/// What came of all the probes.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) lines: u64,
    pub(super) bans: u64,
    pub(super) pending: u64,
    pub(super) already_banned: u64,
    pub(super) no_room: u64,
    pub(super) folded: u64,
    pub(super) enforced: u64,
    pub(super) given_up: u64,
    pub(super) gone: u64,
    pub(super) commands: u64,
}

/// A line as the log makes it: in room that is there already. All of it must fit.
fn say(line: &mut heapless::String<LINE_MAX>, said: &mut Said, text: impl Display) {
    line.clear();
    write!(line, "{text}").unwrap();
    said.lines += 1;
}

/// Two modes in one process, as `-atcp -sudp` makes it.
fn mode_of(probe: &Probe) -> Mode {
    match probe.protocol {
        Protocol::Tcp => Mode::Advanced,
        Protocol::Udp => Mode::Stealth,
    }
}

impl Core {
    pub(super) fn new() -> Self {
        let mut traps = Traps::default();
        for ports in [&mut traps.tcp, &mut traps.udp] {
            *ports = Ports::new();
            ports.add(1, 9).unwrap();
            ports.add(512, 515).unwrap();
        }
        let policy = Policy {
            traps,
            block_tcp: Block::Full,
            block_udp: Block::Full,
            stop: Stop::Firewall,
            undone: false,
            scan_trigger: 0,
            trigger_ports: 0,
            window: WINDOW,
            block_time: Duration::ZERO,
            block_time_max: Duration::ZERO,
            ban_rate_max: 0,
        };
        let mut detector = Detector::new(policy, (3, 5));
        let around = &mut detector.protect.surroundings;
        around.add_own(HOME[0]);
        around.add_own(HOME[1]);
        around.add_lan("10.8.0.0/16".parse().unwrap());
        let resolvers = ["10.9.9.9", "2001:db8:9::9"].map(|addr| addr.parse().unwrap());
        detector.protect.resolvers.extend(resolvers);
        let ignored: [Prefix; 2] = ["10.7.0.0/16", "2001:db8:7::/48"].map(|p| p.parse().unwrap());
        detector.protect.ignored.extend(ignored);
        detector.bans.set_most(RULES_MAX);
        let mut reconciler = Reconciler::new(Backend::Iptables, &Family::BOTH);
        reconciler.up = true;
        Self {
            detector,
            reconciler,
            actions: Actions {
                deny: Some("ALL: $TARGET$ : DENY".into()),
                route: None,
                run: Some("/bin/echo $TARGET$ $PORT$ $MODE$".into()),
                run_first: false,
                ..Actions::default()
            },
            batch: String::with_capacity((BANS_MAX + LEAVING_MAX) * 80),
            line: heapless::String::new(),
            said: Said::default(),
        }
    }

    /// A packet in; whether it was a probe.
    pub(super) fn take(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let read = bytes.get(..SNAP).unwrap_or(bytes);
        let Ok(probe) = packet::parse(read, bytes.len(), Kinds::Extended) else {
            return false;
        };
        if self.detector.candidate(&probe).is_err() {
            return false;
        }
        let belongs = Belongs::Nobody;
        let mode = mode_of(&probe);
        let verdict = self.detector.judge(now, &probe, mode, belongs);
        self.tell(&probe, verdict);
        true
    }

    fn tell(&mut self, probe: &Probe, verdict: Verdict) {
        let Verdict::Probe(outcome) = verdict else {
            self.said.folded += u64::from(verdict == Verdict::Folded);
            return;
        };
        match outcome {
            Outcome::Ban => self.said.bans += 1,
            Outcome::Pending => self.said.pending += 1,
            Outcome::AlreadyBanned => self.said.already_banned += 1,
            Outcome::NoRoom => self.said.no_room += 1,
            Outcome::BlockingOff
            | Outcome::Protected
            | Outcome::StillBanned
            | Outcome::Doubted
            | Outcome::EnoughOfNet => panic!("{outcome:?}"),
        }
        say(&mut self.line, &mut self.said, ProbeLine(probe));
        if probe.options {
            say(&mut self.line, &mut self.said, OptionsLine(probe));
        }
        if let Some(line) = report::outcome(probe, mode_of(probe), outcome) {
            say(&mut self.line, &mut self.said, line);
        }
    }

    /// What the loop does between packets, with a firewall that fails every third minute.
    pub(super) fn turn(&mut self, now: Instant) {
        let Self {
            detector,
            line,
            said,
            ..
        } = self;
        detector.pass(now);
        detector.take_news(now, |news| say(line, said, NewsLine(news)));
        for (_, ban) in detector.bans.stirred_mut() {
            if ban.wanted && ban.step == Step::Confirm {
                ban.proceed(self.actions.next(Step::Confirm, ban.stop));
            }
        }
        self.act(now);
        if let Some(order) = self.reconciler.next(now, &self.detector.bans) {
            self.batch.clear();
            let (bans, protect) = (&mut self.detector.bans, &self.detector.protect);
            let written = self
                .reconciler
                .begin(now, order, bans, protect, &mut self.batch);
            written.unwrap();
        } else if self.reconciler.flying().is_some() {
            self.settle(now, now.millis() / 60_000 % 3 != 1);
        }
        self.detector.bans.calm();
    }

    fn settle(&mut self, now: Instant, ok: bool) {
        let Self {
            detector,
            reconciler,
            actions,
            line,
            said,
            ..
        } = self;
        reconciler.settle(
            now,
            ok,
            &mut detector.bans,
            |source, ban, change| match change {
                Change::Enforced => {
                    said.enforced += 1;
                    say(
                        line,
                        said,
                        DoneLine::firewall(Backend::Iptables, now, source, ban),
                    );
                    if ban.step == Step::Stop {
                        ban.proceed(actions.next(Step::Stop, ban.stop));
                    }
                }
                Change::GivenUp => {
                    said.given_up += 1;
                    say(line, said, FailedLine(&ban.probe, ban.mode));
                    ban.proceed(actions.next(Step::Stop, ban.stop));
                }
                Change::Gone => said.gone += 1,
            },
        );
    }

    /// The owner's actions, as if each ended at once and well.
    fn act(&mut self, now: Instant) {
        let line = actions::due_line(&self.detector.bans);
        let Some(source) = line.or_else(|| actions::due_command(&self.detector.bans, now)) else {
            return;
        };
        let ban = self.detector.bans.get_mut(&source).unwrap();
        let command = command(&self.actions, Deed::Step(ban.step), ban).unwrap();
        let done = DoneLine::Run(ban.probe.source, &command);
        say(&mut self.line, &mut self.said, done);
        ban.proceed(self.actions.next(ban.step, ban.stop));
        self.said.commands += 1;
    }
}
