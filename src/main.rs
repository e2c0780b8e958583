//! `portsentry`: arguments in, exit status out.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use portsentry::cli::{self, Command, Settings};
use portsentry::daemon::{self, Side, StartError};
use portsentry::inspect;
use portsentry::sys::background::Starter;
use portsentry::sys::output;

/// Usage or configuration.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Version) => print(concat!("portsentry ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Help) => print(cli::USAGE),
        Ok(Command::Check { config }) => {
            let report = inspect::report(&config);
            let printed = print(&report.text);
            match report.sound {
                true => printed,
                false => ExitCode::from(EXIT_USAGE),
            }
        }
        Ok(Command::Convert { config }) => convert(&config),
        Ok(Command::Run(settings)) => run(settings, None),
        Ok(Command::Background(settings)) => to_background(settings),
        Ok(Command::Ask { run_dir, request }) => ask(&run_dir, &request),
        Err(reason) => {
            complain(&format!("{reason}\n{}", cli::USAGE));
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn convert(path: &str) -> ExitCode {
    let (converted, left_out) = inspect::convert(path);
    output::complain(&left_out.text);
    let printed = print(&converted);
    match left_out.sound {
        true => printed,
        false => ExitCode::from(EXIT_USAGE),
    }
}

fn to_background(settings: Settings) -> ExitCode {
    match daemon::to_background(settings) {
        Ok(Side::Caller(status)) => ExitCode::from(status),
        Ok(Side::Background(settings, starter)) => run(settings, Some(starter)),
        Err(reason) => {
            complain(&format!("{reason}\n"));
            ExitCode::FAILURE
        }
    }
}

/// What was done or is known goes to standard output, and so does all that is JSON; a refusal goes where mistakes
/// go.
fn ask(run_dir: &str, request: &str) -> ExitCode {
    match daemon::ask(run_dir, request) {
        Ok(answer) if answer.status == 0 || answer.text.starts_with('{') => {
            match output::print(&format!("{}\n", answer.text)) {
                Ok(()) => ExitCode::from(answer.status),
                Err(_) => ExitCode::FAILURE,
            }
        }
        Ok(answer) => {
            complain(&format!("{}\n", answer.text));
            ExitCode::from(answer.status)
        }
        Err(reason) => {
            complain(&format!("{reason}\n"));
            ExitCode::FAILURE
        }
    }
}

fn complain(text: &str) {
    output::complain(&format!("portsentry: {text}"));
}

fn run(settings: Settings, starter: Option<Starter>) -> ExitCode {
    let stopped_clean = match daemon::start(settings, starter) {
        Ok(daemon) => daemon.run(),
        Err(StartError::Joined(status)) => return ExitCode::from(status),
        Err(StartError::Disabled) => return ExitCode::SUCCESS,
        Err(StartError::NoConfig(_) | StartError::Config(_)) => return ExitCode::from(EXIT_USAGE),
        Err(StartError::System(_)) => false,
    };
    match stopped_clean {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn print(text: &str) -> ExitCode {
    match output::print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
