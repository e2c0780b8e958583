//! Bans by hand: `portsentry ban` and `unban`, and what of them is seen in the firewall and on the wire.

mod refused;

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SECOND, eventually};
use std::net::{IpAddr, SocketAddr};
use std::thread::sleep;
use std::time::Duration;

const SERVICE: u16 = 9099;
const BACKENDS: [&str; 3] = ["nft", "ipset", "iptables"];

/// A lab with a firewall of each kind that is there, and a daemon in it.
fn each_backend(block: &str, check: impl Fn(&Lab, &Daemon<'_>, &str)) {
    for backend in BACKENDS {
        let tools: &[&str] = match backend {
            "nft" => &["nft"],
            "ipset" => &["ipset"],
            _ => &[],
        };
        let Some(lab) = Lab::new(tools) else {
            continue;
        };
        let config = Config::blocking(Mode::Stealth)
            .with("BACKEND", backend)
            .with("BLOCK_TCP", block)
            .with("BLOCK_UDP", block);
        let daemon = lab.start(config);
        check(&lab, &daemon, backend);
        let texts = lab.log.texts();
        let failed: Vec<_> = texts
            .iter()
            .filter(|text| text.contains("failed ("))
            .collect();
        assert_eq!(failed, [""; 0], "{backend}: the firewall refused");
    }
}

/// Whether the firewall has a ban, as its own program shows it.
fn holds(lab: &Lab, backend: &str, prefix: &str) -> bool {
    match backend {
        "nft" => {
            let list = "nft list table inet portsentry 2>/dev/null || true";
            let (addr, _) = prefix.split_once('/').unwrap_or((prefix, ""));
            let table = lab.router.sh(list);
            // A list of elements may be broken anywhere; those of a set with one length have none.
            [addr, prefix].iter().any(|text| {
                let words = table.split([' ', ',', '\n', '\t']);
                words.into_iter().any(|word| word == *text)
            })
        }
        "ipset" => {
            let digit = if prefix.contains(':') { 6 } else { 4 };
            let list = format!("ipset test portsentry{digit} {prefix} 2>&1 || true");
            lab.router.sh(&list).contains(" is in set")
        }
        _ => match (prefix.contains('/'), prefix.contains(':')) {
            (true, _) => lab.banned(prefix),
            (false, true) => lab.banned(&format!("{prefix}/128")),
            (false, false) => lab.banned(&format!("{prefix}/32")),
        },
    }
}

fn reaches(lab: &Lab, from: IpAddr) -> bool {
    let to = if from.is_ipv4() { ROUTER } else { ROUTER6 };
    let service = SocketAddr::new(to, SERVICE);
    lab.scanner.connect(from, service).is_some()
}

/// How often a line was logged that must have been by now.
fn logged(lab: &Lab, text: &str) -> usize {
    lab.log.wait_for(|line| line == text);
    lab.log.count(|line| line == text)
}

#[test]
fn a_ban_by_hand_stops_its_source_until_it_is_lifted() {
    for block in ["1", "0"] {
        each_backend(block, |lab, daemon, backend| {
            let _service = lab.router.listen(("::", SERVICE));
            assert_eq!(
                daemon.ask("ban 10.66.0.2").done(),
                "10.66.0.2 is banned for ever\n"
            );
            eventually("it is in the firewall", || holds(lab, backend, "10.66.0.2"));
            assert!(!reaches(lab, SCANNER), "{backend}");
            assert!(reaches(lab, SECOND), "{backend}: somebody else");
            let line = "adminalert: Host 10.66.0.2 is blocked by hand, for ever";
            assert_eq!(logged(lab, line), 1);

            assert_eq!(
                daemon.ask("unban 10.66.0.2").done(),
                "10.66.0.2 is not banned any more\n"
            );
            eventually("it has gone", || !holds(lab, backend, "10.66.0.2"));
            assert!(reaches(lab, SCANNER), "{backend}");
            let line = "adminalert: Host 10.66.0.2 is unblocked by hand";
            assert_eq!(logged(lab, line), 1);
            let complaint = "portsentry: 10.66.0.2 is not banned\n";
            assert_eq!(daemon.ask("unban 10.66.0.2").refused(), complaint);
            // Without blocking nothing of ours stays in the firewall.
            if block == "0" {
                eventually("nothing is left", || {
                    let rules = format!("{}{}", lab.rules(ROUTER), lab.rules(ROUTER6));
                    let table = lab.router.sh("nft list tables 2>/dev/null || true");
                    !rules.contains("PORTSENTRY") && !table.contains("portsentry")
                });
            }
        });
    }
}

/// Where nothing else is blocked there is no firewall yet, and nobody else who wakes the daemon up for it.
#[test]
fn a_daemon_that_sleeps_bans_at_once() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    // The kernel has news of a fresh link for a while.
    eventually("it sleeps two seconds through", || {
        let before = daemon.wakeups();
        sleep(Duration::from_secs(2));
        daemon.wakeups() == before
    });
    daemon.ask("ban 192.0.2.7").done();
    eventually("the ban", || lab.banned("192.0.2.7/32"));
}

