//! As many packets as one core can send, each a touch by a new source: how many are lost, and who says so.

use super::peers::{Peer, Running, Traps};
use super::spent;
use super::table::{Figure, Table};
use crate::lab::Lab;
use crate::lab::backend::Backend;
use crate::lab::flood::forged_syn;
use std::time::{Duration, Instant};

const PACKETS: u32 = 100_000;
const RUNS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);

struct Loss {
    /// Thousands of packets a second.
    rate: f64,
    lost: f64,
    /// As the program itself says.
    reported: f64,
}

#[track_caller]
fn run(lab: &Lab, peer: &Peer) -> Loss {
    let running = peer.watch(lab, Traps::Classic);
    let sender = lab.scanner.sender();
    let packets: Vec<_> = (0..PACKETS).map(forged_syn).collect();
    let (lines, wire) = (lab.log.all().len(), lab.lost_on_the_wire());
    let begun = Instant::now();
    for packet in &packets {
        sender.send(packet);
    }
    let rate = f64::from(PACKETS) / begun.elapsed().as_secs_f64() / 1000.0;
    spent::rest(running.pid().unwrap(), PATIENCE);
    let wire = lab.lost_on_the_wire() - wire;
    let arrived = f64::from(PACKETS) - f64::from(u32::try_from(wire).unwrap());
    let (lost, reported) = match &running {
        Running::Ours(daemon) => {
            let status = daemon.ask("status --json").json();
            let kinds = status["probes"].as_object().unwrap().values();
            let seen: f64 = kinds.map(|count| count.as_f64().unwrap()).sum();
            (arrived - seen, status["lost"]["packets"].as_f64().unwrap())
        }
        Running::Original(_) => {
            let told = lab.log.texts().split_off(lines);
            let told = told.iter().filter(|line| line.contains(" from host: "));
            (
                arrived - f64::from(u32::try_from(told.count()).unwrap()),
                0.0,
            )
        }
        _ => (dropped(lab), 0.0),
    };
    Loss {
        rate,
        lost,
        reported,
    }
}

/// What raw sockets had no room for (the last word of each line of /proc/net/raw).
fn dropped(lab: &Lab) -> f64 {
    let drops = lab
        .router
        .sh("awk 'NR > 1 { n += $NF } END { print n + 0 }' /proc/self/net/raw");
    drops.trim().parse().unwrap()
}

#[test]
#[ignore = "make bench"]
fn loss() {
    let peers = [Peer::original(), Peer::scanlogd()].into_iter().flatten();
    let columns = ["thousand packets/s sent", "lost", "reported as lost"];
    let mut table = Table::new("loss", columns);
    for peer in [Peer::Ours(Backend::Nft)].into_iter().chain(peers) {
        let Some(lab) = Lab::new(&["nft"]) else {
            return;
        };
        let losses: Vec<Loss> = (0..RUNS).map(|_| run(&lab, &peer)).collect();
        let columns: [fn(&Loss) -> f64; 3] =
            [|loss| loss.rate, |loss| loss.lost, |loss| loss.reported];
        let figures = columns.map(|column| Some(Figure::new(losses.iter().map(column))));
        table.row(peer.watching(), figures);
    }
    table.note(format!(
        "{PACKETS} SYNs to one trap, each from a source of its own, as fast as one core sends them; nobody is \
          blocked. Lost: of ours by its own count of probes, of 1.2 by its log lines, of scanlogd by its \
         socket's count."
    ));
    table.end();
}
