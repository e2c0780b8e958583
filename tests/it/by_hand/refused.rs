//! Who cannot be banned by hand, and who only by force; and what the owner's own commands hold.

use super::logged;
use crate::lab::config::{Config, Mode};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use std::fs;
use std::net::SocketAddr;

/// Our own addresses and a network with one of them, our gateway, whoever is ignored and a network with them,
/// those that nobody has, and what is too wide.
const REFUSED: [&str; 12] = [
    "10.66.0.1",
    "fd66::1",
    "10.66.0.0/24",
    "10.66.0.254",
    "192.0.2.7",
    "192.0.0.0/16",
    "127.0.0.1",
    "0.0.0.0",
    "ff02::1",
    "255.255.255.255",
    "32.0.0.0/7",
    "2a00::/15",
];
/// Those that force does not help.
const NEVER: [&str; 9] = [
    "10.66.0.1",
    "fd66::1",
    "10.66.0.0/24",
    "127.0.0.1",
    "127.0.0.0/8",
    "::1",
    "::/16",
    "224.0.0.1",
    "32.0.0.0/7",
];

#[test]
fn nobody_protected_is_banned_unless_by_force() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    daemon.write("ignore", "192.0.2.7\n");
    eventually("the ignore list is read", || {
        daemon.ask("why 192.0.2.7").done().contains("never banned")
    });
    for whom in REFUSED {
        let complaint = daemon.ask(&format!("ban {whom}")).refused();
        let start = format!("portsentry: {whom} cannot be banned: ");
        assert!(complaint.starts_with(&start), "{complaint}");
        assert_eq!(complaint.matches('\n').count(), 1, "{complaint}");
    }
    for whom in NEVER {
        let complaint = daemon.ask(&format!("ban {whom} --force")).refused();
        assert!(complaint.contains("cannot be banned: "), "{complaint}");
    }
    assert_eq!(daemon.ask("list").done(), "nobody is banned\n");

    // A gateway, and a network around somebody ignored: the owner may.
    let gateway = daemon.ask("ban 10.66.0.254 --force").done();
    assert_eq!(gateway, "10.66.0.254 is banned for ever\n");
    daemon.ask("ban 192.0.2.0/24 --force").done();
    daemon.ask("ban 198.51.100.9").done();
    eventually("they are in the firewall", || {
        let all = ["10.66.0.254/32", "192.0.2.0/24", "198.51.100.9/32"];
        all.iter().all(|prefix| lab.banned(prefix))
    });
    // Whoever becomes protected is freed, but not those.
    daemon.write("ignore", "192.0.2.7\n192.0.2.8\n198.51.100.9\n");
    eventually("one is freed", || !lab.banned("198.51.100.9/32"));
    assert!(lab.banned("192.0.2.0/24") && lab.banned("10.66.0.254/32"));
    let why = daemon.ask("why 192.0.2.8").done();
    assert!(why.contains("by force: "), "{why}");
    daemon.ask("ban 203.0.113.1").done();
    eventually("the next run of the program", || {
        lab.banned("203.0.113.1/32")
    });
    assert!(lab.banned("192.0.2.0/24") && lab.banned("10.66.0.254/32"));
    // What becomes our own is freed in spite of force.
    lab.router.sh("ip addr add 192.0.2.200/32 dev wan");
    eventually("our own address is freed", || !lab.banned("192.0.2.0/24"));
}

#[test]
fn what_is_no_address_or_time_is_a_mistake_of_the_command_line() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    for (words, reason) in [
        (
            "ban router.lan",
            "\"router.lan\" is no IPv4 or IPv6 address; names are not looked up",
        ),
        (
            "ban 10.1",
            "\"10.1\" is no IPv4 or IPv6 address; names are not looked up",
        ),
        (
            "ban fe80::1%wan",
            "\"fe80::1%wan\" is no IPv4 or IPv6 address; names are not looked up",
        ),
        (
            "ban 192.0.2.7/33",
            "\"192.0.2.7/33\" has no length that its address can have, such as /24",
        ),
        (
            "unban 2001:db8::/200",
            "\"2001:db8::/200\" has no length that its address can have, such as /24",
        ),
        ("why", "why: an address is missing"),
        ("ban --for 1h", "ban: an address is missing"),
        ("unban", "unban takes an address, or --all"),
        ("unban --all 192.0.2.7", "unban takes an address, or --all"),
        (
            "status 192.0.2.7",
            "status: \"192.0.2.7\" is not understood",
        ),
        ("list --force", "list: \"--force\" is not understood"),
        (
            "ban 192.0.2.7 --for 1w",
            "\"1w\" is no time such as 90s, 10m, 12h, 7d, up to 365d, or 0 for ever",
        ),
        (
            "ban 192.0.2.7 --for 18446744073709551616d",
            "\"18446744073709551616d\" is no time such as 90s, 10m, 12h, 7d, up to 365d, or 0 for ever",
        ),
        (
            "ban 192.0.2.7 --for 400d",
            "\"400d\" is no time such as 90s, 10m, 12h, 7d, up to 365d, or 0 for ever",
        ),
    ] {
        let asked = daemon.ask(words);
        assert_eq!(
            asked.complaint,
            format!("portsentry: {reason}\n"),
            "{words}"
        );
        assert_eq!((asked.status, &*asked.said), (Some(2), ""), "{words}");
    }
    assert_eq!(daemon.ask("list").done(), "nobody is banned\n");
}

#[test]
fn what_kill_route_holds_is_undone_by_unblock_cmd_or_stays() {
    for undone in [true, false] {
        let Some(lab) = Lab::new(&[]) else { return };
        let note = lab.dir().join("note");
        let command = |word: &str| format!("echo {word} $TARGET$ >> {}", note.display());
        let mut config = Config::blocking(Mode::Stealth)
            .with("BLOCK_TIME", "1h")
            .with("KILL_ROUTE", &command("kill"));
        if undone {
            config = config.with("UNBLOCK_CMD", &command("undo"));
        }
        let daemon = lab.start(config);
        lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
        let read = || fs::read_to_string(&note).unwrap_or_default();
        eventually("the command", || read() == "kill 10.66.0.2\n");
        let list = || daemon.ask("list --json").json()["bans"][0].clone();
        eventually("it is done", || list()["state"] == "enforced");
        assert_eq!(list()["held_by"], "KILL_ROUTE");
        assert_eq!(list()["remaining_seconds"].is_null(), !undone);
        let shown = daemon.ask("list").done();
        assert_eq!(shown.contains("for ever"), !undone, "{shown}");

        // Another end is no end either, where nothing undoes it.
        let renewed = daemon.ask("ban 10.66.0.2 --for 2h").done();
        let end = if undone {
            "for 2h from now on"
        } else {
            "for ever from now on: by KILL_ROUTE"
        };
        assert_eq!(
            renewed,
            format!("10.66.0.2 was banned already, and is so {end}\n")
        );
        assert_eq!(list()["remaining_seconds"].is_null(), !undone);

        let lifted = daemon.ask("unban 10.66.0.2").done();
        let stays = "; what KILL_ROUTE did stays, because UNBLOCK_CMD is not set";
        assert_eq!(lifted.contains(stays), !undone, "{lifted}");
        if undone {
            eventually("the undoing", || {
                read() == "kill 10.66.0.2\nundo 10.66.0.2\n"
            });
        }
        assert_eq!(
            logged(&lab, "adminalert: Host 10.66.0.2 is unblocked by hand"),
            1
        );
        assert_eq!(daemon.ask("list").done(), "nobody is banned\n");
    }
}
