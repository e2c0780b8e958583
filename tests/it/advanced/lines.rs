//! The lines of a start, to the letter.

use super::ANY;
use crate::lab::config::{Config, Mode};
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use portsentry::limits::PORT_LINES_MAX;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

/// The lines between the first and the last of a start, without what the configuration is told.
fn announced(lab: &Lab) -> Vec<String> {
    let mut texts = lab.log.texts();
    let last = "adminalert: PortSentry is now active and listening.";
    let end = texts.iter().position(|text| text == last).unwrap();
    texts.truncate(end);
    texts.retain(|text| !text.contains("/conf:") && !text.contains("is starting"));
    texts
}

/// Whether a line's datagram ends with a newline, which 1.2 was not of one mind about.
fn check_newlines(lab: &Lab) {
    let with = [
        "listen mode on",
        "Attempting to continue",
        "Ignored TCP",
        "Ignored UDP",
    ];
    let without = ["Advanced mode will", "All supplied"];
    for line in lab.log.all() {
        let text = line.text();
        let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
        if has(&with) || has(&without) {
            let newline = line.datagram.ends_with(b"\n");
            assert_eq!(newline, has(&with), "{text}");
        }
    }
}

#[test]
fn an_advanced_start_says_what_1_2_said() {
    let Some(lab) = Lab::new(&[]) else { return };
    let _ssh = lab.router.listen((Ipv4Addr::UNSPECIFIED, 22));
    let _web = lab.router.listen((ANY, 80));
    let _beyond = lab.router.listen((ROUTER, 1024));
    let _local = lab.router.listen((Ipv4Addr::LOCALHOST, 25));
    let _names = lab.router.receive((ROUTER, 53));
    let config = Config::new(Mode::Advanced)
        .with("ADVANCED_PORTS_TCP", "1024")
        .with("ADVANCED_PORTS_UDP", "512")
        .with("ADVANCED_EXCLUDE_TCP", "139,113")
        .with("ADVANCED_EXCLUDE_UDP", "520,138,137,67");
    let _daemon = lab.start(config);
    let ignored = |proto, port: u16| {
        format!(
            "adminalert: Advanced Stealth scan detection mode activated. Ignored {proto} port: {port}"
        )
    };
    let excluded =
        |port: u16| format!("adminalert: Advanced mode will manually exclude port: {port} ");
    let mut expected = vec!["adminalert: Advanced mode will monitor first 1024 ports".to_owned()];
    expected.extend([139, 113].map(excluded));
    expected.extend([22, 80, 139, 113].map(|port| ignored(Tcp, port)));
    expected.push("adminalert: Advanced mode will monitor first 512 ports".into());
    expected.extend([520, 138, 137, 67].map(excluded));
    expected.extend([53, 520, 138, 137, 67].map(|port| ignored(Udp, port)));
    assert_eq!(announced(&lab), expected);
    check_newlines(&lab);
}

#[test]
fn an_advanced_start_without_its_keys_says_what_it_assumes() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Advanced)
        .with("TCP_PORTS", "1,2,3")
        .with("UDP_PORTS", "7,100-199")
        .with("ADVANCED_EXCLUDE_UDP", "")
        .run_with(&["-atcp", "--udp-mode", "audp"]);
    let _daemon = lab.start(config);
    let expected = [
        "adminalert: ERROR: Could not read ADVANCED_PORTS_TCP option from config file. Assuming 1024.",
        "adminalert: Advanced mode will monitor first 1024 ports",
        "adminalert: Advanced mode will manually exclude no ports",
        "adminalert: Advanced mode will monitor the 101 ports of UDP_PORTS",
    ];
    assert_eq!(announced(&lab), expected);
}

/// However many there are: a line each for so many, and one for the rest.
#[test]
fn the_lines_about_single_ports_are_bounded() {
    let Some(lab) = Lab::new(&[]) else { return };
    let used = 100..100 + u16::try_from(PORT_LINES_MAX).unwrap() + 9;
    let _services: Vec<_> = used.map(|port| lab.router.listen((ROUTER, port))).collect();
    let config = Config::new(Mode::Advanced)
        .with("UDP_MODE", "off")
        .with("ADVANCED_PORTS_TCP", "1024")
        .with("ADVANCED_EXCLUDE_TCP", "300-399,401");
    let _daemon = lab.start(config);
    let lines = announced(&lab);
    for (single, more) in [
        (
            "exclude port: ",
            "adminalert: Advanced mode will manually exclude 37 more ports",
        ),
        (
            "Ignored TCP port: 1",
            "adminalert: Advanced Stealth scan detection mode activated. Ignored 9 more TCP ports",
        ),
        (
            "Ignored TCP port: 3",
            "adminalert: Advanced Stealth scan detection mode activated. Ignored 37 more TCP ports",
        ),
    ] {
        let singles = lines.iter().filter(|line| line.contains(single)).count();
        assert_eq!(singles, PORT_LINES_MAX, "{single}");
        assert_eq!(
            lines.iter().filter(|line| *line == more).count(),
            1,
            "{more}"
        );
    }
}

#[test]
fn a_stealth_start_names_the_ports_in_use() {
    let Some(lab) = Lab::new(&[]) else { return };
    let _web = lab.router.listen((ANY, 79));
    let _local = lab.router.listen((Ipv4Addr::LOCALHOST, 11));
    let names = lab.router.receive((ROUTER, 161));
    let config = Config::blocking(Mode::Stealth)
        .with("TCP_PORTS", "11,79,111")
        .with("UDP_PORTS", "161");
    let _daemon = lab.start(config);
    let expected = [
        "Going into stealth listen mode on TCP port: 11",
        "Going into stealth listen mode on TCP port: 79",
        "ERROR: Socket 79 is in use and will not be monitored. Attempting to continue",
        "Going into stealth listen mode on TCP port: 111",
        "Going into stealth listen mode on UDP port: 161",
        "ERROR: Socket 161 is in use and will not be monitored. Attempting to continue",
        "ERROR: All supplied UDP sockets are in use and will not be listened to. Each is a trap as soon as \
         its service has gone",
    ];
    assert_eq!(
        announced(&lab),
        expected.map(|line| format!("adminalert: {line}"))
    );
    check_newlines(&lab);
    drop(names);
    eventually("the port is a trap", || {
        lab.scanner
            .touch(Udp, SCANNER, SocketAddr::new(ROUTER, 161));
        lab.log.count(|text| text.ends_with("to UDP port: 161")) > 0
    });
}

/// Whoever may not open a packet socket is told in 1.2's words for its raw one.
#[test]
fn a_packet_socket_that_is_refused_is_named() {
    let Some(lab) = Lab::new(&[]) else { return };
    let conf = lab.dir().join("conf");
    let text = "TCP_MODE=\"advanced\"\nUDP_MODE=\"stealth\"\nUDP_PORTS=\"7\"\n";
    std::fs::write(&conf, text).unwrap();
    let mut command = lab.router.command("setpriv");
    command.args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--"]);
    command
        .arg(crate::lab::daemon::binary())
        .arg("run")
        .arg("-c");
    command
        .arg(&conf)
        .arg("--run-dir")
        .arg(lab.dir().join("run"));
    let status = command.stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    for proto in [Tcp, Udp] {
        let line = format!("adminalert: ERROR: could not open RAW {proto} socket. Aborting.");
        lab.log.wait_for(|text| text == line);
    }
}
