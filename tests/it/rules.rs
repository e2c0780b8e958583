//! SCAN_TRIGGER and PORT_BANNER.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use std::io::Read;
use std::net::SocketAddr;

#[test]
fn the_nth_touch_triggers_and_those_before_it_are_not_logged() {
    for (trigger, mode) in [
        ("0", Mode::Stealth),
        ("1", Mode::Connect),
        ("3", Mode::Stealth),
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        let config = Config::blocking(mode).with("SCAN_TRIGGER", trigger);
        let touches = usize::from(config.trigger());
        let daemon = lab.start(config);
        let ports = [11, 15, 79];
        for port in &ports[..touches - 1] {
            lab.scanner
                .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, *port));
        }
        daemon.settle();
        assert_eq!(
            daemon.probe_lines(),
            [""; 0],
            "before the trigger {trigger}"
        );
        assert!(!lab.banned("10.66.0.2/32"));

        let last = ports[touches - 1];
        lab.scanner
            .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, last));
        let line = probed(SCANNER, Tcp, last);
        lab.log.wait_for(|text| text.ends_with(&line));
        eventually("the ban", || lab.banned("10.66.0.2/32"));
    }
}

#[test]
fn the_banner_is_sent_to_whoever_touches_a_connect_trap() {
    let Some(lab) = Lab::new(&[]) else { return };
    let banner = "** go away **";
    let _daemon = lab.start(Config::new(Mode::Connect).with("PORT_BANNER", banner));
    let mut visitor = lab
        .scanner
        .connect(SCANNER, SocketAddr::new(ROUTER, 11))
        .unwrap();
    let mut heard = String::new();
    visitor.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, banner, "TCP");

    // Who sends less than the banner has may be somebody who lets us flood another: no answer.
    let trap = SocketAddr::new(ROUTER, 161);
    let short = lab.scanner.say(b"short", SocketAddr::new(SCANNER, 0), trap);
    let long = lab
        .scanner
        .say(&[b'x'; 64], SocketAddr::new(SECOND, 0), trap);
    let mut heard = [0; 64];
    let length = long.recv(&mut heard).unwrap();
    assert_eq!(&heard[..length], banner.as_bytes(), "UDP");
    short.set_nonblocking(true).unwrap();
    assert!(
        short.recv(&mut heard).is_err(),
        "an answer longer than the question"
    );
}

#[test]
fn nobody_below_the_trigger_gets_a_banner() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Connect)
        .with("PORT_BANNER", "hello")
        .with("SCAN_TRIGGER", "2");
    let _daemon = lab.start(config);
    for (port, expected) in [(11, ""), (15, "hello")] {
        let mut visitor = lab
            .scanner
            .connect(SCANNER, SocketAddr::new(ROUTER, port))
            .unwrap();
        let mut heard = String::new();
        visitor.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, expected, "port {port}");
    }
}
