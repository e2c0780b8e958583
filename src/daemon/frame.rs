//! The traps that the frame of the firewall names: those that the kernel holds for, and those to which a banned
//! source's datagrams need not be seen.

use crate::act::firewall::{Distinct, Hold};
use crate::daemon::State;
use crate::judge::policy::Block;
use crate::see::probe::{Mode, Protocol};
use crate::see::traps::Ports;

/// Ports below 1024 from which machines also ask: DNS, DHCP, NTP, IKE, DHCPv6. An answer may come to them.
const ASKING: [(u16, u16); 5] = [(53, 53), (67, 68), (123, 123), (500, 500), (546, 547)];

/// The kernel holds who touches a trap, while TCP is blocked by the firewall and the rule of banning is one that
/// it can follow: the first or the second distinct trap.
pub(super) fn hold(state: &mut State) -> Option<Hold> {
    let policy = &state.detector.policy;
    let distinct = match policy.trigger_ports.max(policy.scan_trigger) {
        0 | 1 => Distinct::First,
        2 => Distinct::Second,
        _ => return None,
    };
    if policy.block_tcp != Block::Full || !policy.needs_firewall() {
        return None;
    }
    // INTERFACE names devices, and none of them is there: nobody touches anything, and nft knows no empty set.
    let around = &state.detector.protect.surroundings;
    if state.config.names_devices() && around.watched_names().next().is_none() {
        return None;
    }
    let traps = &policy.traps.tcp;
    // The sockets of connect sensors are our own: no service. Behind a port that they could not bind is one.
    let traps = match state.config.side(Protocol::Tcp).mode {
        Some(Mode::Connect) => traps.without(&state.unbound).ok()?,
        _ => {
            let used = state.witness.in_use(Protocol::Tcp);
            let used = traps.iter().filter(|port| used.contains(*port));
            let mut served = Ports::new();
            for port in used {
                served.add(port, port).ok()?;
            }
            traps.without(&served).ok()?
        }
    };
    (!traps.is_empty()).then_some(Hold { traps, distinct })
}

/// UDP traps below 1024, where no answer comes, and which no service of ours uses.
pub(super) fn datagrams(state: &mut State) -> Ports {
    let mut others = Ports::new();
    let used = state.witness.in_use(Protocol::Udp);
    let traps = &state.detector.policy.traps.udp;
    let served = traps
        .iter()
        .filter(|port| *port < 1024 && used.contains(*port));
    let served = served.map(|port| (port, port));
    for (first, last) in [(1024, u16::MAX)].into_iter().chain(ASKING).chain(served) {
        if others.add(first, last).is_err() {
            return Ports::new();
        }
    }
    traps.without(&others).unwrap_or_default()
}
