//! The end: sensors closed at once, a running child told to end, then the rules taken away, bounded in time.

use std::fs::File;

use crate::daemon::journal::Journal;
use crate::daemon::{Daemon, State, join};
use crate::limits::{FAREWELL_TIME, REWRITE_PAUSE, TEARDOWN_TIME};
use crate::sys::poll::Poll;
use crate::sys::signal::Signals;
use crate::sys::{clock, files, title};
use crate::time::Instant;

/// 1.2's last two lines, after a failed start as well.
pub(super) const SHUTTING_DOWN: [&str; 2] = [
    "securityalert: PortSentry is shutting down\n",
    "adminalert: PortSentry is shutting down\n",
];

impl Daemon {
    /// Stops; true if nothing of ours is left behind.
    pub(super) fn stop(self: Box<Self>) -> bool {
        let Self {
            settings,
            mut state,
            intake,
            watch,
            mut enforcer,
            mut signals,
            control,
            mut journal,
            lock,
            ..
        } = *self;
        // It is a courtesy to old scripts; who waits for the lock comes in all the same.
        let _shown = title::hide_mode();
        // Who asks from now on finds nobody, and tries again until the lock is free.
        drop(control);
        let mut loss = intake.close();
        drop(watch);
        enforcer.end_children(false);
        loss.tell_rest(&mut state.log);
        for line in SHUTTING_DOWN {
            state.log.say(line);
        }
        let here = (&lock, &*settings.run_dir);
        remember(&mut journal, here, &mut state);
        let known = state.detector.bans.changes();
        let mut taken_back = enforcer.take_back(&mut state.log);
        let begun = clock::now();
        let mut wait = |until| wait(until, &mut signals);
        while enforcer.is_busy() && clock::now() < begun.after(FAREWELL_TIME) {
            wait(begun.after(FAREWELL_TIME));
            enforcer.reap(clock::now(), &mut state);
        }
        enforcer.end_children(true);
        // What a command of the owner's did meanwhile is to be undone some day.
        if state.detector.bans.changes() != known {
            remember(&mut journal, here, &mut state);
        }
        enforcer.reconciler.up = false;
        let chain = &mut enforcer.reconciler;
        let _next = join::hold(&lock, &settings.run_dir, chain, &mut state.log);
        let end = begun.after(TEARDOWN_TIME);
        while clock::now() < end {
            enforcer.reap(clock::now(), &mut state);
            enforcer.start_firewall(clock::now(), &mut state);
            taken_back = taken_back || enforcer.take_back(&mut state.log);
            if taken_back && !enforcer.is_firewall_busy() && !enforcer.reconciler.is_loaded() {
                return true;
            }
            let next = match taken_back {
                true => enforcer.firewall_due_at(&state).unwrap_or(end),
                false => clock::now().after(REWRITE_PAUSE),
            };
            wait(next.min(end));
        }
        if !taken_back {
            enforcer.give_up(&mut state.log);
        }
        if !enforcer.is_firewall_busy() && !enforcer.reconciler.is_loaded() {
            return true;
        }
        enforcer.end_children(true);
        state.log.say(
            "adminalert: ERROR: the chain PORTSENTRY could not be taken out of the firewall in time",
        );
        false
    }
}

/// Waits for a child to end, or until then.
fn wait(until: Instant, signals: &mut Signals) {
    let mut poll = Poll::default();
    poll.add(&*signals);
    // An error would make this a busy loop, but a short one.
    let _ = poll.wait(Some(until.since(clock::now())));
    while signals.take().is_some() {}
}

/// Writes the journal. One whose directory is somebody else's now says nothing there.
fn remember(journal: &mut Journal, (lock, run_dir): (&File, &str), state: &mut State) {
    if files::is_lock_of(lock, run_dir) {
        let _said = journal.write(clock::now(), state);
    }
}
