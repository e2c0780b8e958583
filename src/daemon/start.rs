//! From a file to a running daemon. Everything that fails here is fatal, and said where the owner looks.

use std::fmt;
use std::fs::File;
use std::path::Path;

use crate::act::firewall::Backend;
use crate::cli::Settings;
use crate::config::{self, Config, Modes, Problem, ProblemLine, Severity};
use crate::daemon::control::Control;
use crate::daemon::enforce::Enforcer;
use crate::daemon::intake::Intake;
use crate::daemon::journal::Journal;
use crate::daemon::networks::Networks;
use crate::daemon::privileges::Privileges;
use crate::daemon::stop::SHUTTING_DOWN;
use crate::daemon::watch::Watch;
use crate::daemon::witness::Witness;
use crate::daemon::{Daemon, State, join, records};
use crate::judge::detector::Detector;
use crate::limits::CONFIG_BYTES_MAX;
use crate::net::Family;
use crate::see::traps::Ports;
use crate::sys::background::{self, Starter};
use crate::sys::clock;
use crate::sys::files;
use crate::sys::log::Log;
use crate::sys::poll::{Place, Poll};
use crate::sys::privileges;
use crate::sys::random;
use crate::sys::signal::Signals;

/// Why it does not start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration cannot be read; exit status 2.
    NoConfig(String),
    /// The configuration cannot be used; exit status 2.
    Config(String),
    /// The system; exit status 1.
    System(String),
    /// Somebody runs already, and this was their answer.
    Joined(u8),
    /// The configuration says that nothing is to be watched; exit status 0.
    Disabled,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConfig(reason) | Self::Config(reason) | Self::System(reason) => {
                f.write_str(reason)
            }
            Self::Joined(_) => f.write_str("a running portsentry was asked"),
            Self::Disabled => f.write_str("it is not enabled"),
        }
    }
}

/// Reads the configuration, takes the lock, opens the sensors. With a starter it may become part of another daemon
/// instead.
pub fn start(settings: Settings, starter: Option<Starter>) -> Result<Box<Daemon>, StartError> {
    if starter.is_none() {
        // Who goes to the background has done so.
        background::close_inherited();
    }
    // A limit that cannot be set takes nothing from what follows.
    let _ = privileges::begin();
    let mut log = Log::default();
    let result = start_with(settings, starter, &mut log);
    match &result {
        Ok(_) | Err(StartError::Joined(_) | StartError::Disabled) => {}
        Err(error) => {
            log.say(format_args!("adminalert: ERROR: {error}\n"));
            log.say(match error {
                StartError::NoConfig(_) => {
                    "adminalert: ERROR: Configuration files are missing/corrupted. Shutting down.\n"
                }
                _ => "adminalert: ERROR: could not go into PortSentry mode. Shutting down.\n",
            });
            for line in SHUTTING_DOWN {
                log.say(line);
            }
        }
    }
    result
}

fn start_with(
    settings: Settings,
    starter: Option<Starter>,
    log: &mut Log,
) -> Result<Box<Daemon>, StartError> {
    let path = files::in_force(&settings.config);
    let (mut config, problems) = read_config(path, settings.modes).map_err(|reason| {
        begin(path, &[], log);
        log.say(format_args!(
            "adminalert: Cannot open config file: {path}. Exiting\n"
        ));
        StartError::NoConfig(reason)
    })?;
    if problems.iter().any(|p| p.severity == Severity::Error) {
        begin(path, &problems, log);
        return Err(StartError::Config(format!("{path} cannot be used")));
    }
    if !config.enabled {
        log.say(Disabled(path));
        return Err(StartError::Disabled);
    }
    let (lock, starter) = claim(&settings, starter)?;
    begin(path, &problems, log);
    // Before anything can be lost by a signal.
    let signals =
        Signals::catch().map_err(|error| StartError::System(format!("signals: {error}")))?;
    let unwritten = records::prepare(&config, log);
    let networks = Networks::of(&mut config, &settings.run_dir, log);
    let mut state = State {
        detector: Detector::new(config.policy(), (random::number(), random::number())),
        config,
        witness: Witness::open(),
        log: std::mem::take(log),
        backend: Backend::default(),
        hold: None,
        unbound: Ports::new(),
        changed: true,
        unwritten,
    };
    let (watch, intake, control) = match open(&mut state, &settings.run_dir) {
        Ok(opened) => opened,
        Err(error) => {
            *log = state.log;
            return Err(StartError::System(error.to_string()));
        }
    };
    let (journal, enforcer) = recall(&mut state, &settings.run_dir);
    Ok(Box::new(Daemon {
        settings,
        started: clock::now(),
        state,
        intake,
        watch,
        enforcer,
        signals,
        signals_at: Place::NONE,
        poll: Poll::default(),
        control,
        journal,
        lock,
        networks,
        starter,
        announced: false,
        privileges: Privileges::default(),
    }))
}

fn claim(settings: &Settings, starter: Option<Starter>) -> Result<Claimed, StartError> {
    match starter {
        None => join::claim(settings).map(|lock| (lock, None)),
        Some(starter) => {
            join::claim_or_join(settings, starter).map(|(lock, starter)| (lock, Some(starter)))
        }
    }
}

/// The lock of the run directory, and who waits.
type Claimed = (File, Option<Starter>);

/// What a daemon before us has left: its bans, and what is in the firewall. The lock is ours, so it is nobody's.
fn recall(state: &mut State, run_dir: &str) -> (Journal, Enforcer) {
    let mut journal = Journal::new(run_dir, &state.config);
    let left = journal.restore(clock::now(), state);
    let mut enforcer = Enforcer::new(families(), &state.config, left);
    enforcer.recall(state);
    state.backend = enforcer.reconciler.backend();
    journal.begin(clock::now(), state);
    (journal, enforcer)
}

/// The first line, and what is wrong with the configuration.
fn begin(path: &str, problems: &[Problem], log: &mut Log) {
    let version = env!("CARGO_PKG_VERSION");
    log.say(format_args!(
        "adminalert: PortSentry {version} is starting.\n"
    ));
    for problem in problems {
        log.say(ProblemLine(path, problem));
    }
}

/// The socket comes last: who finds it finds a daemon that answers.
fn open(state: &mut State, run_dir: &str) -> std::io::Result<(Watch, Intake, Control)> {
    // A limit that cannot be raised shows when the traps are bound.
    let _ = crate::sys::raise_descriptor_limit();
    let watch = Watch::open(state)?;
    let intake = Intake::open(state)?;
    let control = Control::open(run_dir).map_err(|error| {
        std::io::Error::other(format!("cannot open {run_dir}/control: {error}"))
    })?;
    Ok((watch, intake, control))
}

/// Reads the configuration file.
pub(super) fn read_config(path: &str, modes: Modes) -> Result<(Config, Vec<Problem>), String> {
    let text = files::read(path, CONFIG_BYTES_MAX).map_err(|error| format!("{path}: {error}"))?;
    Ok(config::read(&text, modes))
}

/// What is said of a configuration that is not enabled.
pub(super) struct Disabled<'a>(pub(super) &'a str);

impl fmt::Display for Disabled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path) = self;
        write!(f, "adminalert: {path}: enabled is 0: nothing is watched")
    }
}

/// A kernel without IPv6 has nothing to be shut out there.
fn families() -> &'static [Family] {
    match Path::new("/proc/net/if_inet6").exists() {
        true => &Family::BOTH,
        false => &[Family::V4],
    }
}
