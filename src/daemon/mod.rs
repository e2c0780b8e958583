//! The loop: probes in, changes of the surroundings in, changes of the firewall out. The only room that knows both
//! the rules and the kernel.

mod announce;
mod answer;
mod ask;
mod background;
mod confirm;
mod control;
mod denied;
mod enforce;
mod followed;
mod frame;
mod ground;
mod ignored;
mod intake;
mod join;
mod journal;
mod loss;
mod networks;
mod owner;
mod packets;
mod privileges;
mod records;
mod reload;
mod resolvers;
mod settle;
mod start;
mod stop;
mod touch;
mod watch;
mod witness;

use std::fs::File;

use crate::act::firewall::{Backend, Hold};
use crate::cli::Settings;
use crate::config::Config;
use crate::daemon::control::Control;
use crate::daemon::enforce::Enforcer;
use crate::daemon::intake::Intake;
use crate::daemon::journal::Journal;
use crate::daemon::networks::Networks;
use crate::daemon::privileges::Privileges;
use crate::daemon::records::{Book, Unwritten};
use crate::daemon::watch::{Changed, Watch};
use crate::daemon::witness::Witness;
use crate::judge::ban::Stop;
use crate::judge::detector::Detector;
use crate::limits::REST;
use crate::see::traps::Ports;
use crate::sys::background::Starter;
use crate::sys::clock;
use crate::sys::log::Log;
use crate::sys::poll::{Place, Poll};
use crate::sys::signal::{Signal, Signals};
use crate::tell::response::NewsLine;
use crate::time::Instant;

pub use ask::ask;
pub use background::{Side, to_background};
pub use start::{StartError, start};

/// What every part of the loop works with.
struct State {
    config: Config,
    detector: Detector,
    witness: Witness,
    log: Log,
    /// Which programs hold the bans.
    backend: Backend,
    /// What the kernel holds sources for, where it does.
    hold: Option<Hold>,
    /// Ports of TCP that connect sensors could not bind: no traps, whoever comes there.
    unbound: Ports,
    /// Something that the firewall's frame is made of is another one.
    changed: bool,
    unwritten: Unwritten,
}

impl State {
    fn book(&mut self, now: Instant) -> (&mut Detector, Book<'_>) {
        let book = Book {
            now,
            backend: self.backend,
            config: &self.config,
            log: &mut self.log,
            unwritten: &mut self.unwritten,
        };
        (&mut self.detector, book)
    }
}

/// The running daemon.
pub struct Daemon {
    settings: Settings,
    started: Instant,
    state: State,
    intake: Intake,
    watch: Watch,
    enforcer: Enforcer,
    signals: Signals,
    signals_at: Place,
    poll: Poll,
    control: Control,
    journal: Journal,
    /// Held as long as we live: two daemons would report the same probes, and each would empty the other's chain.
    lock: File,
    networks: Networks,
    /// Who waits until "now active and listening" is said.
    starter: Option<Starter>,
    /// It was.
    announced: bool,
    privileges: Privileges,
}

impl Daemon {
    /// Runs until it is told to stop; true if everything could be taken away.
    pub fn run(mut self: Box<Self>) -> bool {
        loop {
            let now = clock::now();
            match self.signals.take() {
                Some(Signal::Stop) => return self.stop(),
                Some(Signal::Reload) if !self.reload() => return self.stop(),
                Some(Signal::Reload) => {}
                None => {}
            }
            self.turn(now);
            self.wait(now);
        }
    }

    fn turn(&mut self, now: Instant) {
        let changed = self.watch.take(now, &self.poll, &mut self.state);
        self.follow(changed);
        if self.intake.is_to_aim(now) {
            self.aim();
        }
        self.intake.take(now, &self.poll, &mut self.state);
        let State { detector, log, .. } = &mut self.state;
        detector.pass(now);
        detector.take_news(now, |news| log.say(NewsLine(news)));
        self.serve(now);
        self.enforcer.turn(now, &self.poll, &mut self.state);
        self.journal.turn(now, &mut self.state);
        if !self.announced && self.enforcer.is_settled(&self.state) {
            self.announced = true;
            let State { config, log, .. } = &mut self.state;
            self.privileges.decide(&config.actions, log);
            self.state
                .log
                .say("adminalert: PortSentry is now active and listening.\n");
            if let Some(starter) = self.starter.take() {
                starter.ready();
            }
        }
    }

    /// Tells the kernel's filter what has changed. One that cannot be changed goes on as it was for a while.
    fn aim(&mut self) {
        if let Err(error) = self.intake.aim(&self.state) {
            self.intake.aim_later(clock::now());
            let line = format!(
                "adminalert: ERROR: the filter cannot be changed: {error}; it is tried again"
            );
            self.state.log.say(line);
        }
    }

    /// Carries changes of the surroundings to whoever depends on them.
    fn follow(&mut self, changed: Changed) {
        if changed.surroundings {
            self.aim();
            // A device that is new may take what another one did not.
            self.enforcer.ground.renew();
        }
        if changed.surroundings || changed.lists {
            self.state.changed = true;
            self.free_protected();
        }
    }

    /// Who is protected has changed.
    fn free_protected(&mut self) {
        let State { detector, log, .. } = &mut self.state;
        detector.free_protected(|_, ban| {
            let ip = ban.probe.source;
            let rest = match ban.stop {
                Stop::Route | Stop::Nothing if !ban.ran => " (what your commands did stays)",
                // Or UNBLOCK_CMD sees to it.
                _ => "",
            };
            log.say(format_args!(
                "adminalert: Host {ip} is protected now and is freed{rest}"
            ));
        });
    }

    /// Waits for the next event or the next deadline, whichever comes first.
    fn wait(&mut self, now: Instant) {
        self.state.log.flush();
        self.poll.clear();
        self.state.log.watch(&mut self.poll);
        self.signals_at = self.poll.add(&self.signals);
        self.watch.watch(&mut self.poll);
        self.intake.watch(now, &mut self.poll);
        self.enforcer.watch(now, &mut self.poll);
        self.control.watch(now, &mut self.poll);
        let deadline = [
            self.watch.due_at(),
            self.intake.due_at(now),
            self.state.detector.due_at(),
            confirm::due_at(&self.state),
            self.enforcer.due_at(&self.state),
            self.control.due_at(now),
            self.journal.due_at(),
        ];
        let deadline = deadline.into_iter().flatten().min();
        let time = deadline.map(|at| at.since(now));
        if let Err(error) = self.poll.wait(time) {
            self.state
                .log
                .say(format_args!("adminalert: ERROR: poll call failed: {error}"));
            // It would fail at once again.
            std::thread::sleep(REST);
        }
    }
}
