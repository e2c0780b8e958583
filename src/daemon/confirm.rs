//! The second look, just before a ban starts. With a network card that hands packets over in lists, connection
//! tracking may have been later than we were; and where ctnetlink is missing this is the only look.

use crate::daemon::State;
use crate::judge::ban::{Ban, Step};
use crate::limits::{BATCH_MAX, CONNTRACK_LOOK};
use crate::net::Prefix;
use crate::see::conntrack::Belongs;
use crate::see::probe::{Mode, Protocol};
use crate::sys::log::Log;
use crate::time::Instant;

/// Lets the bans go on whose packets are nobody's, and drops the others.
pub(super) fn confirm(now: Instant, state: &mut State) {
    let mut unknown = false;
    let State {
        detector,
        witness,
        log,
        ..
    } = state;
    for (_, ban) in detector.bans.stirred_mut().filter(|(_, ban)| waits(ban)) {
        let belongs = match ban.mode {
            // It touched a socket of ours: it can be nobody else's.
            Mode::Connect => Belongs::Nobody,
            Mode::Stealth | Mode::Advanced => witness.ask(now, &ban.probe),
        };
        match belongs {
            Belongs::Nobody => ban.confirmed = true,
            Belongs::Unknown => unknown = true,
            Belongs::Us | Belongs::Reply | Belongs::Forwarded => explain(ban, log),
        }
    }
    if unknown {
        read_list(now, state);
    }
    state.detector.bans.drop_gone();
    proceed(now, state);
}

/// It is none: its packet was somebody's.
fn explain(ban: &mut Ban, log: &mut Log) {
    ban.end();
    let ip = ban.probe.source;
    log.say(format_args!(
        "adminalert: Host {ip} is not blocked: its packet belongs to a connection"
    ));
}

/// Reads the list of connections for all of them together.
fn read_list(now: Instant, state: &mut State) {
    let State {
        detector,
        witness,
        log,
        ..
    } = state;
    if !witness.may_read_list(now) {
        return;
    }
    for protocol in Protocol::BOTH {
        let waiting = |ban: &Ban| waits(ban) && ban.probe.protocol == protocol;
        let bans = &mut detector.bans;
        let read = witness.read_list(protocol, |entry| {
            for (_, ban) in bans.stirred_mut().filter(|(_, ban)| waiting(ban)) {
                match entry.belongs(&ban.probe) {
                    None | Some(Belongs::Nobody) => {}
                    Some(_) => explain(ban, log),
                }
            }
        });
        for (_, ban) in detector.bans.stirred_mut().filter(|(_, ban)| waiting(ban)) {
            ban.confirmed = read;
            if !read {
                ban.end();
                let ip = ban.probe.source;
                log.say(format_args!(
                    "adminalert: Host {ip} is not blocked: connection tracking does not tell whether \
                     its packet was an answer"
                ));
            }
        }
    }
}

/// When the list may be read again, if somebody waits for it.
pub(super) fn due_at(state: &State) -> Option<Instant> {
    let waiting = state.detector.bans.stirred().any(|(_, ban)| waits(ban));
    waiting.then(|| state.witness.list_read_at().after(CONNTRACK_LOOK))
}

fn waits(ban: &Ban) -> bool {
    ban.wanted && ban.step == Step::Confirm && !ban.confirmed
}

fn proceed(now: Instant, state: &mut State) {
    let (detector, mut book) = state.book(now);
    let confirmed = |ban: &Ban| ban.wanted && ban.step == Step::Confirm && ban.confirmed;
    let mut from_v6: heapless::Vec<Prefix, BATCH_MAX> = heapless::Vec::new();
    let bans = detector.bans.stirred_mut();
    for (source, ban) in bans.filter(|(_, ban)| confirmed(ban)) {
        ban.proceed(book.config.actions.next(Step::Confirm, ban.stop));
        book.note_progress(source, ban);
        if source.addr().is_ipv6() {
            // Who finds no room makes a site with the next ban of it.
            let _room = from_v6.push(*source);
        }
    }
    for source in from_v6 {
        if let Some(site) = detector.confirmed(&source) {
            book.log.say(format_args!(
                "attackalert: Network {site} is blocked as a whole: too many of its parts were"
            ));
        }
    }
}
