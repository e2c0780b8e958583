//! What the sensors say: 1.2's lines about each port when packet sensors start, of which some end with a newline,
//! and about a trap socket that fails.

use std::io;

use crate::config::Side;
use crate::config::advanced::Extent;
use crate::daemon::State;
use crate::limits::PORT_LINES_MAX;
use crate::see::probe::{Mode, Protocol};
use crate::see::traps::PortBits;
use crate::sys::log::Log;
use crate::sys::trap::Trap;
use crate::tell::report::DeafLine;

/// Says what is watched of a protocol, and what of it is no trap.
pub(super) fn packet_sensor(protocol: Protocol, state: &mut State) {
    let State {
        config,
        witness,
        log,
        ..
    } = state;
    let side = config.side(protocol);
    match side.mode {
        Some(Mode::Stealth) => stealth(protocol, side, &witness.in_use(protocol), log),
        Some(Mode::Advanced) => advanced(protocol, side, &witness.in_use(protocol), log),
        Some(Mode::Connect) | None => {}
    }
}

/// A trap socket could not say who touched it.
pub(super) fn deaf_trap(trap: &Trap, error: &io::Error, state: &mut State) {
    state.log.say(DeafLine(trap.protocol, trap.port));
    state.log.say(format_args!(
        "adminalert: ERROR: a trap socket failed: {error}; all rest for a second"
    ));
}

/// The sensor could not be opened: 1.2's line, for each protocol that has lost it.
pub(super) fn no_packet_sensors(state: &mut State) {
    let State { config, log, .. } = state;
    let mode = |protocol| config.side(protocol).mode;
    for protocol in Protocol::BOTH
        .into_iter()
        .filter(|p| mode(*p).is_some_and(Mode::sees_packets))
    {
        log.say(format_args!(
            "adminalert: ERROR: could not open RAW {protocol} socket. Aborting.\n"
        ));
    }
}

/// 1.2 dropped a port in use until its next start; here it is a trap as soon as its service has gone.
fn stealth(protocol: Protocol, side: &Side, in_use: &PortBits, log: &mut Log) {
    let (mut watched, mut used) = (Lines::default(), Lines::default());
    for port in side.ports.iter() {
        if watched.one_more() {
            log.say(format_args!(
                "adminalert: Going into stealth listen mode on {protocol} port: {port}\n"
            ));
        }
        if in_use.contains(port) && used.one_more() {
            log.say(format_args!(
                "adminalert: ERROR: Socket {port} is in use and will not be monitored. Attempting to continue\n"
            ));
        }
    }
    if let more @ 1.. = watched.left_out {
        log.say(format_args!(
            "adminalert: Going into stealth listen mode on {more} more {protocol} ports"
        ));
    }
    if let more @ 1.. = used.left_out {
        log.say(format_args!(
            "adminalert: ERROR: {more} more sockets are in use and will not be monitored"
        ));
    }
    if used == watched {
        log.say(format_args!(
            "adminalert: ERROR: All supplied {protocol} sockets are in use and will not be listened to. Each is \
             a trap as soon as its service has gone"
        ));
    }
}

fn advanced(protocol: Protocol, side: &Side, in_use: &PortBits, log: &mut Log) {
    let settings = &side.advanced;
    if settings.extent == Extent::Assumed {
        log.say(format_args!(
            "adminalert: ERROR: Could not read ADVANCED_PORTS_{protocol} option from config file. Assuming 1024."
        ));
    }
    match settings.extent.first() {
        Some(count) => log.say(format_args!(
            "adminalert: Advanced mode will monitor first {count} ports"
        )),
        None => log.say(format_args!(
            "adminalert: Advanced mode will monitor the {} ports of {protocol}_PORTS",
            settings.within.len()
        )),
    }
    if settings.excluded.is_none() {
        log.say("adminalert: Advanced mode will manually exclude no ports");
    }
    let mut lines = Lines::default();
    for port in settings.excluded_ports().filter(|_| lines.one_more()) {
        // A blank stands at the end, as ever.
        log.say(format_args!(
            "adminalert: Advanced mode will manually exclude port: {port} "
        ));
    }
    if let more @ 1.. = lines.left_out {
        log.say(format_args!(
            "adminalert: Advanced mode will manually exclude {more} more ports"
        ));
    }
    let used = |port: &u16| in_use.contains(*port);
    ignored(protocol, &mut settings.within.iter().filter(used), log);
    ignored(protocol, &mut settings.excluded_ports(), log);
}

fn ignored(protocol: Protocol, ports: &mut dyn Iterator<Item = u16>, log: &mut Log) {
    const MODE: &str = "Advanced Stealth scan detection mode activated.";
    let mut lines = Lines::default();
    for port in ports.filter(|_| lines.one_more()) {
        log.say(format_args!(
            "adminalert: {MODE} Ignored {protocol} port: {port}\n"
        ));
    }
    if let more @ 1.. = lines.left_out {
        log.say(format_args!(
            "adminalert: {MODE} Ignored {more} more {protocol} ports"
        ));
    }
}

/// Lines about single ports, as many as are written.
#[derive(Default, PartialEq)]
struct Lines {
    written: usize,
    left_out: usize,
}

impl Lines {
    /// Whether there is room for one more; if not, it is counted.
    fn one_more(&mut self) -> bool {
        let room = self.written < PORT_LINES_MAX;
        match room {
            true => self.written += 1,
            false => self.left_out += 1,
        }
        room
    }
}
