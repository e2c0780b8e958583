//! `portsentry why`.

use super::{ban, touch};
use crate::lab::config::{Config, Mode};
use crate::lab::{Lab, ROUTER6, SCANNER, eventually};
use serde_json::Value;

#[test]
fn why_tells_what_is_known_of_a_source() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth)
        .with("SCAN_TRIGGER", "3")
        .with("TRIGGER_PORTS", "2")
        .with("WINDOW", "6h");
    let daemon = lab.start(config);
    daemon.write("ignore", "192.0.2.7\n");
    eventually("the ignore list", || {
        let why = daemon.ask("why 192.0.2.7").done();
        why == "192.0.2.7 is never banned: 192.0.2.7 is on the ignore list\n\
                it touched no trap lately\n"
    });
    let nothing = "198.51.100.9 is not banned\nnothing is known of it\n";
    assert_eq!(daemon.ask("why 198.51.100.9").done(), nothing);

    touch(&lab, SCANNER, 11);
    touch(&lab, SCANNER, 11);
    let why = || daemon.ask("why 10.66.0.2").done();
    let so_far = "10.66.0.2 is not banned\n2 of 3 hits, 1 of 2 traps; \
                  forgotten in 5 h 59 min unless it touches again\n";
    eventually("two hits", || why().starts_with(so_far));
    assert!(
        why().contains("\nits address is not proven\nTCP 11: syn, "),
        "{}",
        why()
    );
    touch(&lab, SCANNER, 15);
    eventually("the ban", || {
        ban(&daemon, "10.66.0.2")["state"] == "enforced"
    });
    let text = why();
    assert!(
        text.starts_with("10.66.0.2 is banned by stcp since "),
        "{text}"
    );
    let held = ", for ever\nheld by firewall: enforced, not verified, strikes 1\n3 of 3 hits, 2 of 2 traps; ";
    assert!(text.contains(held), "{text}");
    let json = daemon.ask("why 10.66.0.2 --json").json();
    let touches = json["touched"]["touches"].as_array().unwrap();
    let traps: Vec<_> = touches
        .iter()
        .map(|touch| (&touch["port"], &touch["kind"], &touch["sensor"]))
        .collect();
    let syn = |port: u16| (Value::from(port), "syn".into(), "stcp".into());
    let expected = [syn(15), syn(11)];
    assert_eq!(
        traps,
        expected
            .iter()
            .map(|(a, b, c)| (a, b, c))
            .collect::<Vec<_>>()
    );

    // An address that a wider ban covers, and one that counts as its network.
    daemon.ask("ban 203.0.113.0/24").done();
    let inside = daemon.ask("why 203.0.113.9").done();
    assert!(
        inside.starts_with("203.0.113.9 is banned with 203.0.113.0/24 by hand since "),
        "{inside}"
    );
    let stranger = lab.stranger(ROUTER6);
    touch(&lab, stranger, 11);
    let why = || daemon.ask("why fd99:0:0:1::77").done();
    let counts =
        "fd99:0:0:1::77 is not banned\nit counts as fd99:0:0:1::/64\n1 of 3 hits, 1 of 2 traps; ";
    eventually("a neighbour", || why().starts_with(counts));
}

#[test]
fn a_finished_handshake_proves_an_address() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Connect));
    touch(&lab, SCANNER, 11);
    let why = || daemon.ask("why 10.66.0.2").done();
    eventually("the touch", || why().contains("TCP 11: connect, "));
    assert!(why().contains("\nits address is proven\n"), "{}", why());
    assert!(
        why().contains("\nthat is enough, but BLOCK_TCP is 0\n"),
        "{}",
        why()
    );
    assert!(why().ends_with(" ago, by tcp\n"), "{}", why());
}
