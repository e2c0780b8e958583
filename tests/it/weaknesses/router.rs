//! A router at work: services among the traps, all ports as traps.

use super::programs::at_router;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::flood::forged_syn;
use crate::lab::spent::Calls;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::net::SocketAddr;

#[test]
fn w2_b10_datagrams_to_a_service_among_the_traps_are_no_lines_and_hardly_any_reading() {
    const DATAGRAMS: u64 = 5000;
    let Some(lab) = Lab::new(&["strace"]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth);
    let daemon = lab.start(config.with("UDP_PORTS", "1-65535"));
    let service = lab.router.receive(at_router(5000));
    let visitor = lab.scanner.receive((SCANNER, 0));
    let calls = Calls::by_strace(&lab, daemon.pid()).unwrap();
    let mut buffer = [0; 1500];
    for _ in 0..DATAGRAMS {
        visitor.send_to(&[b'x'; 1200], at_router(5000)).unwrap();
        // As a stream is: each arrives before the next is sent.
        service.recv(&mut buffer).unwrap();
    }
    // A list is asked for by a request for each family.
    let readings = calls.end().named("sendto") / 2;
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    assert!(!lab.banned("10.66.0.2/32"));
    assert!(
        readings < DATAGRAMS / 100,
        "the list was read {readings} times"
    );
    let line = probed(SECOND, Udp, 5001);
    lab.scanner.touch(Udp, SECOND, at_router(5001));
    lab.log.wait_for(|text| text.ends_with(&line));
}

/// The kernel's queue runs full while the daemon is kept from its work.
#[test]
fn w2_f25_what_is_lost_is_said() {
    const PACKETS: u32 = 20_000;
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let lost = || {
        let texts = lab.log.texts();
        let counts = texts.iter().filter_map(|text| {
            let (_, text) = text.split_once("adminalert: ")?;
            let (count, _) = text.split_once(" packets to traps were lost: ")?;
            count.parse::<u32>().ok()
        });
        counts.sum::<u32>()
    };
    daemon.signal(Signal::SIGSTOP);
    let sender = lab.scanner.sender();
    (0..PACKETS).for_each(|n| sender.send(&forged_syn(n)));
    daemon.signal(Signal::SIGCONT);
    eventually("the loss is said", || lost() > 0);
    let seen = lab.log.count(|text| text.contains(" from host: 198.18."));
    assert!(lost() < PACKETS, "{} lost, {seen} seen", lost());
}

#[test]
fn w2_f29_a_range_that_ends_at_65535_is_one() {
    for (mode, ports) in [(Mode::Connect, "65400-65535"), (Mode::Stealth, "1-65535")] {
        let Some(lab) = Lab::new(&[]) else { return };
        let config = Config::new(mode).with("TCP_PORTS", ports);
        // Below 1024 descriptors, however long the range is: that is what a router's process has.
        let daemon = lab.start(config.with("UDP_PORTS", "61000-61009,65534-65535"));
        let open = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
        let open = open.count();
        for (proto, port) in [(Tcp, 65535), (Udp, 65535), (Tcp, 65400)] {
            lab.scanner
                .touch(proto, SCANNER, SocketAddr::new(ROUTER, port));
            let line = probed(SCANNER, proto, port);
            lab.log.wait_for(|text| text.ends_with(&line));
        }
        assert!(mode == Mode::Connect || open < 20, "{open} descriptors");
    }
}
