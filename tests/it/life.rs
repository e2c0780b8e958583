//! Start, restart, a second one, reload.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::{binary, probed};
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use std::net::SocketAddr;
use std::process::Command;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

#[test]
fn a_start_says_what_it_watches_in_1_2s_words() {
    for (mode, words) in [
        (Mode::Connect, "listen mode"),
        (Mode::Stealth, "stealth listen mode"),
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        let mut daemon = lab.start(Config::new(mode));
        assert!(daemon.stop().success());
        lab.log
            .wait_for(|text| text == "adminalert: PortSentry is shutting down");
        let texts = lab.log.texts();
        assert_eq!(texts[0], "adminalert: PortSentry 0.1.0 is starting.");
        for line in [
            format!("{words} on TCP port: 514"),
            format!("{words} on UDP port: 54321"),
        ] {
            let line = format!("adminalert: Going into {line}");
            assert_eq!(
                texts.iter().filter(|text| **text == line).count(),
                1,
                "{line}"
            );
        }
        let end = [
            "securityalert: PortSentry is shutting down",
            "adminalert: PortSentry is shutting down",
        ];
        assert!(texts.windows(2).any(|pair| pair == end), "{texts:#?}");
        for text in &texts {
            assert!(
                daemon.stderr().contains(text.as_str()),
                "not on standard error: {text}"
            );
        }
    }
}

#[test]
fn the_modes_of_the_command_line_go_before_the_files() {
    let (listen, stealth) = (
        "Going into listen mode on",
        "Going into stealth listen mode on",
    );
    // The file says connect for TCP and stealth for UDP. 1.2's flags run what they name and no more.
    let table: [(&[&str], &str, &str); 6] = [
        (&[], listen, stealth),
        (&["--tcp-mode", "stealth"], stealth, stealth),
        (&["--udp-mode=off"], listen, ""),
        (&["-stcp"], stealth, ""),
        (&["-tcp", "-udp"], listen, listen),
        (&["-sudp"], "", stealth),
    ];
    for (arguments, tcp, udp) in table {
        let Some(lab) = Lab::new(&[]) else { return };
        let config = Config::new(Mode::Stealth).with("TCP_MODE", "connect");
        let _daemon = lab.start(config.run_with(arguments));
        for (proto, expected) in [(Tcp, tcp), (Udp, udp)] {
            for words in [listen, stealth] {
                let line = format!("adminalert: {words} {proto} port: 513");
                let said = lab.log.count(|text| text == line) > 0;
                assert_eq!(said, words == expected, "{arguments:?}: {line}");
            }
        }
    }
}

#[test]
fn a_port_in_use_is_reported_and_the_others_keep_their_numbers() {
    let Some(lab) = Lab::new(&[]) else { return };
    let web = lab.router.listen("[::]:15");
    let _snmp = lab.router.receive("[::]:161");
    let daemon = lab.start(Config::new(Mode::Connect));
    for proto in ["TCP", "UDP"] {
        let error = format!("could not bind {proto} socket");
        assert_eq!(lab.log.count(|text| text.contains(&error)), 1);
    }
    let ending = "Attempting to continue";
    lab.log.wait_for_text(&format!(
        "adminalert: ERROR: could not bind TCP socket: 15. {ending}"
    ));
    lab.log.wait_for_text(&format!(
        "adminalert: ERROR: could not bind UDP socket: 161. {ending}"
    ));

    for port in TCP_TRAPS {
        lab.scanner
            .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, port));
    }
    daemon.settle();
    let line = |port: &u16| format!("attackalert: Connect {}", probed(SCANNER, Tcp, *port));
    let others = TCP_TRAPS.iter().filter(|port| **port != 15);
    let mut expected: Vec<_> = others.map(line).collect();
    let mut lines = daemon.probe_lines();
    expected.sort();
    lines.sort();
    assert_eq!(lines, expected);
    assert_eq!(
        web.accept().unwrap().1.ip().to_string(),
        format!("::ffff:{SCANNER}")
    );
}

#[test]
fn a_restart_binds_all_ports_again_although_connections_linger() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(Config::new(Mode::Connect));
    // The daemon closes first, so the connection lingers on its side (TIME_WAIT).
    drop(lab.scanner.connect(SCANNER, TRAP).unwrap());
    daemon.settle();
    assert!(daemon.stop().success());
    let _daemon = lab.start(Config::new(Mode::Connect));
    assert_eq!(lab.log.count(|text| text.contains("could not bind")), 0);
    lab.scanner.touch(Tcp, SECOND, TRAP);
    let line = probed(SECOND, Tcp, 11);
    lab.log.wait_for(|text| text.ends_with(&line));
}

