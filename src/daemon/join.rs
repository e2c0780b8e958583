//! One daemon for a run directory: whoever holds its lock is it. A start with 1.2's flags that comes second hands
//! its modes to the first and ends: an init script for 1.2, which starts a process for each protocol, works.

use std::fs::File;

use crate::act::reconcile::Reconciler;
use crate::cli::Settings;
use crate::daemon::StartError;
use crate::daemon::background::{complain, is_for_owner};
use crate::limits::{ANSWER_TIME, CLAIM_TIME, JOIN_PAUSE, JOIN_TIME, LEFT_PAUSE};
use crate::sys::background::Starter;
use crate::sys::log::Log;
use crate::sys::{clock, control, files};
use crate::tell::control::Answer;
use crate::tell::request::WatchLine;

/// Takes the lock of the run directory, for as long as the file lives. Who was killed holds it until the kernel
/// has closed all that they had open, and that is waited for.
pub(super) fn claim(settings: &Settings) -> Result<File, StartError> {
    let directory = &settings.run_dir;
    let end = clock::now().after(CLAIM_TIME);
    let mut lives = false;
    loop {
        if let Some(lock) = try_claim(directory)? {
            return Ok(lock);
        }
        // Seen alive twice: a signal that was just sent has arrived by then.
        if lives || clock::now() >= end {
            let reason =
                format!("another portsentry runs on {directory}; one can watch TCP and UDP");
            return Err(StartError::System(reason));
        }
        std::thread::sleep(JOIN_PAUSE);
        lives = files::holder_lives(directory);
    }
}

/// The same for a start in the background: if somebody has it, they are asked to watch what this one shall. They
/// may be about to open their socket, or about to end: so both are tried in turn.
pub(super) fn claim_or_join(
    settings: &Settings,
    starter: Starter,
) -> Result<(File, Starter), StartError> {
    let directory = &settings.run_dir;
    let request = WatchLine(settings.modes, &settings.config).to_string();
    let end = clock::now().after(JOIN_TIME);
    loop {
        if let Some(lock) = try_claim(directory)? {
            return Ok((lock, starter));
        }
        let answer = control::ask(directory, &request, ANSWER_TIME);
        if let Some(answer) = answer.ok().and_then(|whole| Answer::parse(&whole)) {
            return Err(joined(&answer, &settings.config, starter));
        }
        if clock::now() >= end {
            let reason = format!("another portsentry holds {directory}/lock and does not answer");
            return Err(StartError::System(reason));
        }
        std::thread::sleep(JOIN_PAUSE);
    }
}

/// At a stop, before the chain is taken away: the lock may have been removed while we ran. Then the new one is
/// held for as long, or whoever has it has the chain as well, and it is let go.
pub(super) fn hold(
    lock: &File,
    directory: &str,
    chain: &mut Reconciler,
    log: &mut Log,
) -> Option<File> {
    if files::is_lock_of(lock, directory) {
        return None;
    }
    let next = files::lock(directory);
    let mut end = "";
    if matches!(next, Ok(None)) {
        *chain = Reconciler::new(chain.backend(), &[]);
        end = "; the chain PORTSENTRY is left to the portsentry that has a new one";
    }
    log.say(format_args!(
        "adminalert: ERROR: {directory}/lock was removed while we ran{end}"
    ));
    next.ok().flatten()
}

fn try_claim(directory: &str) -> Result<Option<File>, StartError> {
    let error = |error| StartError::System(format!("{directory}: {error}"));
    files::own_directory(directory).map_err(error)?;
    let lock = files::lock(directory).map_err(error)?;
    if lock.is_some() && control::is_left(directory) {
        // A program that they had just started has what they had open until the kernel closes it
        // (do_close_on_exec in linux/fs/file.c), and the lock may go before the trap sockets.
        std::thread::sleep(LEFT_PAUSE);
    }
    Ok(lock)
}

/// Says what was answered; if all is well, there is nothing more to wait for. Log lines among it are said as a
/// first start says them.
fn joined(answer: &Answer, config: &str, starter: Starter) -> StartError {
    for line in answer.text.lines() {
        match is_for_owner(line, config) {
            true => complain(line),
            false => complain(&format!("portsentry: {line}")),
        }
    }
    if answer.status == 0 {
        starter.done();
    }
    StartError::Joined(answer.status)
}
