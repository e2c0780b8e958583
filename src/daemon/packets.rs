//! Packets in: from the packet sockets through the witness to the detector.
//!
//! They are taken several at a time, and the kernel is asked about all of them at once: in a flood it is the
//! system calls and the wake-ups that cost.

use std::io;

use crate::act::firewall::Hold;
use crate::config::Config;
use crate::daemon::loss::Loss;
use crate::daemon::{State, intake};
use crate::limits::{BATCH_MAX, FLOOD_MIN, GATHER, RECEIVED_MAX};
use crate::net::Family;
use crate::see::conntrack::Belongs;
use crate::see::filter::{self, Devices, Sight};
use crate::see::packet;
use crate::see::probe::{Mode, Probe, Protocol};
use crate::sys::batch::Batch;
use crate::sys::poll::{Place, Poll};
use crate::sys::sniff::Sniffer;
use crate::time::Instant;

/// The packet sockets.
#[derive(Default)]
pub(super) struct Packets {
    sniffers: Vec<(Sniffer, Place)>,
    batch: Batch,
    pace: Pace,
}

/// How fast packets come.
#[derive(Default)]
struct Pace {
    /// So many in this millisecond.
    taken: usize,
    at: Instant,
    /// Until then packets gather.
    rest_until: Instant,
}

/// A packet that may be a probe, and whose it is as far as that is known without asking the kernel.
struct Candidate {
    probe: Probe,
    mode: Mode,
    belongs: Option<Belongs>,
}

impl Packets {
    /// Opens a socket for each family. They pass nothing until they are aimed.
    pub(super) fn open(&mut self) -> io::Result<()> {
        for family in Family::BOTH {
            self.sniffers.push((Sniffer::open(family)?, Place::NONE));
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.sniffers.clear();
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sniffers.is_empty()
    }

    /// Gives the kernel's filter what it has to know: our addresses, our devices, our traps, what is looked for.
    pub(super) fn aim(&self, state: &State) -> io::Result<()> {
        let traps = state.config.traps_in(Mode::sees_packets);
        let around = &state.detector.protect.surroundings;
        let sight = Sight {
            devices: devices(&state.config, &around.watched, &around.loopbacks),
            own: &around.own,
            traps: &traps,
            kinds: state.config.kinds,
        };
        for (family, (sniffer, _)) in Family::BOTH.into_iter().zip(&self.sniffers) {
            sniffer.aim(&filter::program(family, &sight))?;
        }
        Ok(())
    }

    /// Adds the sockets to the set that is waited for.
    pub(super) fn watch(&mut self, now: Instant, poll: &mut Poll) {
        for (sniffer, place) in &mut self.sniffers {
            *place = match now < self.pace.rest_until {
                true => Place::NONE,
                false => poll.add(sniffer),
            };
        }
    }

    /// When they have gathered.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let gathered = self.pace.rest_until;
        (now < gathered).then_some(gathered)
    }

    /// Takes a bounded number from each socket that has some.
    pub(super) fn take(&mut self, now: Instant, poll: &Poll, loss: &mut Loss, state: &mut State) {
        let sniffers = Family::BOTH.into_iter().zip(&self.sniffers);
        for (family, (sniffer, _)) in sniffers.filter(|(_, (_, at))| poll.is_ready(*at)) {
            let mut taken = 0;
            while taken < BATCH_MAX {
                sniffer.receive(&mut self.batch);
                taken += self.batch.len();
                sniffed(now, family, &self.batch, state);
                if !self.batch.is_full() {
                    break;
                }
            }
            // Only a queue that holds more than one turn takes can have been full.
            if taken == BATCH_MAX {
                loss.note(sniffer.lost());
            }
            self.pace.note(now, taken);
        }
    }
}

impl Pace {
    /// So many were taken from a socket. While there may be more, nothing rests.
    fn note(&mut self, now: Instant, taken: usize) {
        if now > self.at {
            (self.taken, self.at) = (0, now);
        }
        self.taken += taken;
        if self.taken >= FLOOD_MIN && taken < BATCH_MAX {
            self.rest_until = now.after(GATHER);
        }
    }
}

fn devices<'a>(config: &Config, watched: &'a [u32], loopbacks: &'a [u32]) -> Devices<'a> {
    match config.names_devices() {
        true => Devices::Only(watched),
        false => Devices::AllBut(loopbacks),
    }
}

/// Packets that the filter let through, of one family.
fn sniffed(now: Instant, family: Family, batch: &Batch, state: &mut State) {
    let mut candidates: heapless::Vec<Candidate, RECEIVED_MAX> = heapless::Vec::new();
    for (bytes, wire_len) in batch.each() {
        // A frame may lie about the version of what it carries; the filter believed the frame.
        let probe = packet::parse(bytes, wire_len, state.config.kinds).ok();
        let probe = probe.filter(|probe| Family::of(probe.destination) == family);
        candidates.extend(probe.and_then(|probe| candidate(now, probe, state)));
    }
    let open = candidates.iter().filter(|of| of.belongs.is_none());
    let open: heapless::Vec<Probe, RECEIVED_MAX> = open.map(|of| of.probe).collect();
    let mut answers = state.witness.ask_kernel(now, &open).into_iter();
    for of in &candidates {
        let belongs = of.belongs.or_else(|| answers.next());
        judge(now, of, belongs.unwrap_or(Belongs::Unknown), state);
    }
}

fn candidate(now: Instant, probe: Probe, state: &mut State) -> Option<Candidate> {
    let mode = state.config.side(probe.protocol).mode;
    let mode = mode.filter(|mode| mode.sees_packets())?;
    state.detector.candidate(&probe).ok()?;
    let belongs = match state.witness.serves(now, &probe) {
        true => Some(Belongs::Us),
        false if state.detector.is_settled(now, &probe) => Some(Belongs::Nobody),
        false => None,
    };
    Some(Candidate {
        probe,
        mode,
        belongs,
    })
}

fn judge(now: Instant, of: &Candidate, belongs: Belongs, state: &mut State) {
    let probe = &of.probe;
    // A service that is new: the kernel shall not hold its visitors.
    let held = |hold: &Hold| hold.traps.contains(probe.port);
    let tcp = probe.protocol == Protocol::Tcp;
    state.changed |= tcp && belongs == Belongs::Us && state.hold.as_ref().is_some_and(held);
    let verdict = state.detector.judge(now, probe, of.mode, belongs);
    intake::tell(probe, of.mode, verdict, state);
}
