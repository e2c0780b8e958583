//! 1.2's flags without a verb: the process that was called goes on in the background, and its caller learns what
//! became of it.

use crate::cli::Settings;
use crate::sys::background::{self, Caller, End, Starter};
use crate::sys::output;

/// Which process this is, and what it does now.
pub enum Side {
    /// The one that was called: it ends with this status.
    Caller(u8),
    /// The one that stays: it starts.
    Background(Settings, Starter),
}

/// The status of a failure that is neither the configuration's nor the command line's.
const FAILED: u8 = 1;

/// Splits this process in two. The one that was called returns when the other has started, or has not. An error
/// is one line for the user.
pub fn to_background(settings: Settings) -> Result<Side, String> {
    // The directory will be another one, for this file and for those of a reload.
    let settings = Settings {
        config: absolute(&settings.config)?,
        run_dir: absolute(&settings.run_dir)?,
        ..settings
    };
    match background::leave().map_err(|error| format!("cannot go to the background: {error}"))? {
        background::Side::Background(starter) => Ok(Side::Background(settings, starter)),
        background::Side::Caller(caller) => Ok(Side::Caller(wait(caller, &settings))),
    }
}

fn wait(caller: Caller, settings: &Settings) -> u8 {
    let end = caller.wait(|line| {
        if is_for_owner(line, &settings.config) {
            complain(line);
        }
    });
    match end {
        End::Ready => 0,
        // It was told to stop before it was ready, and did.
        End::Exited(0) => {
            complain("portsentry: it was stopped before it was ready");
            FAILED
        }
        End::Exited(status) => status,
        End::Lost => {
            complain("portsentry: it ended before it was ready; syslog may tell why");
            FAILED
        }
    }
}

/// Of what a start says, what its caller has to know: what is wrong. All of it is in syslog.
pub(super) fn is_for_owner(line: &str, config: &str) -> bool {
    let (tag, text) = line.split_once(' ').unwrap_or_default();
    let about_config = text.strip_prefix(config);
    tag == "portsentry:"
        || about_config.is_some_and(|rest| rest.starts_with(':'))
        || text.starts_with("ERROR:")
}

/// The same of many lines.
pub(super) fn for_owner(said: &str, config: &str) -> String {
    let mut text = String::new();
    for line in said.lines().filter(|line| is_for_owner(line, config)) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

/// Says something on standard error; where there is none, it is lost.
pub(super) fn complain(line: &str) {
    output::complain(&format!("{line}\n"));
}

fn absolute(path: &str) -> Result<String, String> {
    let here = match path.starts_with('/') {
        true => String::new(),
        false => background::directory().map_err(|error| format!("{path}: {error}"))?,
    };
    // It will be a part of a line.
    match path.contains('\n') {
        true => Err("a path with a line break in it".into()),
        false => Ok(format!("{here}{path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_hears_what_is_wrong_and_nothing_else() {
        for (line, heard) in [
            ("adminalert: PortSentry 0.1.0 is starting.", false),
            ("adminalert: Going into listen mode on TCP port: 11", false),
            (
                "attackalert: Connect from host: 192.0.2.1/192.0.2.1 to TCP port: 11",
                false,
            ),
            (
                "adminalert: ERROR: could not bind TCP socket: 11. Attempting to continue",
                true,
            ),
            ("adminalert: /etc/p/conf:12: unknown key X", true),
            ("adminalert: /etc/p/conf.old is nothing", false),
            ("portsentry: TCP is watched as -tcp already", true),
        ] {
            assert_eq!(is_for_owner(line, "/etc/p/conf"), heard, "{line}");
        }
    }
}
