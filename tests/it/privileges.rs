//! What the daemon may still do when everything is set up, and what the programs may that it starts.

mod traced;

use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::held::scanner;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually, need, skip};
use std::fs;
use std::net::SocketAddr;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

/// CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW (linux/capability.h), as /proc/PID/status writes a set.
const FEW: &str = "0000000000003400";

/// The capabilities that a process has and can get, and whether programs get more by their file's mode.
fn privileges(status: &str) -> Vec<(&str, &str)> {
    let fields = [
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
    ];
    let lines = status.lines().filter_map(|line| line.split_once(":\t"));
    lines.filter(|(name, _)| fields.contains(name)).collect()
}

const NONE: &str = "0000000000000000";
const DROPPED: [(&str, &str); 6] = [
    ("CapInh", NONE),
    ("CapPrm", FEW),
    ("CapEff", FEW),
    ("CapBnd", FEW),
    ("CapAmb", NONE),
    ("NoNewPrivs", "1"),
];

fn status(daemon: &Daemon<'_>) -> String {
    fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap()
}

/// A ban, a reload, another mode, an end by hand, a stop: with nothing but the three.
#[test]
fn without_commands_of_the_owners_all_but_three_are_given_up() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        let config = |mode| Config::blocking(mode).with("BACKEND", backend.word());
        let mut daemon = lab.start(config(Mode::Stealth));
        assert_eq!(privileges(&status(&daemon)), DROPPED, "{backend:?}");
        let told = daemon.ask("status --json").json();
        assert_eq!(told["daemon"]["privileges"], "dropped");
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        eventually("a ban", || lab.holds(backend, &scanner()));
        daemon.ask("unban --all").done();
        eventually("its end", || !lab.holds(backend, &scanner()));
        // The traps below 1024 are bound now.
        daemon.reload(config(Mode::Connect));
        lab.log
            .wait_for(|text| text.ends_with("is read again and in force"));
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        eventually("a second ban", || lab.holds(backend, &scanner()));
        assert!(daemon.stop().success());
        assert_eq!(lab.frame(), Vec::<String>::new(), "{backend:?}");
    });
}

/// The programs of the firewall inherit what the daemon has left.
#[test]
fn the_firewall_program_has_no_more_than_the_daemon() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    let seen = lab.dir().join("seen");
    lab.before_nft(&format!(
        "cat /proc/self/status > {0}.new; ls -l /proc/self/fd/ > {0}.fd; mv {0}.new {0}",
        seen.display()
    ));
    let _daemon = lab.start(Config::blocking(Mode::Stealth).with("BACKEND", "nft"));
    fs::remove_file(&seen).unwrap();
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("nft runs", || seen.exists());
    let status = fs::read_to_string(&seen).unwrap();
    assert_eq!(privileges(&status), DROPPED);
    // The fourth is the directory that ls reads.
    let open = fs::read_to_string(seen.with_extension("fd")).unwrap();
    let numbers = open.lines().filter_map(|line| line.split_once(" -> "));
    let numbers: Vec<_> = numbers
        .filter_map(|(before, _)| before.rsplit(' ').next())
        .collect();
    assert_eq!(numbers, ["0", "1", "2", "3"], "{open}");
}

/// Mail is sent by a program that gets its group by its file's mode; without root's bounding set it would not.
#[test]
fn a_command_of_the_owners_may_do_what_root_may() {
    let Some(lab) = Lab::new(&[]) else { return };
    let (program, seen) = (lab.dir().join("world/mail"), lab.dir().join("seen"));
    let made = lab.router.sh(&format!(
        "cp /usr/bin/id {0}; chgrp 8 {0} 2>/dev/null && chmod 2755 {0} && echo made || true",
        program.display()
    ));
    let config = Config::blocking(Mode::Stealth).with(
        "KILL_RUN_CMD",
        &format!(
            ": $TARGET$; {} -g > {1}.new; cat /proc/self/status > {1}.status; mv {1}.new {1}",
            program.display(),
            seen.display()
        ),
    );
    let mut daemon = lab.start(config.clone());
    let before = status(&daemon);
    let told = daemon.ask("status --json").json();
    assert_eq!(told["daemon"]["privileges"], "kept");
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the command ran", || seen.exists());
    let inherited = fs::read_to_string(seen.with_extension("status")).unwrap();
    let of = |status: &str, name| {
        let all = privileges(status);
        all.iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let whole = fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(of(&before, "CapBnd"), of(&whole, "CapBnd"));
    assert_eq!(of(&inherited, "CapEff"), of(&before, "CapEff"));
    assert_eq!(of(&inherited, "NoNewPrivs").as_deref(), Some("0"));
    match made == "made\n" {
        true => assert_eq!(fs::read_to_string(&seen).unwrap(), "8\n"),
        false => {
            skip("this user has no group but its own");
        }
    }
    // Without it they go; with it again they do not come back, which is said.
    daemon.reload(config.clone().without("KILL_RUN_CMD"));
    eventually("they go", || privileges(&status(&daemon)) == DROPPED);
    daemon.reload(config);
    lab.log.wait_for_text(
        "root's privileges are given up already: KILL_RUN_CMD goes without them until the next start",
    );
    assert_eq!(privileges(&status(&daemon)), DROPPED);
}

/// A container without root's rights, which cannot even give up what it does not have.
#[test]
fn two_capabilities_are_enough() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    if !need("setpriv") {
        return;
    }
    let bare = "--bounding-set=-all,+net_raw,+net_admin --inh-caps=-all";
    let before = ["setpriv"].into_iter().chain(bare.split(' '));
    let config = Config::blocking(Mode::Stealth)
        .with("BACKEND", "nft")
        .started_by(before.map(str::to_owned).collect());
    let mut daemon = lab.start(config);
    let few = "0000000000003000";
    let found = status(&daemon);
    let has = |name| privileges(&found).contains(&(name, few));
    assert!(has("CapPrm") && has("CapEff") && has("CapBnd"), "{found}");
    assert_eq!(lab.log.count(|text| text.contains("cannot be given up")), 0);
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("a ban", || lab.holds(Backend::Nft, &scanner()));
    assert!(daemon.stop().success());
    assert_eq!(lab.frame(), Vec::<String>::new());
}

/// What it writes is nobody else's unless it has to be, and a crash leaves no image of its memory.
#[test]
fn files_are_its_own_and_no_core_is_dumped() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth).started_with_umask("000"));
    assert!(status(&daemon).contains("\nUmask:\t0077\n"));
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{words:?}");
}
