//! `portsentry list`.

use super::{ban, touch, words};
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::{Lab, ROUTER, ROUTER6, eventually};
use serde_json::Value;

#[test]
fn list_has_each_ban_in_the_order_of_their_beginnings() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let config = Config::blocking(Mode::Stealth).with("BLOCK_TIME", "2h");
    let daemon = lab.start(config);
    daemon.ask("ban 203.0.113.0/24 --for 0").done();
    lab.nmap("-sS -p 11,15", ROUTER);
    eventually("the scanner", || {
        ban(&daemon, "10.66.0.2")["state"] == "enforced"
    });
    let stranger = lab.stranger(ROUTER6);
    touch(&lab, stranger, 11);
    eventually("a network", || {
        ban(&daemon, "fd99:0:0:1::/64")["state"] == "enforced"
    });
    daemon.ask("ban 198.51.100.7 --for 90s").done();

    shown(&lab, &daemon);
    let list = daemon.ask("list --json").json();
    let sources: Vec<_> = list["bans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ban| &ban["source"])
        .collect();
    assert_eq!(
        sources,
        [
            "203.0.113.0/24",
            "10.66.0.2",
            "fd99:0:0:1::/64",
            "198.51.100.7"
        ]
    );
    let scanner = ban(&daemon, "10.66.0.2");
    let left = scanner["remaining_seconds"].as_u64().unwrap();
    assert!((7000..=7200).contains(&left), "{scanner}");
    assert!(scanner["since_seconds_ago"].as_u64().unwrap() < 200);
    assert_eq!(
        (&scanner["sensor"], &scanner["by_hand"]),
        (&"stcp".into(), &false.into())
    );
    assert_eq!(
        (&scanner["verified"], &scanner["strikes"]),
        (&false.into(), &1.into())
    );
    assert_eq!(scanner["held_by"], "firewall");
    let by_hand = ban(&daemon, "203.0.113.0/24");
    assert_eq!(
        (&by_hand["sensor"], &by_hand["by_hand"]),
        (&Value::Null, &true.into())
    );
    assert_eq!(
        (&by_hand["verified"], &by_hand["remaining_seconds"]),
        (&true.into(), &Value::Null)
    );
}

/// The same in rows.
#[track_caller]
fn shown(lab: &Lab, daemon: &Daemon<'_>) {
    let text = daemon.ask("list").done();
    let rows: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(
        rows,
        [
            "source",
            "203.0.113.0/24",
            "10.66.0.2",
            "fd99:0:0:1::/64",
            "198.51.100.7"
        ]
    );
    let hand = words(&text, "203.0.113.0/24").join(" ");
    assert!(hand.contains(" for ever 0 by hand firewall: "), "{hand}");
    // The time of the log, in the time zone of this place.
    let today = lab.router.sh("date +%Y-%m-%d");
    assert_eq!(words(&text, "10.66.0.2")[1], today.trim());
    let scanner = words(&text, "10.66.0.2").join(" ");
    let left = [" 2 h 2 stcp ", " 1 h 59 min 2 stcp "];
    assert!(left.iter().any(|left| scanner.contains(left)), "{text}");
}
