//! The other end of the control socket: a command that asks the daemon that runs.

use std::io::ErrorKind;

use crate::limits::ANSWER_TIME;
use crate::sys::control;
use crate::tell::control::Answer;
use crate::tell::request::Request;

/// The status of a mistake on the command line.
const MISTAKE: u8 = 2;

/// Asks the daemon of a run directory. A request that it could not read is answered here, whether one runs or not.
/// An error is one line for the user.
pub fn ask(run_dir: &str, request: &str) -> Result<Answer, String> {
    if let Err(text) = Request::parse(request) {
        return Ok(Answer {
            status: MISTAKE,
            text,
        });
    }
    let whole = control::ask(run_dir, &format!("{request}\n"), ANSWER_TIME);
    let whole = whole.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => format!(
            "no portsentry runs on {run_dir}: start it, or name its directory with --run-dir"
        ),
        ErrorKind::PermissionDenied => {
            format!("{run_dir}/control: only root, or whoever started portsentry, may ask")
        }
        _ => format!("portsentry does not answer on {run_dir}/control: {error}"),
    })?;
    Answer::parse(&whole)
        .ok_or_else(|| format!("portsentry did not answer to the end on {run_dir}/control"))
}
