//! The owner's ignore files.

use crate::config::ignore::{self, BadLine};
use crate::daemon::State;
use crate::daemon::followed::Followed;
use crate::limits::CONFIG_BYTES_MAX;
use crate::sys::files;
use crate::sys::log::Log;

/// Follows the files that the configuration names now, then reads them: what changes in between is news. True if
/// the list differs.
pub(super) fn read(followed: &mut Followed, state: &mut State) -> bool {
    let paths = paths(state);
    followed.follow("the ignore file", &paths, &mut state.log);
    read_list(&paths, state)
}

/// The ignore file and its neighbour; nothing where none is named.
fn paths(state: &State) -> Vec<String> {
    match &state.config.ignore_file {
        Some(file) => vec![file.clone(), format!("{file}.static")],
        None => Vec::new(),
    }
}

/// Reads the ignore file and its `.static` neighbour anew, to those of the configuration itself. True if the list
/// differs. A file that cannot be read leaves the list as it was: 1.2 took everybody for hostile then.
fn read_list(paths: &[String], state: &mut State) -> bool {
    let mut list = state.config.ignored.clone();
    let mut read_one = false;
    for path in paths {
        match files::read(path, CONFIG_BYTES_MAX) {
            Ok(text) => {
                read_one = true;
                ignore::read(&text, &mut list, |line, why, entry| {
                    report(&mut state.log, path, line, why, entry);
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                state
                    .log
                    .say(format_args!("adminalert: ERROR: {path}: {error}"));
                return false;
            }
        }
    }
    if let (false, Some(file)) = (read_one, paths.first()) {
        let others = match list.is_empty() {
            true => "nobody is ignored but our own addresses",
            false => "nobody is ignored but our own addresses and those of the configuration",
        };
        state.log.say(format_args!(
            "adminalert: ERROR: cannot open ignore file {file}: {others}"
        ));
    }
    if list == state.detector.protect.ignored {
        return false;
    }
    state.detector.protect.ignored = list;
    true
}

fn report(log: &mut Log, path: &str, line: usize, why: BadLine, entry: &str) {
    match why {
        // 1.2's words: the line with its newline, then two blanks.
        BadLine::Netmask => log.say(format_args!(
            "adminalert: Invalid netmask in config file: {entry}\n  Ignoring entry.\n"
        )),
        BadLine::Address => log.say(format_args!(
            "adminalert: {path}:{line}: \"{entry}\" is no address; ignored"
        )),
        BadLine::More => log.say(format_args!(
            "adminalert: {path}: {entry} more lines are left out"
        )),
        BadLine::Full => log.say(format_args!(
            "adminalert: {path}:{line}: the ignore list is full; \"{entry}\" is left out"
        )),
    }
}
