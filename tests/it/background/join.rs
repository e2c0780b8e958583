//! A second start: its mode is handed to the daemon that runs.

use super::{ACTIVE, NOTHING, watches_both};
use crate::lab::config::{Config, Mode, TCP_PORTS, UDP_PORTS};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::net::SocketAddr;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

#[test]
fn the_second_mode_joins_the_first_with_its_bans_and_stays_after_a_reload() {
    for (first, second) in [("-tcp", "-udp"), ("-stcp", "-sudp"), ("-tcp", "-sudp")] {
        let Some(lab) = Lab::new(&[]) else { return };
        let daemon = lab.background(&Config::blocking(Mode::Stealth));
        assert_eq!(daemon.call(&[first]), NOTHING);
        let pid = daemon.pid();
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        eventually("the ban", || lab.banned("10.66.0.2/32"));
        let record = daemon.home.join(format!("blocked.{}", &first[1..]));
        let recorded = || fs::read_to_string(&record).is_ok_and(|text| text.contains("10.66.0.2"));
        eventually("its record", recorded);

        assert_eq!(daemon.call(&[second]), NOTHING, "{first} {second}");
        assert_eq!(daemon.pid(), pid);
        let heard = lab.log.count(|text| text.ends_with(ACTIVE));
        assert!(heard >= 1);
        lab.log.wait_for_many(2, |text| text.ends_with(ACTIVE));
        let listen = "on UDP port: 513";
        assert_eq!(lab.log.count(|text| text.ends_with(listen)), 1);
        watches_both(&daemon);
        assert!(lab.banned("10.66.0.2/32"), "{first} {second}");
        assert!(recorded(), "{first} {second}");
        assert!(
            daemon
                .home
                .join(format!("blocked.{}", &second[1..]))
                .exists()
        );

        daemon.signal(Signal::SIGHUP);
        lab.log.wait_for_text("is read again and in force");
        watches_both(&daemon);
    }
}

#[test]
fn one_in_the_foreground_is_joined_as_well() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Stealth);
    let mut first = lab.start_in("background", config.clone().with("UDP_MODE", "off"));
    // The same file, for the second start.
    let daemon = lab.background(&config.with("UDP_MODE", "off"));
    assert_eq!(daemon.call(&["-sudp"]), NOTHING);
    watches_both(&daemon);
    assert_eq!(daemon.pid(), first.pid());
    assert!(first.stop().success());
}

/// As an init script that is called twice does.
#[test]
fn asked_again_it_is_so_already() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    for flags in [&["-stcp"][..], &["-sudp"]] {
        assert_eq!(daemon.call(flags), NOTHING);
    }
    let pid = daemon.pid();
    for flags in [&["-stcp"][..], &["-sudp"], &["-sudp", "-stcp"]] {
        let expected = format!("portsentry: process {pid} watches that already\n");
        assert_eq!(daemon.call(flags), (0, expected), "{flags:?}");
    }
    // Nothing was opened anew for it.
    assert_eq!(lab.log.count(|text| text.ends_with("TCP port: 513")), 1);
    watches_both(&daemon);
}

#[test]
fn what_cannot_be_joined_is_refused_with_one_line() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    let (pid, home) = (daemon.pid(), daemon.home.display());
    let refused = |(status, said): (i32, String), reason: &str| {
        assert_eq!((status, said), (1, format!("portsentry: {reason}\n")));
    };
    let other_mode = format!("TCP is watched as -stcp already, by process {pid}; stop it first");
    refused(daemon.call(&["-tcp"]), &other_mode);
    refused(daemon.call(&["-tcp", "-sudp"]), &other_mode);

    let other = daemon.home.join("other");
    fs::copy(daemon.home.join("conf"), &other).unwrap();
    let reason =
        format!("process {pid} runs with {home}/conf, and one process has one configuration");
    refused(daemon.begin_with(&["-sudp"], &other).end(), &reason);

    // A part of what was asked for is nothing.
    assert_eq!(lab.log.count(|text| text.contains("UDP port: 513")), 0);
    assert_eq!(daemon.call(&["-sudp"]), NOTHING);
    watches_both(&daemon);
}

#[test]
fn sensors_that_cannot_be_had_leave_it_as_it_was() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth).with("UDP_PORTS", "161"));
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    let snmp = lab.router.receive("[::]:161");
    let reason = "portsentry: could not bind ANY UDP sockets. Shutting down.\n";
    assert_eq!(daemon.call(&["-udp"]), (1, reason.to_owned()));
    // Neither now nor after a reload.
    daemon.signal(Signal::SIGHUP);
    lab.log.wait_for_text("is read again and in force");
    lab.scanner.touch(Tcp, SECOND, TRAP);
    eventually("the probe", || daemon.said("to TCP port: 11"));
    drop(snmp);
    assert_eq!(daemon.call(&["-udp"]), NOTHING);
}

#[test]
fn mistakes_that_let_the_first_start_let_the_second_join() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth).with("SCAN_TRIGER", "1"));
    for flag in ["-stcp", "-sudp"] {
        let (status, said) = daemon.call(&[flag]);
        assert_eq!(status, 0, "{flag}: {said}");
        let conf = daemon.home.join("conf");
        let mistake = format!("adminalert: {}:", conf.display());
        assert!(said.starts_with(&mistake), "{flag}: {said}");
        assert!(
            said.ends_with("did you mean SCAN_TRIGGER?\n"),
            "{flag}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{flag}: {said}");
    }
    watches_both(&daemon);
}

#[test]
fn a_trap_that_the_second_cannot_have_is_told_to_it_as_to_a_first() {
    for first in [&[][..], &["-stcp"]] {
        let Some(lab) = Lab::new(&[]) else { return };
        let daemon = lab.background(&Config::new(Mode::Stealth).with("UDP_PORTS", "69,161,513"));
        let _snmp = lab.router.receive("[::]:161");
        if !first.is_empty() {
            assert_eq!(daemon.call(first), NOTHING);
        }
        let (status, said) = daemon.call(&["-udp"]);
        assert_eq!(status, 0, "{said}");
        let line = "adminalert: ERROR: could not bind UDP socket: 161. Attempting to continue\n";
        assert_eq!(said, line, "{first:?}");
    }
}

/// The file was broken since: the daemon goes on with what it has.
#[test]
fn a_broken_file_is_told_to_the_second_and_leaves_the_first_alone() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    assert_eq!(daemon.call(&["-stcp"]), NOTHING);
    let conf = format!("TCP_PORTS=\"{TCP_PORTS}\"\nUDP_PORTS=\"{UDP_PORTS}\"\nBACKEND=\"hope\"\n");
    fs::write(daemon.home.join("conf"), conf).unwrap();
    let (status, said) = daemon.call(&["-sudp"]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("BACKEND \"hope\" is not known"), "{said}");
    lab.scanner.touch(Tcp, SECOND, TRAP);
    eventually("the probe", || daemon.said("to TCP port: 11"));
}

#[test]
fn two_starts_at_the_same_moment_are_one_daemon() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.background(&Config::new(Mode::Stealth));
    for _ in 0..8 {
        let calls = [daemon.begin(&["-stcp"]), daemon.begin(&["-sudp"])];
        for call in calls {
            assert_eq!(call.end(), NOTHING);
        }
        watches_both(&daemon);
        daemon.stop();
    }
}