#[test]
fn a_ban_for_a_time_ends_by_itself_and_can_get_another_end() {
    each_backend("1", |lab, daemon, backend| {
        let _service = lab.router.listen(("::", SERVICE));
        // In the other words.
        assert_eq!(
            daemon.ask("block --for 1h 10.66.0.3").done(),
            "10.66.0.3 is banned for 1h\n"
        );
        assert_eq!(
            daemon.ask("ban 10.66.0.2 --for=2s").done(),
            "10.66.0.2 is banned for 2s\n"
        );
        eventually("it is in the firewall", || holds(lab, backend, "10.66.0.3"));
        lab.log
            .wait_for(|text| text == "adminalert: Host 10.66.0.2 is no longer blocked");
        // The kernel counts whole seconds.
        eventually("it has gone", || !holds(lab, backend, "10.66.0.2"));
        assert!(reaches(lab, SCANNER), "{backend}");
        assert!(!reaches(lab, SECOND), "{backend}: the other goes on");

        assert_eq!(
            daemon.ask("ban 10.66.0.3 --for 2s").done(),
            "10.66.0.3 was banned already, and is so for 2s from now on\n"
        );
        lab.log
            .wait_for(|text| text == "adminalert: Host 10.66.0.3 is no longer blocked");
        eventually("it reaches us", || reaches(lab, SECOND));
        assert_eq!(daemon.ask("list").done(), "nobody is banned\n");
        let line = |time: &str| {
            let line = format!("adminalert: Host 10.66.0.3 is blocked by hand, for {time}");
            logged(lab, &line)
        };
        assert_eq!((line("1h"), line("2s")), (1, 1));
    });
}

#[test]
fn a_network_by_hand_stops_all_of_it() {
    each_backend("1", |lab, daemon, backend| {
        let _service = lab.router.listen(("::", SERVICE));
        let (one, two) = (lab.stranger(ROUTER), lab.stranger(ROUTER));
        daemon.ask(&format!("ban {one}")).done();
        eventually("one address", || holds(lab, backend, &one.to_string()));
        // Bits behind the length are cut off, and what is in it ends.
        assert_eq!(
            daemon.ask("ban 10.99.0.77/24 --for 1d").done(),
            "10.99.0.0/24 is banned for 1d, in place of 1 in it\n"
        );
        eventually("the network, and not the address", || {
            holds(lab, backend, "10.99.0.0/24")
                && (backend == "ipset" || !holds(lab, backend, &one.to_string()))
        });
        assert!(!reaches(lab, one) && !reaches(lab, two), "{backend}");
        assert!(reaches(lab, SECOND), "{backend}");
        // Wider still: where sets have intervals the narrower one must have gone before.
        assert_eq!(
            daemon.ask("ban 10.99.0.0/16 --for 0").done(),
            "10.99.0.0/16 is banned for ever, in place of 1 in it\n"
        );
        eventually("the wider network", || holds(lab, backend, "10.99.0.0/16"));
        let covered = format!("{two} is banned already, with 10.99.0.0/16, for ever\n");
        assert_eq!(daemon.ask(&format!("ban {two}")).done(), covered);
        assert_eq!(
            daemon.ask("list --json").json()["bans"]
                .as_array()
                .unwrap()
                .len(),
            1
        );

        let lifted = format!("10.99.0.0/16 is not banned any more, and {two} with it\n");
        assert_eq!(daemon.ask(&format!("unblock {two}")).done(), lifted);
        eventually("both reach us again", || {
            reaches(lab, one) && reaches(lab, two)
        });
    });
}

