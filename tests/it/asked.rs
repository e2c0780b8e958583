//! `portsentry status`, `list` and `why`: what the daemon that runs says of itself and of others.

mod json;
mod list;
mod why;

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, ROUTER6, SECOND, eventually, scan};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

fn touch(lab: &Lab, from: IpAddr, port: u16) {
    let to = if from.is_ipv4() { ROUTER } else { ROUTER6 };
    lab.scanner.touch(Tcp, from, SocketAddr::new(to, port));
}

/// The ban of a source as `list` has it; null if there is none.
fn ban(daemon: &Daemon<'_>, source: &str) -> Value {
    let list = daemon.ask("list --json").json();
    let mut bans = list["bans"].as_array().unwrap().iter();
    let found = bans.find(|ban| ban["source"] == source);
    found.cloned().unwrap_or(Value::Null)
}

/// The words of a line that begins with `name`, or of the row of a source.
#[track_caller]
fn words(text: &str, name: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn status_follows_what_happens() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth)
        .with("BLOCK_UDP", "0")
        .with("INTERFACE", "wan lan7");
    let daemon = lab.start(config);
    let before = daemon.ask("status --json").json();
    assert_eq!(before["daemon"]["process"], daemon.pid());
    assert_eq!(before["daemon"]["version"], env!("CARGO_PKG_VERSION"));
    let conf = daemon.file("conf");
    assert_eq!(before["files"]["configuration"], conf.to_str().unwrap());
    assert_eq!(
        before["tcp"],
        json!({"mode": "stealth", "traps": 22, "block": 1})
    );
    assert_eq!(
        before["udp"],
        json!({"mode": "stealth", "traps": 17, "block": 0})
    );
    let devices = json!([{"name": "wan", "there": true}, {"name": "lan7", "there": false}]);
    assert_eq!(before["devices"], devices);
    assert_eq!(before["bans"]["in_force"], 0);
    assert_eq!(
        before["bans"]["in_force_max"], 1024,
        "in a chain of iptables"
    );

    lab.nmap(&format!("-sS -p {}", scan::list(&[11, 15, 79])), ROUTER);
    lab.scanner.touch(Udp, SECOND, SocketAddr::new(ROUTER, 161));
    eventually("the ban", || {
        ban(&daemon, "10.66.0.2")["state"] == "enforced"
    });
    let after = || daemon.ask("status --json").json();
    eventually("the datagram", || after()["probes"]["udp"] == 1);
    let after = after();
    assert!(after["probes"]["syn"].as_u64().unwrap() >= 1, "{after}");
    assert_eq!(
        (&after["bans"]["in_force"], &after["ever"]["banned"]),
        (&1.into(), &1.into())
    );
    assert_eq!(after["ever"]["would_be_banned"], 1, "{after}");
    let sources = &after["sources"];
    let seen = ["on_probation", "known"].map(|part| sources[part].as_u64().unwrap());
    assert_eq!(seen.iter().sum::<u64>(), 2, "{after}");
    assert!(
        after["verdicts"]["reported"].as_u64().unwrap() >= 2,
        "{after}"
    );
    assert_eq!(after["firewall"]["state"], "good", "{after}");

    // The same for people.
    let text = daemon.ask("status").done();
    assert_eq!(
        words(&text, "devices")[1..],
        ["wan", "there,", "lan7", "missing"]
    );
    assert_eq!(
        words(&text, "bans")[1..6],
        ["in", "force", "1", "of", "1024,"]
    );
    let tcp = "tcp         mode stealth, traps 22, block 1\n";
    assert!(text.contains(tcp), "{text}");
    assert!(text.lines().all(|line| line.len() < 115), "{text}");
}

#[test]
fn the_firewall_is_what_it_is() {
    for (backend, block, expected) in [
        ("nft", "1", ["nft", "good", "true", "true"]),
        ("nft", "0", ["nft", "off", "false", "false"]),
        ("iptables", "1", ["iptables", "good", "false", "false"]),
    ] {
        let Some(lab) = Lab::new(&["nft"]) else {
            return;
        };
        let config = Config::new(Mode::Stealth)
            .with("BACKEND", backend)
            .with("BLOCK_TCP", block)
            .with("INTERFACE", "wan");
        let daemon = lab.start(config);
        let mut found = [const { String::new() }; 4];
        let is_so = || {
            let firewall = &daemon.ask("status --json").json()["firewall"];
            found = ["backend", "state", "hold", "ingress"]
                .map(|name| firewall[name].to_string().replace('"', ""));
            found == expected
        };
        eventually(&format!("{expected:?}"), is_so);
    }
}

#[test]
fn a_firewall_that_fails_is_seen() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    watch.break_down();
    daemon.ask("ban 192.0.2.7").done();
    let firewall = || daemon.ask("status --json").json()["firewall"].clone();
    eventually("the failure", || firewall()["state"] == "failing");
    assert!(firewall()["failures"].as_u64().unwrap() > 0);
    assert_eq!(ban(&daemon, "192.0.2.7")["state"], "waiting");
    assert!(daemon.ask("list").done().contains("firewall: waiting"));
    watch.mend();
    eventually("it works again", || firewall()["state"] == "good");
    assert_eq!(ban(&daemon, "192.0.2.7")["state"], "enforced");
}

#[test]
fn two_daemons_are_two_run_directories() {
    let Some(lab) = Lab::new(&[]) else { return };
    let one = lab.start_in("one", Config::new(Mode::Stealth));
    let two = lab.start_in("two", Config::new(Mode::Stealth));
    let process =
        |daemon: &Daemon<'_>| daemon.ask("status --json").json()["daemon"]["process"].clone();
    assert_eq!(
        (process(&one), process(&two)),
        (one.pid().into(), two.pid().into())
    );
}

#[test]
fn without_a_daemon_one_line_says_so() {
    let Some(lab) = Lab::new(&[]) else { return };
    let line = |dir: &str| {
        format!(
            "portsentry: no portsentry runs on {dir}: start it, or name its directory with --run-dir\n"
        )
    };
    for words in [
        "status",
        "list --json",
        "why 192.0.2.7",
        "ban 192.0.2.7",
        "unban --all",
    ] {
        let asked = lab.ask(words, Path::new("/nowhere"));
        assert_eq!(asked.refused(), line("/nowhere"), "{words}");
    }
    // One that was killed leaves its socket behind.
    let mut daemon = lab.start(Config::new(Mode::Stealth));
    daemon.signal(nix::sys::signal::Signal::SIGKILL);
    daemon.wait();
    assert!(daemon.file("run/control").exists());
    let run = daemon.file("run").to_str().unwrap().to_owned();
    assert_eq!(daemon.ask("status").refused(), line(&run));
}
