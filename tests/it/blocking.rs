//! BLOCK_TCP and BLOCK_UDP: 0 reports, 1 stops packets and does what the owner asks, 2 only the latter.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, SECOND, eventually, scan};
use portsentry::net::Prefix;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

const SERVICE: u16 = 9099;

fn trap(router: IpAddr) -> SocketAddr {
    SocketAddr::new(router, 11)
}

/// 1.2's words for a ban that stops packets.
fn dropped(source: IpAddr, command: &str) -> String {
    let words = "has been blocked via dropped route using command";
    format!("attackalert: Host {source} {words}: \"{command}\"")
}

#[test]
fn with_0_a_scan_is_reported_and_succeeds() {
    for (mode, scan) in [(Mode::Stealth, "-sS"), (Mode::Connect, "-sT")] {
        let Some(lab) = Lab::new(&["nmap"]) else {
            return;
        };
        let daemon = lab.start(Config::new(mode));
        let _service = lab.router.listen((ROUTER, SERVICE));
        let ports = scan::list(&TCP_TRAPS);
        let found = lab.nmap(&format!("{scan} -p {ports},{SERVICE}"), ROUTER);
        assert!(found.open.contains(&SERVICE), "{}", found.said);
        daemon.settle();

        let ignoring = "attackalert: Ignoring TCP response per configuration file setting.";
        let texts = lab.log.texts();
        for port in TCP_TRAPS {
            let probe = probed(SCANNER, Tcp, port);
            let at = texts
                .iter()
                .position(|text| text.ends_with(&probe))
                .unwrap();
            assert_eq!(texts[at + 1], ignoring);
        }
        assert_eq!(lab.chain(ROUTER), None);
        assert_eq!(daemon.read("history"), "");
    }
}

#[test]
fn with_1_the_firewall_is_ready_from_the_start_and_as_before_at_the_end() {
    let Some(lab) = Lab::new(&[]) else { return };
    lab.router
        .sh("iptables -A INPUT -p tcp --dport 22 -j ACCEPT");
    let before = [lab.rules(ROUTER), lab.rules(ROUTER6)];
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    for family in [ROUTER, ROUTER6] {
        eventually("the chain", || lab.chain(family) == Some(Vec::new()));
        eventually("the jumps come first", || {
            let rules = lab.rules(family);
            ["INPUT", "FORWARD"].iter().all(|chain| {
                let start = format!("-A {chain} ");
                let first = rules.lines().find(|rule| rule.starts_with(&start));
                first.is_some_and(|rule| rule.contains("--ctstate INVALID,NEW -j PORTSENTRY"))
            })
        });
    }
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    lab.log.wait_for_text(&dropped(
        SCANNER,
        "iptables -A PORTSENTRY -s 10.66.0.2 -j DROP",
    ));
    assert!(lab.banned("10.66.0.2/32"));
    assert!(daemon.stop().success());
    assert_eq!([lab.rules(ROUTER), lab.rules(ROUTER6)], before);
}

#[test]
fn with_1_a_ban_stops_what_the_source_begins_and_nothing_else() {
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(lab) = Lab::new(&[]) else { return };
        let _daemon = lab.start(Config::blocking(mode));
        let service = SocketAddr::new(ROUTER, SERVICE);
        let listener = lab.router.listen(service);
        let mut session = lab.scanner.connect(SCANNER, service).unwrap();
        let (mut other_end, _) = listener.accept().unwrap();

        lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
        lab.log.wait_for_text("has been blocked via dropped route");
        assert!(
            lab.scanner.connect(SCANNER, service).is_none(),
            "{mode:?}: a new connection"
        );
        assert!(
            lab.scanner.connect(SECOND, service).is_some(),
            "{mode:?}: somebody else"
        );
        session.write_all(b"still").unwrap();
        let mut heard = [0; 5];
        other_end.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"still", "{mode:?}: an established session");
    }
}

#[test]
fn with_1_ipv6_sources_are_banned_by_their_64_but_never_the_routers_own() {
    let Some(lab) = Lab::new(&[]) else { return };
    let _daemon = lab.start(Config::blocking(Mode::Stealth));
    let stranger = lab.stranger(ROUTER6);
    lab.scanner
        .touch(Udp, stranger, SocketAddr::new(ROUTER6, 161));
    let rule = "ip6tables -A PORTSENTRY -s fd99:0:0:1::/64 -j DROP";
    lab.log.wait_for_text(&dropped(stranger, rule));
    assert!(lab.banned("fd99:0:0:1::/64"));

    lab.scanner.touch(Tcp, SCANNER6, trap(ROUTER6));
    let rule = "ip6tables -A PORTSENTRY -s fd66::2 -j DROP";
    lab.log.wait_for_text(&dropped(SCANNER6, rule));
    assert!(lab.banned("fd66::2/128"));
}

#[test]
fn with_1_a_kill_route_of_the_owner_takes_the_place_of_our_chain() {
    let Some(lab) = Lab::new(&[]) else { return };
    let route = "iptables -w -I INPUT -s $TARGET$ -j DROP";
    let _daemon = lab.start(Config::blocking(Mode::Connect).with("KILL_ROUTE", route));
    lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
    lab.log.wait_for_text(&dropped(
        SCANNER,
        "iptables -w -I INPUT -s 10.66.0.2 -j DROP",
    ));
    assert!(
        lab.rules(ROUTER)
            .contains("-A INPUT -s 10.66.0.2/32 -j DROP")
    );
    assert_eq!(lab.chain(ROUTER), None);
}

