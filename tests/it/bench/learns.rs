//! What a scanner learns of a router with six services before it is cut off.

mod scans;

use super::peers::{Peer, Psad, Traps};
use super::table::{Figure, Table};
use crate::lab::backend::Backend;
use crate::lab::drawn::{Dice, FIRST};
use crate::lab::{Lab, ROUTER, eventually};
use scans::{Learned, Scan, masscan};
use std::time::Instant;

/// The services of so many runs are drawn, each run with its own.
const SEEDS: u64 = 20;
/// Where chance has less to do with it.
const SEEDS_UNUSED: u64 = 8;
/// Of what only shows that it is no different, or is slow.
const FEW: u64 = 3;

/// Six services: three among the ports that nmap tries first, three among the rest of its thousand, and none among
/// the classic traps.
fn services(ports: &[u16], seed: u64) -> Vec<u16> {
    let mut dice = Dice(seed);
    let free = |first: bool| -> Vec<u16> {
        let free =
            |port: &&u16| FIRST.contains(port) == first && !Traps::Classic.contains(**port, &[]);
        ports.iter().filter(free).copied().collect()
    };
    [dice.draw(free(true), 3), dice.draw(free(false), 3)].concat()
}

/// One scan of a router that one of them watches.
#[track_caller]
fn run(lab: &Lab, peer: &Peer, traps: Traps, scan: &Scan, ports: &[u16], seed: u64) -> Learned {
    let services = services(ports, seed);
    let listeners = services
        .iter()
        .map(|port| lab.router.listen((ROUTER, *port)));
    let _listeners: Vec<_> = listeners.collect();
    let _running = peer.start(lab, traps, &services);
    scan.of(lab, ports, |port| traps.contains(port, &services))
}

/// What became of the runs with each peer, in their order. A run with one is followed by the same with the next:
/// whatever else the machine does meets all of them.
#[track_caller]
fn runs(peers: &[Peer], traps: Traps, scan: &Scan, seeds: u64) -> Option<Vec<Vec<Learned>>> {
    let labs: Option<Vec<Lab>> = peers
        .iter()
        .map(|_| Lab::new(&["nmap", "nft", "ipset"]))
        .collect();
    let labs = labs?;
    let ports = labs[0].nmap_ports();
    assert_eq!(ports.len(), 1000);
    let mut learned: Vec<Vec<Learned>> = peers.iter().map(|_| Vec::new()).collect();
    for seed in 0..seeds {
        for ((peer, lab), learned) in peers.iter().zip(&labs).zip(&mut learned) {
            learned.push(run(lab, peer, traps, scan, &ports, seed));
        }
    }
    Some(learned)
}

/// What is told of a scan: ports that answered, services that were found; of each, how many when it was late.
const COUNTS: [fn(&Learned) -> usize; 4] = [
    |run| run.answered,
    |run| run.late,
    |run| run.found,
    |run| run.late_found,
];

fn figure(runs: &[Learned], count: impl Fn(&Learned) -> usize) -> Option<Figure> {
    Some(Figure::new(
        runs.iter()
            .map(|run| f64::from(u32::try_from(count(run)).unwrap())),
    ))
}

fn everybody() -> Vec<Peer> {
    let ours = [Backend::Nft, Backend::Ipset, Backend::Iptables].map(Peer::Ours);
    let programs = [Peer::original(), Peer::two()].into_iter().flatten();
    let recipes = [Peer::NftRule, Peer::IpsetRule, Peer::Recent];
    ours.into_iter().chain(programs).chain(recipes).collect()
}

/// Those between whom it is decided.
fn the_few() -> Vec<Peer> {
    let ours = [Backend::Nft, Backend::Ipset, Backend::Iptables].map(Peer::Ours);
    let programs = [Peer::original(), Peer::two()].into_iter().flatten();
    ours.into_iter()
        .chain(programs)
        .chain([Peer::NftRule])
        .collect()
}

