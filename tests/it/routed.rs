//! KILL_ROUTE is given one address, so that is what it stops; between two runs for one there is UNBLOCK_CMD.

use crate::lab::config::{Config, Mode};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use portsentry::limits::COMMANDED_MAX;
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The nth address of one /64.
fn neighbour(n: usize) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(
        0xfd99,
        0,
        0,
        77,
        0,
        0,
        0,
        u16::try_from(n).unwrap(),
    ))
}

#[test]
fn each_address_of_a_64_is_routed_away_up_to_eight() {
    let Some(lab) = Lab::new(&["ip6tables"]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_ROUTE", "ip6tables -w -I INPUT -s $TARGET$ -j DROP")
        .with("UNBLOCK_CMD", "ip6tables -w -D INPUT -s $TARGET$ -j DROP");
    let daemon = lab.start(config);
    let trap = SocketAddr::new(ROUTER6, 11);
    for n in 1..=COMMANDED_MAX {
        lab.scanner.touch(Tcp, neighbour(n), trap);
        let ip = neighbour(n);
        lab.log
            .wait_for_text(&format!("Host {ip} has been blocked via dropped route"));
        let rule = format!("-A INPUT -s {ip}/128 -j DROP");
        assert!(lab.rules(ROUTER6).contains(&rule), "{rule}");
    }
    let ninth = neighbour(COMMANDED_MAX + 1);
    lab.scanner.touch(Tcp, ninth, SocketAddr::new(ROUTER6, 15));
    lab.log.wait_for_text(&format!(
        "Could not block host {ninth} !! Too many addresses of its /64 are blocked"
    ));
    assert_eq!(lab.rules(ROUTER6).matches("-j DROP").count(), COMMANDED_MAX);

    let why = daemon.ask("why fd99:0:0:4d::1").done();
    assert!(why.contains("fd99:0:0:4d::1 is banned by stcp"), "{why}");
    assert!(why.contains("it counts as fd99:0:0:4d::/64"), "{why}");
    let freed = daemon.ask("unban fd99:0:0:4d::1").done();
    assert!(freed.contains("fd99:0:0:4d::1"), "{freed}");
    eventually("its rule is gone", || {
        lab.rules(ROUTER6).matches("-j DROP").count() == COMMANDED_MAX - 1
    });
    daemon.ask("unban --all").done();
    eventually("all rules are gone", || {
        !lab.rules(ROUTER6).contains("-j DROP")
    });
    let why = daemon.ask("why fd99:0:0:4d::2").done();
    assert!(why.contains("nothing is known of it"), "{why}");
}

/// `iptables -I` twice and `-D` once would leave a rule for ever.
#[test]
fn who_comes_back_before_unblock_cmd_was_run_is_unblocked_first() {
    let Some(lab) = Lab::new(&[]) else { return };
    let (notes, gate) = (lab.dir().join("notes"), lab.dir().join("gate"));
    let (noted, closed) = (notes.display(), gate.display());
    // The command for the second one takes long, and only one runs at a time.
    let route = format!(
        "echo + $TARGET$ $PORT$ >> {noted}
        case $TARGET$ in {SECOND}) while test -e {closed}; do sleep 0.05; done;; esac"
    )
    .replace('\n', ";");
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_ROUTE", &route)
        .with("UNBLOCK_CMD", &format!("echo - $TARGET$ $PORT$ >> {noted}"))
        .with("BLOCK_TIME", "2s");
    let daemon = lab.start(config);
    let notes = || fs::read_to_string(&notes).unwrap_or_default();
    fs::write(&gate, "").unwrap();
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    eventually("the first one is routed away", || {
        notes() == format!("+ {SCANNER} 11\n")
    });
    lab.scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, 11));
    eventually("the second one is begun with", || {
        notes().ends_with(&format!("+ {SECOND} 11\n"))
    });
    eventually("the first ban is over", || {
        !daemon.ask("list").done().contains("10.66.0.2")
    });
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 15));
    eventually("the first one is back", || {
        daemon.ask("list").done().contains("10.66.0.2")
    });
    fs::remove_file(&gate).unwrap();
    let first = || {
        let text = notes();
        let lines = text.lines().filter(|line| line.contains("10.66.0.2"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    // Each with the port that its own ban began with: a rule may have that in it.
    let all = "+ 10.66.0.2 11\n- 10.66.0.2 11\n+ 10.66.0.2 15\n- 10.66.0.2 15\n";
    eventually("it is done again, and undone", || {
        first().len() >= all.len()
    });
    assert_eq!(first(), all);
}

/// Its address is another one, and both count as one /64.
#[test]
fn what_ran_for_another_address_is_undone_for_that_one() {
    let Some(lab) = Lab::new(&[]) else { return };
    let (notes, gate) = (lab.dir().join("notes"), lab.dir().join("gate"));
    let (noted, closed) = (notes.display(), gate.display());
    let run = format!("echo + $TARGET$ >> {noted}; while test -e {closed}; do sleep 0.05; done");
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_RUN_CMD", &run)
        .with("UNBLOCK_CMD", &format!("echo - $TARGET$ >> {noted}"));
    let daemon = lab.start(config);
    let notes = || fs::read_to_string(&notes).unwrap_or_default();
    let (one, two) = (neighbour(1), neighbour(2));
    fs::write(&gate, "").unwrap();
    lab.scanner.touch(Tcp, one, SocketAddr::new(ROUTER6, 11));
    eventually("the command runs", || notes() == format!("+ {one}\n"));
    daemon.ask(&format!("unban {one}")).done();
    eventually("the other one is banned", || {
        lab.scanner.touch(Tcp, two, SocketAddr::new(ROUTER6, 15));
        daemon.ask("list").done().contains("fd99:0:0:4d::/64")
    });
    fs::remove_file(&gate).unwrap();
    let all = format!("+ {one}\n- {one}\n+ {two}\n");
    eventually("the other command ran", || notes().len() >= all.len());
    assert_eq!(notes(), all);
    daemon.ask("unban --all").done();
    let all = format!("{all}- {two}\n");
    eventually("and is undone", || notes() == all);
}

/// It did its work while we said farewell, so whoever comes next has it neither done again nor forgotten.
#[test]
fn what_a_command_did_during_a_stop_is_known_behind_it() {
    let Some(lab) = Lab::new(&[]) else { return };
    let (notes, gate) = (lab.dir().join("notes"), lab.dir().join("gate"));
    let (noted, closed) = (notes.display(), gate.display());
    let route = format!(
        "trap '' TERM; echo + $TARGET$ >> {noted}; while test -e {closed}; do sleep 0.05; done"
    );
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_ROUTE", &route)
        .with("UNBLOCK_CMD", &format!("echo - $TARGET$ >> {noted}"));
    let mut daemon = lab.start(config.clone());
    let notes = || fs::read_to_string(&notes).unwrap_or_default();
    fs::write(&gate, "").unwrap();
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    eventually("the command runs", || !notes().is_empty());
    daemon.signal(Signal::SIGTERM);
    lab.log
        .wait_for_text("adminalert: PortSentry is shutting down");
    fs::remove_file(&gate).unwrap();
    daemon.wait();
    let daemon = lab.start(config);
    daemon.ask("unban --all").done();
    let all = format!("+ {SCANNER}\n- {SCANNER}\n");
    eventually("it is undone", || notes().len() >= all.len());
    assert_eq!(notes(), all);
}

/// A line that says that it stays would be wrong.
#[test]
fn who_is_protected_later_is_unblocked_by_unblock_cmd() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_ROUTE", "true $TARGET$")
        .with("UNBLOCK_CMD", "true un $TARGET$");
    let daemon = lab.start(config);
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    lab.log
        .wait_for_text("Host 10.66.0.2 has been blocked via dropped route");
    daemon.write("ignore", "10.66.0.2\n");
    lab.log
        .wait_for_text("is no longer blocked; command run: \"true un 10.66.0.2\"");
    let freed = "adminalert: Host 10.66.0.2 is protected now and is freed";
    assert_eq!(lab.log.count(|text| text == freed), 1);
}

/// Who is banned by hand with all of his /64 is routed away still when that ends.
#[test]
fn what_nothing_can_undo_outlives_a_ban_by_hand_around_it() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth).with("KILL_ROUTE", "true $TARGET$");
    let daemon = lab.start(config);
    lab.scanner
        .touch(Tcp, neighbour(1), SocketAddr::new(ROUTER6, 11));
    lab.log.wait_for_text("has been blocked via dropped route");
    let banned = daemon.ask("ban fd99:0:0:4d::1 --for 1s").done();
    assert!(banned.contains("fd99:0:0:4d::/64 is banned"), "{banned}");
    eventually("that is over", || {
        !daemon.ask("list").done().contains("fd99:0:0:4d::/64")
    });
    let why = daemon.ask("why fd99:0:0:4d::1").done();
    assert!(
        why.contains("is banned by stcp") && why.contains("for ever"),
        "{why}"
    );
}

