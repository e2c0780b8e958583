//! `nmap -T0`: a probe each five minutes, through the detector with a clock of our own.

use super::Cell;
use super::scans::PORTS;
use crate::lab::packet;
use crate::lab::{ROUTER, ROUTER6, SCANNER, SCANNER6};
use portsentry::config::{Modes, classic};
use portsentry::judge::detector::Detector;
use portsentry::judge::verdict::{Outcome, Verdict};
use portsentry::net::Family;
use portsentry::see::conntrack::Belongs;
use portsentry::see::packet::parse;
use portsentry::see::probe::Mode;
use portsentry::time::Instant;
use std::net::SocketAddr;
use std::time::Duration;

/// What nmap's manual says of `-T0`.
const BETWEEN: Duration = Duration::from_secs(300);

/// At which of its probes, one to each port, a source is banned.
fn banned_at(text: &str, family: Family, between: Duration) -> Option<usize> {
    let (config, _) = classic::read(text.as_bytes(), Modes::default());
    let mut detector = Detector::new(config.policy(), (1, 2));
    let [router, scanner] = match family {
        Family::V4 => [ROUTER, SCANNER],
        Family::V6 => [ROUTER6, SCANNER6],
    };
    let mut now = Instant::default();
    let banned = PORTS.iter().position(|port| {
        now = now.after(between);
        detector.pass(now);
        detector.take_news(now, |_| {});
        let from = SocketAddr::new(scanner, 40000);
        let bytes = packet::tcp(from, SocketAddr::new(router, *port), "S");
        let probe = parse(&bytes, bytes.len(), config.kinds).unwrap();
        detector.candidate(&probe).unwrap();
        let verdict = detector.judge(now, &probe, Mode::Stealth, Belongs::Nobody);
        verdict == Verdict::Probe(Outcome::Ban)
    });
    banned.map(|at| at + 1)
}

fn text(kinds: &str, trigger: usize, window: &str) -> String {
    format!(
        "TCP_PORTS=\"1-1023\"\nBLOCK_TCP=\"1\"\nKINDS=\"{kinds}\"\nSCAN_TRIGGER=\"{trigger}\"\n\
         TRIGGER_PORTS=\"{trigger}\"\n{window}"
    )
}

/// Yes, if it is banned at the very probe that SCAN_TRIGGER and TRIGGER_PORTS name, whatever of these they name.
pub(super) fn cell(kinds: &str, family: Family) -> Cell {
    for window in ["", "WINDOW=\"6h\"\n"] {
        for trigger in 2..=5 {
            let banned = banned_at(&text(kinds, trigger, window), family, BETWEEN);
            if banned != Some(trigger) {
                return Cell::No;
            }
        }
    }
    Cell::Yes
}

/// Whoever waits longer than the window is not remembered: the simulation can say no.
#[test]
fn more_than_the_window_between_two_probes_is_forgotten() {
    let text = text("classic", 2, "");
    let hours = |n: u64| Duration::from_secs(n * 3600);
    assert_eq!(banned_at(&text, Family::V4, hours(23)), Some(2));
    assert_eq!(banned_at(&text, Family::V4, hours(25)), None);
    let short = self::text("classic", 2, "WINDOW=\"4m\"\n");
    assert_eq!(banned_at(&short, Family::V4, BETWEEN), None);
}
