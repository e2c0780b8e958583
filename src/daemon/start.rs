//! From a file to a running daemon. Everything that fails here is fatal, and said where the owner looks.

use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use crate::config::{Config, Problem, ProblemLine, Severity, classic};
use crate::daemon::enforce::Enforcer;
use crate::daemon::intake::Intake;
use crate::daemon::stop::SHUTTING_DOWN;
use crate::daemon::watch::Watch;
use crate::daemon::witness::Witness;
use crate::daemon::{Daemon, Settings, State, records};
use crate::judge::detector::Detector;
use crate::limits::CONFIG_BYTES_MAX;
use crate::net::Family;
use crate::see::probe::Protocol;
use crate::sys::files;
use crate::sys::log::Log;
use crate::sys::poll::{Place, Poll};
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
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConfig(reason) | Self::Config(reason) | Self::System(reason) => {
                f.write_str(reason)
            }
        }
    }
}

/// Reads the configuration, takes the locks, opens the sensors.
pub fn start(settings: Settings) -> Result<Daemon, StartError> {
    let mut log = Log::default();
    let result = start_with(settings, &mut log);
    if let Err(error) = &result {
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
    result
}

fn start_with(settings: Settings, log: &mut Log) -> Result<Daemon, StartError> {
    let (config, problems) = read_config(&settings).map_err(|reason| {
        begin(&settings.config, &[], log);
        let path = &settings.config;
        log.say(format_args!(
            "adminalert: Cannot open config file: {path}. Exiting\n"
        ));
        StartError::NoConfig(reason)
    })?;
    begin(&settings.config, &problems, log);
    let worst = problems.iter().map(|problem| problem.severity).max();
    if worst == Some(Severity::Error) {
        let reason = format!("{} cannot be used", settings.config);
        return Err(StartError::Config(reason));
    }
    let locks = lock(&settings.run_dir, &config, &[]).map_err(StartError::System)?;
    let system = |what: &str, error: std::io::Error| StartError::System(format!("{what}: {error}"));
    // Before anything can be lost by a signal.
    let signals = Signals::catch().map_err(|error| system("signals", error))?;
    records::prepare(&config, log);
    let mut state = State {
        detector: Detector::new(config.policy(), seed()),
        config,
        witness: Witness::open(),
        log: std::mem::take(log),
    };
    let opened = open(&mut state);
    let (watch, intake) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            *log = state.log;
            return Err(StartError::System(error.to_string()));
        }
    };
    let mut enforcer = Enforcer::new(families());
    enforcer.reconciler.up = state.detector.policy.needs_firewall();
    if is_abandoned(&settings.run_dir) {
        enforcer.reconciler.suspect();
    }
    Ok(Daemon {
        settings,
        state,
        intake,
        watch,
        enforcer,
        signals,
        signals_at: Place::NONE,
        poll: Poll::default(),
        locks,
        announced: false,
    })
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

fn open(state: &mut State) -> std::io::Result<(Watch, Intake)> {
    // A limit that cannot be raised shows when the traps are bound.
    let _ = crate::sys::raise_descriptor_limit();
    let watch = Watch::open(state)?;
    let intake = Intake::open(state)?;
    Ok((watch, intake))
}

/// Reads the configuration file.
pub(super) fn read_config(settings: &Settings) -> Result<(Config, Vec<Problem>), String> {
    let path = &settings.config;
    let text = files::read(path, CONFIG_BYTES_MAX).map_err(|error| format!("{path}: {error}"))?;
    Ok(classic::read(&text, settings.modes))
}

/// Takes the locks that a configuration needs and that are not in `held`: one for each protocol, because two
/// daemons would report the same probes, and one for the chain, because each would empty the other's.
pub(super) fn lock(
    directory: &str,
    config: &Config,
    held: &[(&'static str, File)],
) -> Result<Vec<(&'static str, File)>, String> {
    let watched = |protocol| config.side(protocol).mode.is_some();
    let needed = [
        ("tcp.lock", watched(Protocol::Tcp)),
        ("udp.lock", watched(Protocol::Udp)),
        ("firewall.lock", config.policy().needs_firewall()),
    ];
    let mut locks = Vec::new();
    for (name, _) in needed.into_iter().filter(|(_, needed)| *needed) {
        if held.iter().any(|(known, _)| *known == name) {
            continue;
        }
        match files::lock(directory, name) {
            Ok(Some(file)) => locks.push((name, file)),
            Ok(None) => {
                return Err(format!(
                    "another portsentry holds {directory}/{name}; one process can watch TCP and UDP"
                ));
            }
            Err(error) => return Err(format!("{directory}/{name}: {error}")),
        }
    }
    Ok(locks)
}

/// Whether a chain that may be in the firewall is nobody's: left behind by a daemon that was killed. If nothing
/// is to be blocked now, it goes.
fn is_abandoned(directory: &str) -> bool {
    matches!(files::lock(directory, "firewall.lock"), Ok(Some(_)))
}

/// A kernel without IPv6 has nothing to be shut out there.
fn families() -> &'static [Family] {
    match Path::new("/proc/net/if_inet6").exists() {
        true => &Family::BOTH,
        false => &[Family::V4],
    }
}

/// Two numbers that nobody outside knows: std draws the keys of its own hash tables from the system.
fn seed() -> (u64, u64) {
    let draw = || RandomState::new().hash_one(0u8);
    (draw(), draw())
}