/// It is not in the list any more when its command ends, or the owner banned it by hand meanwhile.
#[test]
fn what_a_command_did_for_a_ban_that_ended_meanwhile_is_undone() {
    for asked in ["unban 10.66.0.2", "ban 10.66.0.2"] {
        let Some(lab) = Lab::new(&[]) else { return };
        let (notes, gate) = (lab.dir().join("notes"), lab.dir().join("gate"));
        let (noted, closed) = (notes.display(), gate.display());
        let route =
            format!("echo + $TARGET$ >> {noted}; while test -e {closed}; do sleep 0.05; done");
        let config = Config::blocking(Mode::Stealth)
            .with("KILL_ROUTE", &route)
            .with("UNBLOCK_CMD", &format!("echo - $TARGET$ >> {noted}"));
        let daemon = lab.start(config);
        let notes = || fs::read_to_string(&notes).unwrap_or_default();
        fs::write(&gate, "").unwrap();
        lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
        eventually("the command runs", || !notes().is_empty());
        daemon.ask(asked).done();
        if asked.starts_with("ban") {
            eventually("the firewall has it", || lab.banned("10.66.0.2/32"));
        }
        fs::remove_file(&gate).unwrap();
        let all = format!("+ {SCANNER}\n- {SCANNER}\n");
        eventually("it is undone", || notes() == all);
    }
}
