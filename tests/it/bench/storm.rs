//! Forged sources, each of which touches one trap: how many of them are stopped, when, and what that costs.

use super::pace;
use super::peers::{Peer, Running, Traps};
use super::spent;
use super::table::{Figure, Table};
use crate::lab::Lab;
use crate::lab::backend::Backend;
use crate::lab::flood::forged_syn;
use crate::lab::spent::Spent;
use std::time::{Duration, Instant};

const EACH_SECOND: u32 = 5_000;

/// Whoever has not enforced all by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of one storm.
struct Storm {
    /// Of a hundred sources.
    share: f64,
    /// From the last packet to the last work that came of it.
    seconds: f64,
    processes: f64,
    memory: f64,
    /// Microseconds of the processor, children's included.
    cpu_per_ban: f64,
}

/// How many sources the firewall stops.
fn enforced(lab: &Lab, peer: &Peer) -> u32 {
    let count = |script: &str| lab.router.sh(script).trim().parse().unwrap();
    match peer {
        Peer::Ours(backend) => lab.bans(*backend).len().try_into().unwrap(),
        Peer::NftRule => count("nft list set ip bare scanners | grep -o expires | wc -l"),
        _ => count("iptables -w -S INPUT | grep -c DROP || true"),
    }
}

#[track_caller]
fn run(lab: &Lab, peer: &Peer, sources: u32) -> Option<Storm> {
    let running = peer.start(lab, Traps::Classic, &[]);
    let sender = lab.scanner.sender();
    let packets: Vec<_> = (0..sources).map(forged_syn).collect();
    let pid = running.pid()?;
    let (before, started) = (Spent::by(pid), spent::started());
    pace::send(&sender, &packets, EACH_SECOND);
    let last = Instant::now();
    let rest = spent::rest(pid, PATIENCE);
    let cpu = spent::seconds(Spent::by(pid), before);
    let processes = spent::started() - started;
    let memory = spent::memory(pid);
    let bans = f64::from(enforced(lab, peer));
    Some(Storm {
        share: 100.0 * bans / f64::from(sources),
        seconds: rest.saturating_duration_since(last).as_secs_f64(),
        processes,
        memory,
        cpu_per_ban: cpu * 1e6 / bans.max(1.0),
    })
}

/// The share alone, of what has no process.
fn share(lab: &Lab, peer: &Peer, sources: u32) -> f64 {
    let _running: Running = peer.start(lab, Traps::Classic, &[]);
    let packets: Vec<_> = (0..sources).map(forged_syn).collect();
    pace::send(&lab.scanner.sender(), &packets, EACH_SECOND);
    100.0 * f64::from(enforced(lab, peer)) / f64::from(sources)
}

const COLUMNS: [&str; 5] = [
    "% of the sources enforced",
    "seconds from the last packet",
    "processes started",
    "kB at most",
    "µs of the processor for a ban",
];

#[track_caller]
fn storm(name: &'static str, sources: u32, runs: usize) {
    let ours = [Backend::Nft, Backend::Ipset, Backend::Iptables].map(Peer::Ours);
    let programs = [Peer::original(), Peer::two()].into_iter().flatten();
    let mut table = Table::new(name, COLUMNS);
    for peer in ours.into_iter().chain(programs) {
        let Some(lab) = Lab::new(&["nft", "ipset"]) else {
            return;
        };
        // Whoever takes so long needs no second look.
        let runs = match peer {
            Peer::Ours(_) => runs,
            _ => 1,
        };
        let storms: Vec<Storm> = (0..runs)
            .filter_map(|_| run(&lab, &peer, sources))
            .collect();
        let columns: [fn(&Storm) -> f64; 5] = [
            |storm| storm.share,
            |storm| storm.seconds,
            |storm| storm.processes,
            |storm| storm.memory,
            |storm| storm.cpu_per_ban,
        ];
        let figures = columns.map(|column| Some(Figure::new(storms.iter().map(column))));
        table.row(peer.name(), figures);
    }
    let lab = Lab::new(&["nft"]).unwrap();
    let share = Figure::new([share(&lab, &Peer::NftRule, sources)]);
    table.row(Peer::NftRule.name(), [Some(share), None, None, None, None]);
    table.note(format!(
        "{sources} forged sources, {EACH_SECOND} a second, a SYN each to one trap; ours with BAN_RATE_MAX 0. \
         Ours takes 8,192 bans at most, 1,024 with plain iptables, and refuses the rest. Who is not at rest \
         {} s after the last packet is not waited for. A bare rule has no process.",
        PATIENCE.as_secs()
    ));
    table.end();
}

#[test]
#[ignore = "make bench"]
fn storm_of_thousands() {
    storm("storm", 5_000, 3);
}

#[test]
#[ignore = "make bench"]
fn storm_of_tens_of_thousands() {
    storm("storm-50000", 50_000, 1);
}
