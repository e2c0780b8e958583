//! From the first probe to the first packet that the firewall drops.
//!
//! The trap's port is closed: the kernel answers each SYN that comes through with a reset, and counts its resets.
//! As many as it has sent have passed, and the next one was dropped; when that was sent is known.

use super::pace;
use super::peers::{Peer, Traps};
use super::table::{Figure, Table};
use crate::lab::backend::Backend;
use crate::lab::{Lab, SCANNER};
use std::time::Duration;

const RATES: [u32; 3] = [1_000, 10_000, 50_000];
const RUNS: usize = 5;

/// Whoever has not reacted by then, has not.
const TIME: Duration = Duration::from_millis(300);

/// Who stops a source by itself.
fn peers() -> Vec<Peer> {
    let ours = [Backend::Nft, Backend::Ipset, Backend::Iptables].map(Peer::Ours);
    let programs = [Peer::original(), Peer::two()].into_iter().flatten();
    let recipes = [Peer::NftRule, Peer::IpsetRule, Peer::Recent];
    let ours = ours.into_iter().chain([Peer::NoHold]);
    ours.chain(programs).chain(recipes).collect()
}

/// After a start, whose own work on the firewall shall not be measured.
const REST: Duration = Duration::from_millis(100);

/// How many packets passed, and how long it was until the first that did not. Nothing, where all of them did.
#[track_caller]
fn run(lab: &Lab, peer: &Peer, rate: u32) -> (f64, Option<Duration>) {
    let _running = peer.start(lab, Traps::Classic, &[]);
    let sender = lab.scanner.sender();
    let count = u128::from(rate) * TIME.as_millis() / 1000;
    let touches = pace::touches(SCANNER, count.try_into().unwrap());
    std::thread::sleep(REST);
    let before = lab.resets();
    let sent = pace::send(&sender, &touches, rate);
    let passed = lab.resets() - before;
    let dropped = sent.get(passed).map(|at| *at - sent[0]);
    (f64::from(u32::try_from(passed).unwrap()), dropped)
}

#[test]
#[ignore = "make bench"]
fn first() {
    let peers = peers();
    let labs: Option<Vec<Lab>> = peers.iter().map(|_| Lab::new(&["nft", "ipset"])).collect();
    let Some(labs) = labs else {
        return;
    };
    let columns = RATES.iter().flat_map(|rate| {
        [
            format!("{rate}/s: packets passed"),
            format!("{rate}/s: µs to the first dropped"),
        ]
    });
    let mut table = Table::new("first", columns);
    let mut figures: Vec<Vec<Option<Figure>>> = peers.iter().map(|_| Vec::new()).collect();
    for rate in RATES {
        let mut runs: Vec<Vec<_>> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..RUNS {
            for ((peer, lab), runs) in peers.iter().zip(&labs).zip(&mut runs) {
                runs.push(run(lab, peer, rate));
            }
        }
        for (runs, figures) in runs.iter().zip(&mut figures) {
            figures.push(Some(Figure::new(runs.iter().map(|run| run.0))));
            let dropped: Option<Vec<_>> = runs.iter().map(|run| run.1).collect();
            let micros = |time: Duration| time.as_secs_f64() * 1e6;
            figures.push(dropped.map(|times| Figure::new(times.into_iter().map(micros))));
        }
    }
    for (peer, figures) in peers.iter().zip(figures) {
        table.row(peer.name(), figures);
    }
    table.note(format!(
        "SYNs of one source to one trap, {RUNS} runs each. A packet is as far from the next as the pace says: \
         who stops the second one has taken no longer than that. No time: in one of the runs at least \
         nothing was dropped within {} ms.",
        TIME.as_millis()
    ));
    table.end();
}
