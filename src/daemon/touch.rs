//! Touches of trap sockets: what connect sensors see.

use std::io;
use std::net::IpAddr;

use crate::daemon::State;
use crate::daemon::intake::tell;
use crate::judge::verdict::{Outcome, Verdict};
use crate::see::conntrack::Belongs;
use crate::see::probe::{Kind, Mode, Probe, Protocol};
use crate::sys::trap::{Answer, Touch, Trap};
use crate::tell::report::DeafLine;
use crate::time::Instant;

/// All trap sockets rest: what makes one fail would make it fail at once again.
pub(super) fn accept_failed(trap: &Trap, error: &io::Error, state: &mut State) {
    state.log.say(DeafLine(trap.protocol, trap.port));
    state.log.say(format_args!(
        "adminalert: ERROR: a trap socket failed: {error}; all rest for a second"
    ));
}

/// Takes at most so many touches of one trap, and tells how many there were.
pub(super) fn drain(
    now: Instant,
    trap: &Trap,
    most: usize,
    state: &mut State,
) -> io::Result<usize> {
    for taken in 0..most {
        let Some(touch) = trap.receive()? else {
            return Ok(taken);
        };
        connect(now, trap, &touch, state);
    }
    Ok(most)
}

/// A touch of a trap socket. It is ours, so it is nobody else's: the witness is not needed.
fn connect(now: Instant, trap: &Trap, touch: &Touch, state: &mut State) {
    let probe = Probe {
        source: touch.from.ip(),
        destination: touch.to,
        source_port: touch.from.port(),
        port: trap.port,
        protocol: trap.protocol,
        kind: Kind::Connect,
        options: false,
    };
    if is_chatter(touch, state) || state.detector.candidate(&probe).is_err() {
        return;
    }
    let verdict = state
        .detector
        .judge(now, &probe, Mode::Connect, Belongs::Nobody);
    // A datagram's source may be forged, and may answer by itself: no second word to it.
    let greeted = match verdict {
        Verdict::Folded => trap.protocol == Protocol::Tcp,
        Verdict::Probe(outcome) => {
            trap.protocol == Protocol::Tcp || outcome != Outcome::AlreadyBanned
        }
        _ => false,
    };
    if let (true, Some(banner)) = (greeted, &state.config.banner) {
        trap.greet(touch, banner);
    }
    tell(&probe, Mode::Connect, verdict, state);
}

/// A datagram to everybody is chatter, no probe.
fn is_chatter(touch: &Touch, state: &State) -> bool {
    let broadcasts = &state.detector.protect.surroundings.broadcasts;
    let everybody = match touch.to {
        IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
        IpAddr::V6(to) => to.is_multicast(),
    };
    matches!(touch.answer, Answer::Datagram(_)) && (everybody || broadcasts.contains(&touch.to))
}
