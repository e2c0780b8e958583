//! /etc/default/portsentry: the modes, in the words of Debian's package.

use super::{Init, SHELLS, example};
use crate::lab::Lab;
use std::fs;

/// Whether the daemon said that it watches (TCP in stealth, TCP connected, UDP in stealth, UDP connected).
fn watched(lab: &Lab) -> [bool; 4] {
    let said = lab.log.texts();
    [
        "stealth listen mode on TCP",
        "Going into listen mode on TCP",
        "stealth listen mode on UDP",
        "Going into listen mode on UDP",
    ]
    .map(|what| said.iter().any(|line| line.contains(what)))
}

/// Puts the file there; the lab's /etc is its own.
fn write(lab: &Lab, text: &str) {
    lab.router.sh("mkdir -p /etc/default");
    let path = lab.router.path("/etc/default/portsentry");
    fs::write(path, text).unwrap();
}

#[track_caller]
fn check(text: &str, expected: [bool; 4]) {
    for shell in SHELLS {
        let Some(lab) = Lab::new(&["busybox", "start-stop-daemon"]) else {
            return;
        };
        write(&lab, text);
        let init = Init::new(&lab, shell);
        let (status, said) = init.run("start");
        assert_eq!(status, Some(0), "{text}: {said}");
        init.pid();
        assert_eq!(watched(&lab), expected, "{shell:?}: {text}");
        init.is_in_hand();
    }
}

/// The lab's configuration says stealth for both.
#[test]
fn what_it_names_is_watched_and_nothing_else() {
    check(
        "TCP_MODE=\"tcp\"\nUDP_MODE=\"sudp\"\n",
        [false, true, true, false],
    );
    check("UDP_MODE=\"udp\"\n", [false, false, false, true]);
    check(
        "TCP_MODE=\"stcp\"\nUDP_MODE=\"\"\n",
        [true, false, false, false],
    );
}

#[test]
fn as_it_is_installed_the_configuration_decides() {
    let shipped = include_str!("../../../cross/etc/default/portsentry");
    check(shipped, [true, false, true, false]);
}

/// As Debian's script: an owner's way to have it installed and not running.
#[test]
fn with_both_modes_empty_nothing_is_started() {
    let Some(lab) = Lab::new(&[]) else { return };
    write(&lab, "TCP_MODE=\"\"\nUDP_MODE=\"\"\n");
    let init = Init::new(&lab, SHELLS[0]);
    let said = "portsentry is not started: /etc/default/portsentry names no mode\n";
    assert_eq!(init.run("start"), (Some(0), said.to_owned()));
    assert_eq!(init.daemon.processes(), [0; 0]);
    assert_eq!(lab.router.sh("ls /run"), "");
}

#[test]
fn a_mode_that_is_none_is_said_and_a_running_daemon_stays() {
    let Some(lab) = Lab::new(&[]) else { return };
    let init = Init::new(&lab, SHELLS[0]);
    assert_eq!(init.run("start").0, Some(0));
    let pid = init.pid();
    write(&lab, "TCP_MODE=\"stealth mode\"\n");
    let complaint = "portsentry: /etc/default/portsentry: TCP_MODE \"stealth mode\" is not known: \
                     tcp, stcp or atcp, or nothing\n";
    assert_eq!(init.run("restart"), (Some(6), complaint.to_owned()));
    assert_eq!(init.pid(), pid);
    assert_eq!(init.run("stop").0, Some(0));
    assert_eq!(init.run("start"), (Some(6), complaint.to_owned()));
    assert_eq!(init.daemon.processes(), [0; 0]);
}

/// A box with busybox alone takes OpenWrt's file as it is; `enabled` is its switch.
#[test]
fn it_may_name_a_file_in_uci_which_starts_nothing_while_it_is_not_enabled() {
    let Some(lab) = Lab::new(&["busybox"]) else {
        return;
    };
    let init = Init::new(&lab, SHELLS[1]);
    let uci = init.daemon.home.join("portsentry.uci");
    write(&lab, &format!("CONF={}\n", uci.display()));
    fs::write(&uci, example("0")).unwrap();
    let said = format!(
        "portsentry is not started: {}: enabled is 0\n",
        uci.display()
    );
    assert_eq!(init.run("start"), (Some(0), said));
    assert_eq!(init.daemon.processes(), [0; 0]);
    assert_eq!(init.run("status").0, Some(3));

    fs::write(&uci, example("1")).unwrap();
    let (status, said) = init.run("start");
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(watched(&lab), [true, false, true, false]);
    init.is_in_hand();
}
