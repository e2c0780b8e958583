//! Probes in: from the sensors through the witness to the detector, and what it says to the log.

use std::io;
use std::net::IpAddr;

use crate::daemon::packets::Packets;
use crate::daemon::{State, announce};
use crate::judge::verdict::{Outcome, Verdict};
use crate::limits::{BATCH_MAX, REST};
use crate::net::Family;
use crate::see::conntrack::Belongs;
use crate::see::probe::{Kind, Mode, Probe, Protocol};
use crate::sys::poll::{Place, Poll};
use crate::sys::trap::{Answer, Touch, Trap};
use crate::tell::report::{self, DeafLine, OptionsLine, ProbeLine};
use crate::time::Instant;

/// Touches taken from trap sockets in one turn; the loop comes back for the rest.
const TOUCHES_TURN_MAX: usize = 4 * BATCH_MAX;

/// The sensors.
pub(super) struct Intake {
    packets: Packets,
    traps: Vec<(Trap, Place)>,
    /// After a failure of the system the traps rest: what makes accept fail would make it fail at once again.
    traps_rest_until: Instant,
    /// The trap that is served first in the next turn, so that a flood of one does not starve the others.
    first_trap: usize,
}

impl Intake {
    /// Opens what the configuration asks for. An error is that of a sensor without which nothing is seen.
    pub(super) fn open(state: &mut State) -> io::Result<Self> {
        let mut intake = Self {
            packets: Packets::default(),
            traps: Vec::new(),
            traps_rest_until: Instant::default(),
            first_trap: 0,
        };
        intake.reopen(state)?;
        Ok(intake)
    }

    /// Opens what is missing and closes what is not asked for any more.
    pub(super) fn reopen(&mut self, state: &mut State) -> io::Result<()> {
        let connect = state.config.traps_in(|mode| mode == Mode::Connect);
        self.traps
            .retain(|(trap, _)| connect.of(trap.protocol).contains(trap.port));
        for protocol in Protocol::BOTH {
            self.bind(protocol, state)?;
        }
        let sniffed = state.config.traps_in(Mode::sees_packets);
        if sniffed.tcp.is_empty() && sniffed.udp.is_empty() {
            self.packets.close();
        } else if !self.packets.is_open() {
            for protocol in Protocol::BOTH {
                announce::packet_sensor(protocol, state);
            }
            self.packets
                .open()
                .inspect_err(|_| announce::no_packet_sensors(state))?;
        }
        self.aim(state)
    }

    /// Whether packet sockets are open.
    pub(super) fn is_sniffing(&self) -> bool {
        self.packets.is_open()
    }

    /// Packets that the kernel had no room for, as far as it was asked.
    pub(super) fn lost(&self) -> u64 {
        self.packets.lost()
    }

    /// Binds the trap ports of a protocol that are not bound yet, IPv4 and IPv6. A port counts as bound if
    /// one of the two could be had; a machine without IPv6 is no error.
    fn bind(&mut self, protocol: Protocol, state: &mut State) -> io::Result<()> {
        let wanted = state.config.traps_in(|mode| mode == Mode::Connect);
        let ports = wanted.of(protocol);
        let mut failed = 0;
        for port in ports.iter() {
            let ours = |(trap, _): &(Trap, Place)| trap.protocol == protocol && trap.port == port;
            if self.traps.iter().any(ours) {
                continue;
            }
            state.log.say(format_args!(
                "adminalert: Going into listen mode on {protocol} port: {port}\n"
            ));
            let v4 = Trap::bind(protocol, Family::V4, port);
            let v6 = Trap::bind(protocol, Family::V6, port);
            let in_use = |bound: &io::Result<Trap>| {
                let kind = bound.as_ref().err().map(io::Error::kind);
                kind == Some(io::ErrorKind::AddrInUse)
            };
            // A service on one of the two is a service: the other half would be a trap on its port.
            if in_use(&v4) || in_use(&v6) || (v4.is_err() && v6.is_err()) {
                failed += 1;
                state.log.say(format_args!(
                    "adminalert: ERROR: could not bind {protocol} socket: {port}. Attempting to continue\n"
                ));
                continue;
            }
            let bound = v4.into_iter().chain(v6);
            self.traps.extend(bound.map(|trap| (trap, Place::NONE)));
        }
        if failed > 0 && failed == ports.len() {
            let reason = format!("could not bind ANY {protocol} sockets. Shutting down.");
            return Err(io::Error::other(reason));
        }
        Ok(())
    }

    /// Gives the kernel's filter what it has to know: our addresses, our devices, our traps, what is looked for.
    pub(super) fn aim(&self, state: &State) -> io::Result<()> {
        self.packets.aim(state)
    }

    /// Adds the sensors to the set that is waited for.
    pub(super) fn watch(&mut self, now: Instant, poll: &mut Poll) {
        self.packets.watch(now, poll);
        for (trap, place) in &mut self.traps {
            *place = match now < self.traps_rest_until {
                true => Place::NONE,
                false => poll.add(trap),
            };
        }
    }

    /// When resting traps have to be looked at again, or the packets.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let rested = (now < self.traps_rest_until).then_some(self.traps_rest_until);
        rested.into_iter().chain(self.packets.due_at(now)).min()
    }

    /// Takes a bounded number of probes from every sensor that has some.
    pub(super) fn take(&mut self, now: Instant, poll: &Poll, state: &mut State) {
        self.packets.take(now, poll, state);
        self.take_touches(now, poll, state);
    }

    /// A bounded number from all trap sockets together: there may be hundreds.
    fn take_touches(&mut self, now: Instant, poll: &Poll, state: &mut State) {
        let count = self.traps.len();
        let traps = self.traps.iter().cycle().skip(self.first_trap).take(count);
        let mut left = TOUCHES_TURN_MAX;
        for (trap, _) in traps.filter(|(_, at)| poll.is_ready(*at)) {
            match drain(now, trap, left.min(BATCH_MAX), state) {
                Ok(taken) => left -= taken,
                Err(error) => {
                    accept_failed(trap, &error, state);
                    self.traps_rest_until = now.after(REST);
                    return;
                }
            }
        }
        self.first_trap = (self.first_trap + 1) % count.max(1);
    }
}

fn accept_failed(trap: &Trap, error: &io::Error, state: &mut State) {
    state.log.say(DeafLine(trap.protocol, trap.port));
    state.log.say(format_args!(
        "adminalert: ERROR: a trap socket failed: {error}; all rest for a second"
    ));
}

fn drain(now: Instant, trap: &Trap, most: usize, state: &mut State) -> io::Result<usize> {
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

/// Says what came of a probe, if it is to be said.
pub(super) fn tell(probe: &Probe, mode: Mode, verdict: Verdict, state: &mut State) {
    let Verdict::Probe(outcome) = verdict else {
        return;
    };
    state.log.say(ProbeLine(probe));
    if probe.options {
        state.log.say(OptionsLine(probe));
    }
    if let Some(line) = report::outcome(probe, mode, outcome) {
        state.log.say(line);
    }
}
