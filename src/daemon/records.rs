//! What is written down when a ban is complete: a line in the history, a line in the blocked file.

use std::io;

use crate::act::firewall::Backend;
use crate::config::Config;
use crate::judge::ban::{Ban, Step, Stop};
use crate::limits::HISTORY_BYTES_MAX;
use crate::net::Prefix;
use crate::see::probe::Protocol;
use crate::sys::clock;
use crate::sys::files;
use crate::sys::log::Log;
use crate::tell::history::HistoryLine;
use crate::tell::response::DoneLine;
use crate::time::Instant;

/// Where it is said and written how far a ban has come.
pub(super) struct Book<'a> {
    pub(super) now: Instant,
    pub(super) backend: Backend,
    pub(super) config: &'a Config,
    pub(super) log: &'a mut Log,
    pub(super) unwritten: &'a mut Unwritten,
}

impl Book<'_> {
    /// The firewall waits for no command of the owner's, so it may have the ban before its turn came in 1.2's
    /// order: when that comes it is said, and done. When the last step is done the ban is written down.
    pub(super) fn note_progress(&mut self, source: &Prefix, ban: &mut Ban) {
        if ban.step == Step::Stop && ban.stop == Stop::Firewall && ban.enforced {
            self.say_enforced(source, ban);
            ban.proceed(self.config.actions.next(Step::Stop, ban.stop));
        }
        let complete = ban.step == Step::Done && ban.holds() && !ban.failed && !ban.recorded;
        if !complete {
            return;
        }
        ban.recorded = true;
        let line = HistoryLine(clock::local_time(), &ban.probe).to_string();
        if let Some(path) = &self.config.history_file {
            let written = files::append_bounded(path, &line, HISTORY_BYTES_MAX);
            self.unwritten.note("history", path, written, self.log);
        }
        if let Some(path) = blocked_file(self.config, ban.probe.protocol) {
            let written = files::append_bounded(&path, &line, HISTORY_BYTES_MAX);
            self.unwritten.note("blocked", &path, written, self.log);
        }
    }

    /// 1.2's line for a ban that the firewall has.
    pub(super) fn say_enforced(&mut self, source: &Prefix, ban: &Ban) {
        let line = DoneLine::firewall(self.backend, self.now, source, ban);
        self.log.say(line);
    }
}

/// At a start the blocked files are emptied, as 1.2 did, and the history is there: fail2ban wants a file.
pub(super) fn prepare(config: &Config, log: &mut Log) -> Unwritten {
    let mut unwritten = Unwritten::default();
    for protocol in Protocol::BOTH {
        begin(config, protocol, log);
    }
    if let Some(path) = &config.history_file {
        unwritten.note("history", path, files::append(path, ""), log);
    }
    unwritten
}

/// The same for the blocked file of one protocol, which is watched from now on.
pub(super) fn begin(config: &Config, protocol: Protocol, log: &mut Log) {
    let Some(path) = blocked_file(config, protocol) else {
        return;
    };
    if files::truncate(&path).is_err() {
        log.say(format_args!(
            "adminalert: ERROR: Cannot delete blocked file on startup: {path}.\n"
        ));
    }
}

/// BLOCKED_FILE and the mode, as in 1.2.
fn blocked_file(config: &Config, protocol: Protocol) -> Option<String> {
    let mode = config.side(protocol).mode?.name(protocol);
    config
        .blocked_file
        .as_ref()
        .map(|path| format!("{path}.{mode}"))
}

/// Files that could not be written: that is said once, until it works again.
#[derive(Default)]
pub(super) struct Unwritten(Vec<String>);

impl Unwritten {
    fn note(&mut self, what: &str, path: &str, written: io::Result<()>, log: &mut Log) {
        let known = self.0.iter().position(|known| known == path);
        match (written, known) {
            (Ok(()), Some(at)) => drop(self.0.swap_remove(at)),
            (Err(_), None) => {
                log.say(format_args!(
                    "adminalert: ERROR: Cannot open {what} file: {path}.\n"
                ));
                self.0.push(path.to_owned());
            }
            _ => {}
        }
    }
}