#[test]
#[ignore = "make bench"]
fn learns() {
    for (name, traps, peers, seeds) in [
        ("learns", Traps::Classic, everybody(), SEEDS),
        ("learns-unused", Traps::Unused, the_few(), SEEDS_UNUSED),
    ] {
        let scan = Scan::Nmap("-sS -T4");
        let Some(learned) = runs(&peers, traps, &scan, seeds) else {
            return;
        };
        let columns = [
            "ports answered",
            "after a trap was touched",
            "services found of 6",
            "after a trap was touched",
        ];
        let mut table = Table::new(name, columns);
        for (peer, runs) in peers.iter().zip(&learned) {
            table.row(peer.name(), COUNTS.map(|count| figure(runs, count)));
        }
        table.note(format!(
            "{} of nmap's 1,000 ports, {}, six services, {seeds} runs each with its own services.",
            scan.name(),
            traps.name()
        ));
        table.note(
            "Which port nmap tries first is chance; what answers after a trap was touched is not. Of ours the \
              trap itself does, with nft and ipset: the packet that touches it passes, so that the daemon \
             sees it.",
        );
        table.end();
    }
}

/// Who is asked in other ways too.
fn scanners() -> Vec<Scan> {
    let nmap = ["-sS -T3", "-sS -T5", "-sS --min-rate 5000", "-sT -T4"].map(Scan::Nmap);
    let masscan = masscan().map(|place| Scan::Masscan(place, 10_000));
    nmap.into_iter().chain(masscan).collect()
}

#[test]
#[ignore = "make bench"]
fn learns_otherwise() {
    let (peers, scans) = (the_few(), scanners());
    let mut learned = Vec::new();
    for scan in &scans {
        let Some(runs) = runs(&peers, Traps::Classic, scan, FEW) else {
            return;
        };
        learned.push(runs);
    }
    let mut table = Table::new("learns-otherwise", scans.iter().map(Scan::name));
    for (n, peer) in peers.iter().enumerate() {
        let late = learned.iter().map(|runs| figure(&runs[n], |run| run.late));
        table.row(peer.name(), late);
    }
    table.note(format!(
        "Ports that answered after a trap had been touched: 1,000 ports, {}, {FEW} runs each.",
        Traps::Classic.name()
    ));
    table.note(
        "zmap asks many hosts for one port: one host tells it of that port, whoever watches, so there is no row.",
    );
    table.end();
}

/// From the beginning of a scan to its block.
#[track_caller]
fn seconds_of_psad(psad: &Peer) -> Figure {
    let times = (0..3).map(|_| {
        let lab = Lab::new(&["nmap", "nft", "ipset"]).unwrap();
        let _running = psad.start(&lab, Traps::Classic, &[]);
        let begun = Instant::now();
        lab.nmap("-sS -T4", ROUTER);
        eventually("psad blocks", || Psad::blocks(&lab));
        begun.elapsed().as_secs_f64()
    });
    Figure::new(times)
}

/// Who does not stop the scan, or comes to it late.
#[test]
#[ignore = "make bench"]
fn learns_all() {
    let slow = [Peer::scanlogd(), Peer::psad()].into_iter().flatten();
    let peers: Vec<Peer> = [Peer::Ours(Backend::Nft), Peer::Nobody]
        .into_iter()
        .chain(slow)
        .collect();
    let Some(learned) = runs(&peers, Traps::Classic, &Scan::Nmap("-sS -T4"), 3) else {
        return;
    };
    let mut table = Table::new("learns-all", ["ports answered", "services found of 6"]);
    for (peer, runs) in peers.iter().zip(&learned) {
        let counts: [fn(&Learned) -> usize; 2] = [|run| run.answered, |run| run.found];
        table.row(peer.name(), counts.map(|count| figure(runs, count)));
    }
    if let Some(psad) = Peer::psad() {
        table.note(format!(
            "psad blocks {} s after the scan has begun: it looks at its lines once a second here, every five \
             as Debian has it; at the first of its danger levels, the fifth as Debian has it.",
            seconds_of_psad(&psad).median().round()
        ));
    }
    table.note(
        "scanlogd tells and does not block: what it is worth depends on who reads its lines.",
    );
    table.note(
        "sshguard reads of failed log-ins to services; a scan is nothing to it, so it has no row.",
    );
    table.end();
}
