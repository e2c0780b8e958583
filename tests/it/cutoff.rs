//! The point of it all: a real scan is cut off before it has found what there is.

use crate::lab::capture::Passed;
use crate::lab::config::{Config, Mode};
use crate::lab::{Lab, ROUTER, SCANNER};
use std::net::SocketAddr;

/// Not among those that nmap tries first, and among the thousand that it tries.
const SERVICE: u16 = 9099;

#[test]
fn a_scan_at_the_rate_of_a_network_does_not_find_the_service() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let _service = lab.router.listen((ROUTER, SERVICE));
    let daemon = lab.start(Config::new(Mode::Stealth));
    // Without a least rate nmap takes the silence for a crowded network, and minutes for the scan.
    let scan = "-sS --min-rate 300 --max-rate 300 --max-retries 1";
    let found = lab.nmap("-sS", ROUTER);
    assert!(
        found.open.contains(&SERVICE),
        "it is there to be found: {}",
        found.said
    );
    drop(daemon);

    let _daemon = lab.start(Config::blocking(Mode::Stealth));
    let found = lab.nmap(scan, ROUTER);
    assert_eq!(found.open, [0; 0], "{}", found.said);
    lab.log
        .wait_for_text("Host 10.66.0.2 has been blocked via dropped route");
    assert!(lab.banned("10.66.0.2/32"));
}

#[test]
fn at_full_speed_nothing_is_answered_once_the_firewall_program_has_ended() {
    let Some(lab) = Lab::new(&["nmap", "bash"]) else {
        return;
    };
    let _watch = lab.watch_firewall();
    let _service = lab.router.listen((ROUTER, SERVICE));
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    daemon.settle();
    lab.log.wait_for_many(4, |text| {
        text.contains("has been blocked via dropped route")
    });

    let capture = lab.capture();
    let resets = lab.resets();
    lab.nmap("-sS --min-rate 20000 --max-retries 1", ROUTER);
    lab.log
        .wait_for_text("Host 10.66.0.2 has been blocked via dropped route");
    // One more SYN to the service, so that silence is not only for want of questions.
    assert!(
        lab.scanner
            .connect(SCANNER, SocketAddr::new(ROUTER, SERVICE))
            .is_none()
    );

    let passed = capture.until(Passed::is_mark);
    let end = passed.iter().position(Passed::is_mark).unwrap();
    let answers = |part: &[Passed]| {
        part.iter()
            .filter(|p| p.is_answer())
            .cloned()
            .collect::<Vec<_>>()
    };
    let before = answers(&passed[..end]);
    assert_eq!(
        answers(&passed[end..]),
        [],
        "after the firewall program had ended"
    );
    assert!(
        passed[end..].iter().any(|p| p.to.port() == SERVICE),
        "nothing was asked any more"
    );
    // The capture has missed nothing: it knows of every reset that the kernel has sent.
    let caught = before.iter().filter(|p| p.rst).count();
    assert_eq!(caught, lab.resets() - resets);
    assert!(caught > 0, "the scan was over before it began");
}
