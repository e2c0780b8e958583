//! Lines of the log that 1.2 wrote as well, byte for byte: blanks, dots, and which of them end with a newline.

use crate::lab::config::{Config, Mode};
use crate::lab::packet;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

impl Lab {
    /// What stands behind `portsentry[pid]: ` in each datagram, a newline included.
    fn raw(&self) -> Vec<String> {
        let text = |datagram: &[u8]| {
            let line = String::from_utf8(datagram.to_vec()).unwrap();
            line.split_once("]: ").unwrap().1.to_owned()
        };
        self.log.all().iter().map(|l| text(&l.datagram)).collect()
    }

    /// These lines were logged, one directly behind the other.
    #[track_caller]
    fn logged(&self, lines: &[&str]) {
        let is_there = || self.raw().windows(lines.len()).any(|found| found == lines);
        for line in lines {
            let text = line.trim_end_matches('\n');
            self.log.wait_for(|found| found == text);
        }
        assert!(is_there(), "{lines:#?}\nis not in\n{:#?}", self.raw());
    }
}

/// Lines 1, 2, 3, 4, 19, 20 and 22.
#[test]
fn a_start_and_a_stop() {
    for (mode, listening) in [
        (Mode::Connect, "Going into listen mode on"),
        (Mode::Stealth, "Going into stealth listen mode on"),
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        let _service = lab.router.listen((ROUTER, 15));
        let config = Config::new(mode)
            .with("TCP_PORTS", "11,15,61000-61009")
            .with("UDP_PORTS", "161,61000-61009");
        let mut daemon = lab.start(config);
        let [first, second, udp] = ["TCP port: 11", "TCP port: 15", "UDP port: 161"]
            .map(|port| format!("adminalert: {listening} {port}\n"));
        lab.logged(&[
            "adminalert: PortSentry 0.1.0 is starting.\n",
            &first,
            &second,
        ]);
        lab.logged(&[&udp]);
        if mode == Mode::Connect {
            lab.logged(&[
                &second,
                "adminalert: ERROR: could not bind TCP socket: 15. Attempting to continue\n",
            ]);
        }
        lab.logged(&["adminalert: PortSentry is now active and listening.\n"]);
        assert!(daemon.stop().success());
        lab.logged(&SHUTTING_DOWN);
        assert!(!daemon.stderr().contains("\n\n"));
    }
}

const SHUTTING_DOWN: [&str; 2] = [
    "securityalert: PortSentry is shutting down\n",
    "adminalert: PortSentry is shutting down\n",
];

/// Lines 5, 7, 14, 15, 18 and 21: the lines of a start that fails, and that nothing is said after them.
#[test]
fn a_start_that_fails() {
    let no_mode = "adminalert: ERROR: could not go into PortSentry mode. Shutting down.\n";
    let Some(lab) = Lab::new(&[]) else { return };
    let _service = lab.router.listen((ROUTER, 11));
    let base = Config::new(Mode::Connect).with("UDP_MODE", "off");
    for (name, config, reason) in [
        (
            "empty",
            base.clone().with("TCP_PORTS", ""),
            "adminalert: ERROR: No TCP ports supplied in config file. Aborting",
        ),
        (
            "missing",
            base.clone().without("TCP_PORTS"),
            "adminalert: ERROR: Could not read TCP_PORTS option from config file",
        ),
        (
            "taken",
            base.with("TCP_PORTS", "11"),
            "adminalert: ERROR: could not bind ANY TCP sockets. Shutting down.\n",
        ),
    ] {
        let before = lab.raw().len();
        let (status, _) = lab.refused(name, name, &config);
        assert!(!status.success());
        let ended = || lab.raw()[before..].contains(&SHUTTING_DOWN[1].to_owned());
        eventually("its last line", ended);
        let raw = lab.raw();
        assert_eq!(raw[before], "adminalert: PortSentry 0.1.0 is starting.\n");
        assert!(raw[before..].iter().any(|line| line == reason), "{raw:#?}");
        let end = [no_mode, SHUTTING_DOWN[0], SHUTTING_DOWN[1]];
        assert_eq!(raw[raw.len() - 3..], end, "{name}");
    }
    let run = lab.router.command(crate::lab::daemon::binary());
    let conf = lab.dir().join("none");
    let mut run: Command = run;
    let status = run.arg("run").arg("-c").arg(&conf).status().unwrap();
    assert_eq!(status.code(), Some(2));
    let conf = conf.display();
    lab.logged(&[&format!(
        "adminalert: Cannot open config file: {conf}. Exiting\n"
    )]);
    lab.logged(&[
        "adminalert: ERROR: Configuration files are missing/corrupted. Shutting down.\n",
        SHUTTING_DOWN[0],
        SHUTTING_DOWN[1],
    ]);
}

