//! What the daemon does not do: wake up for other people's packets, and answer.

use crate::compat::received;
use crate::lab::backend::Backend;
use crate::lab::capture::Passed;
use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::flood::Flood;
use crate::lab::held::host;
use crate::lab::packet;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{LAN, Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, SECOND, eventually};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};

const PACKETS: u32 = 200_000;

/// Three probes, some news of addresses, a look at a file: so often it may be woken meanwhile.
const HANDFUL: u64 = 30;

#[test]
fn syns_to_other_ports_wake_nobody() {
    let traps = |port: &u16| TCP_TRAPS.contains(port) || *port >= 61000;
    let others: Vec<u16> = (1..=u16::MAX).filter(|port| !traps(port)).collect();
    check(Config::new(Mode::Stealth), |n| {
        let to = others[n as usize % others.len()];
        packet::tcp(
            SocketAddr::new(SECOND, 40000),
            SocketAddr::new(ROUTER, to),
            "S",
        )
    });
}

#[test]
fn acks_to_trap_ports_wake_nobody() {
    check(Config::new(Mode::Stealth), |n| segment(n, &TCP_TRAPS, "A"));
}

fn extended() -> Config {
    Config::new(Mode::Stealth).with("KINDS", "extended")
}

#[test]
fn where_acks_are_looked_for_those_to_high_traps_wake_nobody() {
    let high = TCP_TRAPS.map(|port| port.max(1024));
    let config = extended().with("TCP_PORTS", "1-2000,31337,54320,61000-61009");
    check(config, |n| segment(n, &high, "A"));
}

#[test]
fn where_acks_are_looked_for_backscatter_wakes_nobody() {
    let all = ["SA", "R", "RA"];
    check(extended(), |n| {
        segment(n, &TCP_TRAPS, all[n as usize / 64 % 3])
    });
}

/// From a new port each time, to one port after the other.
fn segment(n: u32, to: &[u16], flags: &str) -> Vec<u8> {
    let to = to[n as usize % to.len()];
    let from = SocketAddr::new(SECOND, 1024 + u16::try_from(n % 60_000).unwrap());
    packet::tcp(from, SocketAddr::new(ROUTER, to), flags)
}

/// Below 1024, where ACKs are looked for, but no trap; and with traps around it.
#[test]
fn where_acks_are_looked_for_those_of_a_service_that_is_no_trap_wake_nobody() {
    let Some(lab) = Lab::new(&[]) else { return };
    let at = SocketAddr::new(ROUTER, 514);
    let service = lab.router.listen(at);
    let daemon = lab.start(extended().with("TCP_PORTS", "1-513,515-1023,61000-61009"));
    let mut visitor = lab.scanner.connect(SCANNER, at).unwrap();
    let mut session = service.accept().unwrap().0;
    let before = daemon.wakeups();
    let arrived = received(lab.router.pid());
    let (mut bytes, mut read) = (vec![0; 1 << 16], 0);
    for _ in 0..400 {
        visitor.write_all(&bytes).unwrap();
        session.read_exact(&mut bytes).unwrap();
        read += bytes.len();
    }
    let (woken, packets) = (
        daemon.wakeups() - before,
        received(lab.router.pid()) - arrived,
    );
    assert!(packets > 10 * HANDFUL, "{packets} packets for {read} bytes");
    assert!(woken <= HANDFUL, "woken {woken} times by {packets} packets");
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
}

/// They touch traps, of another machine.
#[test]
fn what_is_merely_forwarded_wakes_nobody() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let to_lan = |n: u32| {
        let trap = TCP_TRAPS[n as usize % TCP_TRAPS.len()];
        let flags = ["S", "A", "PA", "FA"][n as usize / 64 % 4];
        packet::tcp(
            SocketAddr::new(SECOND, 40000),
            SocketAddr::new(LAN, trap),
            flags,
        )
    };
    check_during(&lab, &daemon, to_lan);
}

/// nft drops them before the packet socket is reached.
#[test]
fn a_banned_source_wakes_nobody() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    let config = Config::new(Mode::Stealth)
        .with("BLOCK_UDP", "1")
        .with("BACKEND", "nft");
    let daemon = lab.start(config);
    daemon.ask(&format!("ban {SECOND}")).done();
    eventually("the ban", || lab.holds(Backend::Nft, &host(SECOND)));
    check_during(&lab, &daemon, |n| segment(n, &TCP_TRAPS, "S"));
}

/// A probe before, in the middle of, and after the flood is logged, and those are all the work there is.
#[track_caller]
fn check(config: Config, packet: impl Fn(u32) -> Vec<u8> + Sync) {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(config);
    check_during(&lab, &daemon, packet);
}

#[track_caller]
fn check_during(lab: &Lab, daemon: &Daemon, packet: impl Fn(u32) -> Vec<u8> + Sync) {
    let probe = |port| {
        lab.scanner
            .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, port));
        let line = probed(SCANNER, Tcp, port);
        lab.log.wait_for(|text| text.ends_with(&line));
    };
    let (before, lines) = (daemon.wakeups(), lab.log.all().len());
    probe(11);
    Flood::during(lab, packet, |flood| {
        flood.reaches(PACKETS / 2);
        let sent = flood.sent();
        probe(15);
        // At once: long before the flood is over.
        assert!(
            flood.sent() < sent + PACKETS / 4,
            "the probe had to wait for the flood"
        );
        flood.reaches(PACKETS);
    });
    probe(79);
    let woken = daemon.wakeups() - before;
    assert!(
        woken <= HANDFUL,
        "woken {woken} times by {PACKETS} packets that are no probes"
    );
    assert_eq!(daemon.probe_lines().len(), 3);
    // With each goes a line that nothing is done about it.
    assert!(lab.log.all().len() - lines <= 2 * 3);
    assert!(daemon.children().is_empty());
}

#[test]
fn a_trap_in_stealth_mode_answers_as_if_nobody_were_there() {
    let Some(lab) = Lab::new(&[]) else { return };
    let capture = lab.capture();
    let sender = lab.scanner.sender();
    let answers = |port| {
        for (from, to) in [(SCANNER, ROUTER), (SCANNER6, ROUTER6)] {
            for trap in TCP_TRAPS {
                sender.send(&packet::tcp(
                    SocketAddr::new(from, port),
                    SocketAddr::new(to, trap),
                    "S",
                ));
            }
            let last =
                move |p: &Passed| p.to == SocketAddr::new(from, port) && from_trap(p, to, 54320);
            capture.until(last);
        }
        let mut all = capture.all();
        all.retain(|p| p.to.port() == port);
        all.iter()
            .map(|p| (p.from, p.syn, p.ack, p.rst))
            .collect::<Vec<_>>()
    };
    let without = answers(40001);
    let daemon = lab.start(Config::new(Mode::Stealth));
    let with = answers(40002);
    daemon.settle();
    assert_eq!(daemon.probe_lines().len(), 2 * TCP_TRAPS.len());
    assert_eq!(with.len(), 2 * TCP_TRAPS.len());
    assert_eq!(with, without);
    assert!(with.iter().all(|(_, syn, _, rst)| *rst && !syn), "{with:?}");
}

fn from_trap(packet: &Passed, router: IpAddr, port: u16) -> bool {
    packet.from == SocketAddr::new(router, port)
}