#[test]
fn a_start_after_a_kill_takes_over_what_was_left_behind() {
    let Some(lab) = Lab::new(&[]) else { return };
    let before = [lab.rules(ROUTER), lab.rules(ROUTER6)];
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the ban", || lab.banned("10.66.0.2/32"));
    daemon.signal(Signal::SIGKILL);
    daemon.wait();

    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.scanner.touch(Tcp, SECOND, TRAP);
    eventually("the next ban", || lab.banned("10.66.0.3/32"));
    let jumps = lab.rules(ROUTER).matches("-j PORTSENTRY").count();
    assert_eq!(jumps, 2, "one from INPUT, one from FORWARD");
    assert!(daemon.stop().success());
    assert_eq!([lab.rules(ROUTER), lab.rules(ROUTER6)], before);
}

#[test]
fn what_a_killed_one_left_behind_goes_also_if_nothing_is_to_be_blocked_now() {
    let Some(lab) = Lab::new(&[]) else { return };
    let before = [lab.rules(ROUTER), lab.rules(ROUTER6)];
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    assert_ne!([lab.rules(ROUTER), lab.rules(ROUTER6)], before);
    let _daemon = lab.start(Config::new(Mode::Stealth));
    assert_eq!([lab.rules(ROUTER), lab.rules(ROUTER6)], before);
}

#[test]
fn a_reload_puts_back_what_somebody_emptied() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the ban", || lab.banned("10.66.0.2/32"));
    lab.router.sh("iptables -w -F");
    assert!(!lab.banned("10.66.0.2/32"));
    daemon.reload(Config::blocking(Mode::Stealth));
    eventually("the ban again", || lab.banned("10.66.0.2/32"));
    assert_eq!(lab.rules(ROUTER).matches("-j PORTSENTRY").count(), 2);
}

#[test]
fn a_stop_among_a_thousand_reloads_is_not_lost() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(Config::new(Mode::Stealth));
    for n in 0..20_000 {
        daemon.signal(Signal::SIGHUP);
        if n == 5_000 {
            daemon.signal(Signal::SIGTERM);
        }
        if daemon.ended().is_some() {
            break;
        }
    }
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_second_one_is_refused_in_the_same_run_directory_only() {
    let Some(lab) = Lab::new(&[]) else { return };
    let both = Config::new(Mode::Stealth);
    let tcp = both.clone().with("UDP_MODE", "off");
    let udp = both.clone().with("TCP_MODE", "off");
    let first = lab.start_in("first", tcp.clone());
    for config in [&both, &tcp, &udp] {
        let (status, said) = lab.refused("first", "second", config);
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(
            said.contains("run") && said.contains("TCP"),
            "no reason in {said:?}"
        );
    }
    let _elsewhere = lab.start_in("third", udp);

    // The first one has not suffered by it.
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.scanner
        .touch(Udp, SCANNER, SocketAddr::new(ROUTER, 161));
    eventually("the first one logs", || {
        first.said(&probed(SCANNER, Tcp, 11))
    });
    lab.log.wait_for_text(&probed(SCANNER, Udp, 161));
}

#[test]
fn a_reload_takes_effect_and_a_broken_file_leaves_the_old_one_in_force() {
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(lab) = Lab::new(&[]) else { return };
        let mut daemon = lab.start(Config::new(mode));
        assert_eq!(lab.chain(ROUTER), None);

        daemon.reload(Config::blocking(mode).with("TCP_PORTS", "11,2222,61000"));
        eventually("the chain after the reload", || lab.chain(ROUTER).is_some());
        let stranger = lab.stranger(ROUTER);
        lab.scanner
            .touch(Tcp, stranger, SocketAddr::new(ROUTER, 2222));
        lab.log.wait_for_text(&probed(stranger, Tcp, 2222));
        eventually("the ban", || lab.banned(&format!("{stranger}/32")));
        lab.scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, 15));

        daemon.reload(Config::new(mode).with("BACKEND", "hope"));
        lab.log.wait_for(|text| text.contains("BACKEND"));
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        eventually("the ban by the old file", || lab.banned("10.66.0.2/32"));

        daemon.reload(Config::new(mode));
        eventually("the chain goes when it is not needed", || {
            lab.chain(ROUTER).is_none()
        });
        assert_eq!(
            lab.log
                .count(|text| text.ends_with(&probed(SECOND, Tcp, 15))),
            0
        );
        assert!(daemon.stop().success());
    }
}

#[test]
fn an_unknown_argument_is_answered_with_the_usage_and_nothing_is_started() {
    for arguments in [
        &["run", "--bogus"][..],
        &["walk"],
        &["run", "-c"],
        &["run", "extra"],
    ] {
        let output = Command::new(binary()).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            said.to_lowercase().contains("usage"),
            "{arguments:?}: {said}"
        );
        assert!(output.stdout.is_empty());
    }
}
