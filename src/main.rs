//! `portsentry`: arguments in, exit status out.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use portsentry::cli::{self, Command};
use portsentry::daemon::{self, Settings, StartError};
use portsentry::inspect;

/// Usage or configuration.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Version) => print(concat!("portsentry ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Help) => print(cli::USAGE),
        Ok(Command::Check { config }) => {
            let (report, sound) = inspect::report(&config);
            let printed = print(&report);
            if sound {
                printed
            } else {
                ExitCode::from(EXIT_USAGE)
            }
        }
        Ok(Command::Run {
            config,
            run_dir,
            modes,
        }) => run(Settings {
            config,
            run_dir,
            modes,
        }),
        Err(reason) => {
            let text = format!("portsentry: {reason}\n{}", cli::USAGE);
            // Nowhere to say it, then.
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn run(settings: Settings) -> ExitCode {
    let stopped_clean = match daemon::start(settings) {
        Ok(daemon) => daemon.run(),
        Err(StartError::NoConfig(_) | StartError::Config(_)) => return ExitCode::from(EXIT_USAGE),
        Err(StartError::System(_)) => false,
    };
    match stopped_clean {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
