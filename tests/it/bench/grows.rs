//! How what a packet costs grows with what is remembered: sources, and bans. And a start, with the ports.

use super::table::{Figure, Table};
use crate::lab::config::{Config, Mode, UDP_TRAPS};
use crate::lab::daemon::Daemon;
use crate::lab::flood::{Flood, forged, forged_syn};
use crate::lab::spent::Spent;
use crate::lab::{Lab, ROUTER, SECOND, packet};
use portsentry::limits::{BANS_MAX, PROBATION_MAX};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

const RUNS: u32 = 3;
const PACKETS: u32 = 50_000;
const EACH_SECOND: u32 = 50_000;

#[test]
#[ignore = "a measurement; `make bench` runs it"]
fn grows() {
    let most = u32::try_from(BANS_MAX).unwrap();
    let columns = [
        "so many sources in turn",
        "so many bans, probes of one source",
        "so many bans, a new source each",
    ];
    let mut table = Table::new("grows", columns);
    for many in [10, 100, 1000, most] {
        let sources = many.min(u32::try_from(PROBATION_MAX).unwrap());
        let figures = [
            in_turn(sources),
            among_bans(many, |n| datagram(SECOND, n)),
            among_bans(many, |n| datagram(forged(most + n), n)),
        ];
        table.row(&many.to_string(), figures);
    }
    table.note(format!(
        "Microseconds of processor time for each probe, nft. Of sources there are {PROBATION_MAX} at most."
    ));
    table.end();

    let mut table = Table::new("grows-start", ["milliseconds to start"]);
    for (who, ports) in [("1 port", "1"), ("1,024 ports", "1-1024")] {
        table.row(who, [start(ports)]);
    }
    table.end();
}

/// To one trap, so that what is said of each source is said once.
fn datagram(from: IpAddr, n: u32) -> Vec<u8> {
    let port = 1024 + u16::try_from(n % 60_000).unwrap();
    packet::udp(
        SocketAddr::new(from, port),
        SocketAddr::new(ROUTER, UDP_TRAPS[2]),
    )
}

fn in_turn(sources: u32) -> Option<Figure> {
    let lab = Lab::new(&["nft"])?;
    let daemon = lab.start(Config::new(Mode::Stealth));
    Some(measure(&lab, &daemon, |n| datagram(forged(n % sources), n)))
}

/// TCP probes ban; those by UDP do not.
fn among_bans(bans: u32, packet: impl Fn(u32) -> Vec<u8>) -> Option<Figure> {
    let lab = Lab::new(&["nft"])?;
    let config = Config::new(Mode::Stealth)
        .with("BLOCK_TCP", "1")
        .with("BACKEND", "nft")
        .with("BAN_RATE_MAX", "0");
    let daemon = lab.start(config);
    Flood::paced(&lab, 0..bans, 5000, forged_syn);
    Some(measure(&lab, &daemon, packet))
}

fn measure(lab: &Lab, daemon: &Daemon, packet: impl Fn(u32) -> Vec<u8>) -> Figure {
    let mut before = Spent::at_rest(daemon.pid());
    let runs = (0..RUNS).map(|run| {
        Flood::paced(
            lab,
            run * PACKETS..(run + 1) * PACKETS,
            EACH_SECOND,
            &packet,
        );
        let now = Spent::at_rest(daemon.pid());
        let nanos = u32::try_from(now.since(before).cpu).unwrap();
        before = now;
        f64::from(nanos) / f64::from(PACKETS) / 1000.0
    });
    Figure::new(runs.collect::<Vec<_>>())
}

fn start(ports: &str) -> Option<Figure> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let lab = Lab::new(&["nft"])?;
        let config = Config::blocking(Mode::Stealth)
            .with("BACKEND", "nft")
            .with("TCP_PORTS", ports);
        let begun = Instant::now();
        let _daemon = lab.start(config);
        runs.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Some(Figure::new(runs))
}
