//! Probes in: from the sensors through the witness to the detector, and what it says to the log.

use std::io;

use crate::daemon::loss::Loss;
use crate::daemon::packets::Packets;
use crate::daemon::touch::{accept_failed, drain};
use crate::daemon::{State, announce};
use crate::judge::verdict::Verdict;
use crate::limits::{BATCH_MAX, REST};
use crate::net::Family;
use crate::see::probe::{Mode, Probe, Protocol};
use crate::see::traps::Ports;
use crate::sys;
use crate::sys::poll::{Place, Poll};
use crate::sys::trap::{QUEUE_MIN, Trap};
use crate::tell::report::{self, OptionsLine, ProbeLine};
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
    pub(super) loss: Loss,
    /// The filter could not be changed: it is tried again then.
    aim_at: Option<Instant>,
}

impl Intake {
    /// Opens what the configuration asks for. An error is that of a sensor without which nothing is seen.
    pub(super) fn open(state: &mut State) -> io::Result<Self> {
        let mut intake = Self {
            packets: Packets::default(),
            traps: Vec::new(),
            traps_rest_until: Instant::default(),
            first_trap: 0,
            loss: Loss::default(),
            aim_at: None,
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

    /// Closes all sensors; what they lost may have to be said.
    pub(super) fn close(self) -> Loss {
        self.loss
    }

    /// Binds the trap ports of a protocol that are not bound yet, IPv4 and IPv6; a machine without one of the two
    /// is no error.
    fn bind(&mut self, protocol: Protocol, state: &mut State) -> io::Result<()> {
        let wanted = state.config.traps_in(|mode| mode == Mode::Connect);
        let ports = wanted.of(protocol);
        let mut failed = 0;
        let mut unbound = Ports::new();
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
            let failed_to = |bound: &io::Result<Trap>| {
                let error = bound.as_ref().err();
                error.is_some_and(|error| !sys::is_lacking(error))
            };
            // A service on one of the two is a service: the other half would be a trap on its port. And a half
            // that is missing for another reason would be missed by nobody, and never be tried again.
            if failed_to(&v4) || failed_to(&v6) || (v4.is_err() && v6.is_err()) {
                failed += 1;
                if unbound.add(port, port).is_err() {
                    unbound = ports.clone();
                }
                state.log.say(format_args!(
                    "adminalert: ERROR: could not bind {protocol} socket: {port}. Attempting to continue\n"
                ));
                continue;
            }
            let bound = v4.into_iter().chain(v6);
            self.traps.extend(bound.map(|trap| (trap, Place::NONE)));
        }
        if protocol == Protocol::Tcp {
            state.unbound = unbound;
        }
        if failed > 0 && failed == ports.len() {
            let reason = format!("could not bind ANY {protocol} sockets. Shutting down.");
            return Err(io::Error::other(reason));
        }
        Ok(())
    }

    /// Gives the kernel's filter what it has to know: our addresses, our devices, our traps, what is looked for.
    pub(super) fn aim(&mut self, state: &State) -> io::Result<()> {
        self.aim_at = None;
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

    /// The filter stays as it was, and what is new is not seen: that is tried again in a while.
    pub(super) fn aim_later(&mut self, now: Instant) {
        self.aim_at = Some(now.after(REST));
    }

    /// Whether it is time to.
    pub(super) fn is_to_aim(&self, now: Instant) -> bool {
        self.aim_at.is_some_and(|at| at <= now)
    }

    /// When resting traps are looked at again, packets have gathered, a loss has to be said, or the filter has to
    /// change.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let rested = (now < self.traps_rest_until).then_some(self.traps_rest_until);
        let gathered = self.packets.due_at(now);
        let times = [rested, gathered, self.loss.due_at(), self.aim_at];
        times.into_iter().flatten().min()
    }

    /// Takes a bounded number of probes from every sensor that has some.
    pub(super) fn take(&mut self, now: Instant, poll: &Poll, state: &mut State) {
        self.packets.take(now, poll, &mut self.loss, state);
        self.take_touches(now, poll, state);
        self.loss.tell(now, &mut state.log);
    }

    /// A bounded number from all trap sockets together: there may be hundreds.
    fn take_touches(&mut self, now: Instant, poll: &Poll, state: &mut State) {
        let count = self.traps.len();
        let traps = self.traps.iter().cycle().skip(self.first_trap).take(count);
        let mut left = TOUCHES_TURN_MAX;
        for (trap, _) in traps.filter(|(_, at)| poll.is_ready(*at)) {
            let most = left.min(BATCH_MAX);
            match drain(now, trap, most, state) {
                Ok(taken) => {
                    left -= taken;
                    if taken >= most.min(QUEUE_MIN) {
                        self.loss.note(trap.lost());
                    }
                }
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