/// Lines 6, 11, 12, 13, 26, 31 and 49.
#[test]
fn files_and_options_with_mistakes() {
    let Some(lab) = Lab::new(&[]) else { return };
    let home = lab.dir().join("daemon");
    // In the place of a file to be written.
    fs::create_dir_all(home.join("blocked.stcp")).unwrap();
    fs::create_dir_all(home.join("history")).unwrap();
    fs::write(home.join("ignore"), "10.9.9.0/255.255.255.0\n").unwrap();
    let config = Config::blocking(Mode::Stealth)
        .without("SCAN_TRIGGER")
        .with("KILL_ROUTE", "true")
        .with("KILL_HOSTS_DENY", "ALL: ALL")
        .with("KILL_RUN_CMD", "\nKILL_RUN_CMD_FIRST=1\n#");
    let daemon = lab.start(config);
    let no_target = "adminalert: No target variable specified in";
    for line in [
        "adminalert: Quotes missing from KILL_RUN_CMD_FIRST token. Option skipped\n",
        "adminalert: ERROR: Could not read SCAN_TRIGGER option from config file. Disabling SCAN DETECTION TRIGGER",
        "adminalert: Invalid netmask in config file: 10.9.9.0/255.255.255.0\n  Ignoring entry.\n",
        &format!("{no_target} KILL_ROUTE option. Skipping.\n"),
        &format!("{no_target} KILL_HOSTS_DENY option. Skipping.\n"),
    ] {
        assert!(
            lab.raw().iter().any(|found| found == line),
            "{line:?}\n{:#?}",
            lab.raw()
        );
    }
    let blocked = home.join("blocked.stcp");
    let history = home.join("history");
    let (blocked, history) = (blocked.display(), history.display());
    lab.logged(&[&format!(
        "adminalert: ERROR: Cannot delete blocked file on startup: {blocked}.\n"
    )]);
    // It is said once, at the first attempt.
    lab.logged(&[&format!(
        "adminalert: ERROR: Cannot open history file: {history}.\n"
    )]);
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.logged(&[&format!(
        "adminalert: ERROR: Cannot open blocked file: {blocked}.\n"
    )]);
    fs::remove_file(daemon.file("conf")).unwrap();
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    let conf = daemon.file("conf");
    let conf = conf.display();
    lab.logged(&[&format!(
        "adminalert: ERROR: Cannot open config file: {conf}.\n"
    )]);
}

/// Line 28c, directly behind line 28, and line 39 behind both.
#[test]
fn a_probe_with_ip_options() {
    let Some(lab) = Lab::new(&[]) else { return };
    let _daemon = lab.start(Config::new(Mode::Stealth));
    let from = SocketAddr::new(SCANNER, 40000);
    lab.scanner
        .sender()
        .send(&packet::tcp_with_ip_options(from, TRAP, "S"));
    lab.logged(&[
        "attackalert: TCP SYN/Normal scan from host: 10.66.0.2/10.66.0.2 to TCP port: 11",
        "attackalert: Packet from host: 10.66.0.2/10.66.0.2 to TCP port: 11 has IP options set \
         (detection avoidance technique).",
        "attackalert: Ignoring TCP response per configuration file setting.",
    ]);
}

/// Lines 32 and 46, for a command that has room without the address and none with it.
#[test]
fn a_command_that_becomes_too_long() {
    let Some(lab) = Lab::new(&[]) else { return };
    let long = |token: &str| format!("true {token} {}", "x".repeat(1024 - 6 - token.len()));
    let config = Config::blocking(Mode::Connect)
        .with("KILL_HOSTS_DENY", &long("$TARGET$"))
        .with("KILL_ROUTE", &long("$TARGET$"))
        .with("KILL_RUN_CMD", &long("$PORT$"));
    let daemon = lab.start(config);
    // Its port has five digits, one less than the token.
    lab.scanner
        .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 54320));
    let parse = "adminalert: Error trying to parse $TARGET$ Token for";
    lab.logged(&[
        &format!("{parse} KILL_HOSTS_DENY. Skipping.\n"),
        &format!("{parse} KILL_ROUTE. Skipping.\n"),
        "attackalert: ERROR: Could not block host 10.66.0.2 !!",
    ]);
    lab.log
        .wait_for_text("External command run for host: 10.66.0.2 using command: \"true 54320 xxx");
    assert_eq!(daemon.read("history"), "");
    assert_eq!(
        lab.log
            .count(|text| text.contains("Token for KILL_RUN_CMD")),
        0
    );
}

/// Line 40: no descriptor is left for who comes.
#[test]
fn a_connection_that_cannot_be_taken() {
    let Some(lab) = Lab::new(&["prlimit"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Connect));
    let limit = |soft: &str| {
        let pid = daemon.pid().to_string();
        let nofile = format!("--nofile={soft}:");
        let mut prlimit = Command::new("prlimit");
        assert!(
            prlimit
                .args(["--pid", &pid, &nofile])
                .status()
                .unwrap()
                .success()
        );
    };
    limit("10");
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.logged(&[
        "attackalert: Possible stealth scan from unknown host to TCP port: 11 (accept failed)",
    ]);
    limit("1024");
    eventually("it is taken after all", || {
        lab.log
            .count(|text| text.contains("Connect from host: 10.66.0.2/"))
            == 1
    });
}
