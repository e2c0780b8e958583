//! SIGTERM and SIGINT, also while the network presses.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::binary;
use crate::lab::flood::{Flood, forged_syn};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

#[test]
fn both_signals_end_it_under_a_flood_with_the_rules_gone() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let Some(lab) = Lab::new(&[]) else { return };
        let mut daemon = lab.start(Config::blocking(Mode::Stealth));
        Flood::during(&lab, forged_syn, |_| {
            eventually("bans under way", || {
                lab.chain(ROUTER).is_some_and(|bans| bans.len() > 10)
            });
            daemon.signal(signal);
            assert_eq!(
                daemon.wait().code(),
                Some(0),
                "{signal}: {}",
                daemon.stderr()
            );
        });
        assert_eq!([lab.chain(ROUTER), lab.chain(ROUTER6)], [None, None]);
    }
}

#[test]
fn the_sensors_are_closed_before_the_rules_are_taken_away() {
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(lab) = Lab::new(&["bash"]) else {
            return;
        };
        let watch = lab.watch_firewall();
        let mut daemon = lab.start(Config::blocking(mode));
        assert!(sensors(&lab) > 0);
        lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
        eventually("the ban", || lab.banned("10.66.0.2/32"));

        watch.hold();
        daemon.signal(Signal::SIGTERM);
        eventually("the teardown begins", || watch.held() > 0);
        assert_eq!(
            sensors(&lab),
            0,
            "{mode:?}: sensors are open during the teardown"
        );
        assert!(lab.chain(ROUTER).is_some());
        watch.release();
        assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.stderr());
        assert_eq!([lab.chain(ROUTER), lab.chain(ROUTER6)], [None, None]);
    }
}

#[test]
fn rules_that_cannot_be_removed_are_reported_by_the_exit_status() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    eventually("the chain", || lab.chain(ROUTER6).is_some());
    daemon.settle();
    eventually("no firewall program is running", || {
        daemon.children().is_empty()
    });
    watch.hold();
    assert_eq!(daemon.stop().code(), Some(1), "{}", daemon.stderr());
    watch.release();
}

/// Packet sockets and listening TCP sockets in the router's namespace, where only the daemon has any.
fn sensors(lab: &Lab) -> usize {
    const LISTENING: &str = " 0A ";
    let table =
        |name| fs::read_to_string(format!("/proc/{}/net/{name}", lab.router.pid())).unwrap();
    let listening = |name| table(name).matches(LISTENING).count();
    table("packet").lines().count() - 1 + listening("tcp") + listening("tcp6")
}

#[test]
fn signals_that_the_starter_blocked_arrive() {
    let Some(lab) = Lab::new(&["env"]) else {
        return;
    };
    let home = lab.background(&Config::new(Mode::Stealth));
    let mut command = lab.router.command("env");
    command.arg("--block-signal=TERM,HUP,CHLD").arg(binary());
    command.args(["run", "-c"]).arg(home.home.join("conf"));
    command.arg("--run-dir").arg(home.run());
    let mut daemon = command.stderr(Stdio::null()).spawn().unwrap();
    lab.log.wait_for_text("is now active and listening");
    home.signal(Signal::SIGHUP);
    lab.log.wait_for_text("is read again and in force");
    home.signal(Signal::SIGTERM);
    assert!(daemon.wait().unwrap().success());
}