/// A KILL_RUN_CMD that leaves its arguments in a file.
fn note(file: &Path) -> String {
    format!("echo $TARGET$ $PORT$ $MODE$ >> {}", file.display())
}

#[test]
fn with_1_the_owners_actions_come_in_1_2s_order_and_all_macros_are_replaced() {
    let (wrappers, route, command) = ("via wrappers", "via dropped route", "External command run");
    let in_order = |first: &str, order: [&str; 3]| {
        let Some(lab) = Lab::new(&[]) else { return };
        let ran = lab.dir().join("ran");
        let config = Config::blocking(Mode::Stealth)
            .with("KILL_HOSTS_DENY", "ALL: $TARGET$ : DENY")
            .with("KILL_RUN_CMD", &note(&ran))
            .with("KILL_RUN_CMD_FIRST", first);
        let _daemon = lab.start(config);
        lab.scanner
            .touch(Udp, SCANNER, SocketAddr::new(ROUTER, 161));
        for text in order {
            lab.log.wait_for_text(text);
        }
        let texts = lab.log.texts();
        let at = order.map(|text| texts.iter().position(|line| line.contains(text)));
        assert!(at.is_sorted(), "{texts:#?}");
        assert_eq!(fs::read_to_string(&ran).unwrap(), "10.66.0.2 161 sudp\n");
        let denied = fs::read_to_string(lab.router.path("/etc/hosts.deny")).unwrap();
        assert_eq!(denied.matches("ALL: 10.66.0.2 : DENY\n").count(), 1);
        let string = "attackalert: Host 10.66.0.2 has been blocked via wrappers with string: \
                      \"ALL: 10.66.0.2 : DENY\"";
        assert!(texts.iter().any(|text| text == string), "{texts:#?}");
        let shown = note(&ran).replace("$TARGET$ $PORT$ $MODE$", "10.66.0.2 161 sudp");
        let external = format!(
            "attackalert: External command run for host: 10.66.0.2 using command: \"{shown}\""
        );
        assert!(texts.contains(&external), "{texts:#?}");
    };
    in_order("0", [wrappers, route, command]);
    in_order("1", [command, wrappers, route]);
}

#[test]
fn with_2_the_owners_command_runs_and_nothing_is_stopped() {
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(lab) = Lab::new(&[]) else { return };
        let ran = lab.dir().join("ran");
        let config = Config::new(mode)
            .with("BLOCK_TCP", "2")
            .with("KILL_HOSTS_DENY", "ALL: $TARGET$ : DENY")
            .with("KILL_ROUTE", "iptables -w -I INPUT -s $TARGET$ -j DROP")
            .with("KILL_RUN_CMD", &note(&ran));
        let daemon = lab.start(config);
        lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
        lab.log
            .wait_for_text("External command run for host: 10.66.0.2 using command:");
        daemon.settle();
        let name = if mode == Mode::Connect { "tcp" } else { "stcp" };
        let noted = fs::read_to_string(&ran).unwrap();
        assert!(
            noted.starts_with(&format!("10.66.0.2 11 {name}\n")),
            "{noted}"
        );
        assert!(!lab.rules(ROUTER).contains("DROP"));
        assert_eq!(lab.chain(ROUTER), None);
        let denied = fs::read_to_string(lab.router.path("/etc/hosts.deny")).unwrap_or_default();
        assert!(!denied.contains("10.66.0.2"));
    }
}

#[test]
fn whoever_touches_again_is_already_blocked_in_the_words_of_the_mode() {
    let words = [
        (
            Mode::Connect,
            "attackalert: Host: 10.66.0.2 is already blocked. Ignoring",
        ),
        (
            Mode::Stealth,
            "attackalert: Host: 10.66.0.2/10.66.0.2 is already blocked Ignoring",
        ),
    ];
    for (mode, already) in words {
        let Some(lab) = Lab::new(&[]) else { return };
        // A command that succeeds and stops nothing, so that a connect sensor sees a second touch.
        let config = Config::blocking(mode).with("KILL_ROUTE", "test -n $TARGET$");
        let _daemon = lab.start(config);
        lab.scanner.touch(Tcp, SCANNER, trap(ROUTER));
        lab.log
            .wait_for_text(&dropped(SCANNER, "test -n 10.66.0.2"));
        lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 15));
        lab.log.wait_for(|text| text == already);
        let second = probed(SCANNER, Tcp, 15);
        let texts = lab.log.texts();
        let at = texts
            .iter()
            .position(|text| text.ends_with(&second))
            .unwrap();
        assert_eq!(texts[at + 1], already);
    }
}

/// What only told somebody of a source is no reason not to stop it: not in IPv6 either, where the one is of an
/// address and the other of its /64.
#[test]
fn whom_2_told_of_is_stopped_by_the_other_protocols_1() {
    let Some(lab) = Lab::new(&[]) else { return };
    let ran = lab.dir().join("ran");
    let config = Config::blocking(Mode::Stealth)
        .with("BLOCK_UDP", "2")
        .with("KILL_RUN_CMD", &note(&ran));
    let _daemon = lab.start(config);
    for to in [ROUTER, ROUTER6] {
        let from = lab.stranger(to);
        lab.scanner.touch(Udp, from, SocketAddr::new(to, 513));
        let told = format!("External command run for host: {from} using command:");
        lab.log.wait_for_text(&told);
        lab.scanner.touch(Tcp, from, trap(to));
        lab.log
            .wait_for_text(&format!("Host {from} has been blocked via dropped route"));
        let banned = match from.is_ipv4() {
            true => format!("{from}/32"),
            false => Prefix::new(from, 64).unwrap().to_string(),
        };
        assert!(lab.banned(&banned), "{banned}");
    }
}
