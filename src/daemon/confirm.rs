//! The second look, just before a ban starts. With a network card that hands packets over in lists, connection
//! tracking may have been later than we were; and where ctnetlink is missing this is the only look.

use crate::daemon::State;
use crate::judge::ban::{Ban, Step};
use crate::limits::{BATCH_MAX, CONNTRACK_LOOK};
use crate::net::Prefix;
use crate::see::conntrack::Belongs;
use crate::see::probe::{Mode, Protocol};
use crate::time::Instant;

/// Lets the bans go on whose packets are nobody's, and drops the others.
pub(super) fn confirm(now: Instant, state: &mut State) {
    let mut unknown = false;
    let State {
        detector, witness, ..
    } = state;
    let mut explained = false;
    for (_, ban) in detector.bans.stirred_mut().filter(|(_, ban)| waits(ban)) {
        let belongs = match ban.mode {
            // It touched a socket of ours: it can be nobody else's.
            Mode::Connect => Belongs::Nobody,
            Mode::Stealth | Mode::Advanced => witness.ask(now, &ban.probe),
        };
        match belongs {
            Belongs::Nobody => ban.confirmed = true,
            Belongs::Unknown => unknown = true,
            Belongs::Us | Belongs::Reply | Belongs::Forwarded => {
                ban.wanted = false;
                explained = true;
            }
        }
    }
    if unknown {
        explained |= read_list(now, state);
    }
    if explained {
        drop_explained(state);
    }
    proceed(now, state);
}

/// Reads the list of connections for all of them together. True if one was explained by it.
fn read_list(now: Instant, state: &mut State) -> bool {
    let State {
        detector,
        witness,
        log,
        ..
    } = state;
    if !witness.may_read_list(now) {
        return false;
    }
    for protocol in Protocol::BOTH {
        let waiting = |ban: &Ban| waits(ban) && ban.probe.protocol == protocol;
        let bans = &mut detector.bans;
        let read = witness.read_list(protocol, |entry| {
            for (_, ban) in bans.stirred_mut().filter(|(_, ban)| waiting(ban)) {
                let belongs = entry.belongs(&ban.probe).unwrap_or(Belongs::Nobody);
                ban.wanted = belongs == Belongs::Nobody;
            }
        });
        for (_, ban) in detector.bans.stirred_mut().filter(|(_, ban)| waiting(ban)) {
            ban.confirmed = read;
            if !read {
                ban.wanted = false;
                let ip = ban.probe.source;
                log.say(format_args!(
                    "adminalert: Host {ip} is not blocked: connection tracking does not tell whether \
                     its packet was an answer"
                ));
            }
        }
    }
    true
}

/// When the list may be read again, if somebody waits for it.
pub(super) fn due_at(state: &State) -> Option<Instant> {
    let waiting = state.detector.bans.stirred().any(|(_, ban)| waits(ban));
    waiting.then(|| state.witness.list_read_at().after(CONNTRACK_LOOK))
}

fn waits(ban: &Ban) -> bool {
    ban.wanted && ban.step == Step::Confirm && !ban.confirmed
}

fn drop_explained(state: &mut State) {
    let State { detector, log, .. } = state;
    let dropped = detector.bans.stirred();
    for (_, ban) in dropped.filter(|(_, ban)| !ban.wanted && ban.step == Step::Confirm) {
        let ip = ban.probe.source;
        log.say(format_args!(
            "adminalert: Host {ip} is not blocked: its packet belongs to a connection"
        ));
    }
    detector.bans.drop_gone();
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