#[test]
fn in_ipv6_an_address_stands_for_its_64() {
    each_backend("1", |lab, daemon, backend| {
        let _service = lab.router.listen(("::", SERVICE));
        let scanner = lab.stranger(ROUTER6);
        assert_eq!(
            daemon.ask(&format!("ban {scanner}")).done(),
            format!("fd99:0:0:1::/64 is banned for ever, and {scanner} with it\n")
        );
        eventually("the network", || holds(lab, backend, "fd99:0:0:1::/64"));
        assert!(!reaches(lab, scanner), "{backend}");
        // Whoever lives there falls under it.
        assert_eq!(
            daemon.ask("unban fd99:0:0:1:a:b:c:d").done(),
            "fd99:0:0:1::/64 is not banned any more, and fd99::1:a:b:c:d with it\n"
        );
        eventually("it reaches us again", || reaches(lab, scanner));
        // A length that is named is meant.
        assert_eq!(
            daemon.ask(&format!("ban {scanner}/128 --for 90s")).done(),
            format!("{scanner} is banned for 90s\n")
        );
        eventually("one address", || holds(lab, backend, &scanner.to_string()));
        assert!(!reaches(lab, scanner), "{backend}");
    });
}

#[test]
fn whoever_is_let_in_again_begins_anew() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth).with("TRIGGER_PORTS", "2"));
    let touch = |port| {
        lab.scanner
            .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, port));
    };
    touch(11);
    touch(15);
    lab.log
        .wait_for_text("Host 10.66.0.2 has been blocked via dropped route");
    let strikes = |word: &str| {
        let why = daemon.ask("why 10.66.0.2 --json").json();
        let found = why["touched"]["ports"].as_u64();
        assert_eq!(why["ban"].is_null(), word == "free", "{why}");
        found
    };
    assert_eq!(strikes("banned"), Some(2));
    daemon.ask("unban 10.66.0.2").done();
    assert_eq!(strikes("free"), None);
    eventually("it has gone", || !lab.banned("10.66.0.2/32"));

    touch(79);
    eventually("the touch", || strikes("free") == Some(1));
    let line = probed(SCANNER, Tcp, 79);
    assert_eq!(lab.log.count(|text| text.ends_with(&line)), 0);
    touch(111);
    eventually("the second ban", || lab.banned("10.66.0.2/32"));
    let again = daemon.ask("why 10.66.0.2 --json").json();
    assert_eq!(again["ban"]["strikes"], 1, "it is no repeat offender");
}

#[test]
fn all_are_let_in_at_once() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    assert_eq!(daemon.ask("unban --all").done(), "nobody is banned\n");
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    eventually("one by the sensor", || lab.banned("10.66.0.2/32"));
    daemon.ask("ban 192.0.2.0/24").done();
    eventually("one by hand", || lab.banned("192.0.2.0/24"));
    assert_eq!(daemon.ask("unban --all").done(), "all 2 bans are lifted\n");
    eventually("the chain is empty", || {
        lab.chain(ROUTER) == Some(Vec::new())
    });
    assert_eq!(logged(&lab, "adminalert: 2 hosts are unblocked by hand"), 1);
    let known = daemon.ask("why 10.66.0.2").done();
    assert!(
        known == "10.66.0.2 is not banned\nnothing is known of it\n",
        "{known}"
    );
}
