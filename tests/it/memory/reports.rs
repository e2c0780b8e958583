//! What was said is not said again within the minute.

use super::{at, stranger, touch, watching};
use crate::storm::scanner;
use portsentry::judge::verdict::{News, Outcome, Verdict};
use portsentry::limits::{FRESH_LINES, RECENT_MAX};

const REPORTED: Verdict = Verdict::Probe(Outcome::BlockingOff);

/// `nmap` comes back to ports that did not answer. Whether their record holds all touches or the latest only,
/// whatever the key of the tables: each is reported at once, folded for a minute, and reported again at its end.
#[test]
fn a_scan_that_comes_back_is_reported_once_a_minute() {
    for seed in [(0, 1), (3, 5), (u64::MAX, 1)] {
        for (ports, later, verdict) in [
            (60, 1, Verdict::Folded),
            (60, 59_999, Verdict::Folded),
            (60, 60_000, REPORTED),
            (1023, 1, Verdict::Folded),
            (1023, 59_999, Verdict::Folded),
            (1023, 60_000, REPORTED),
        ] {
            let mut detector = watching(seed);
            for (now, verdict) in [(0, REPORTED), (later, verdict)] {
                for port in 1..=ports {
                    let found = touch(&mut detector, at(now), scanner(), port);
                    assert_eq!(found, verdict, "port {port} of {ports} after {now} ms");
                }
            }
        }
    }
}

/// Sixty scans of seventy ports are more than is remembered: who was first is reported anew, and nobody else.
#[test]
fn when_too_much_was_reported_the_oldest_is_forgotten() {
    let mut detector = watching((3, 5));
    let ports = 70;
    let mut now = 1_000_000;
    for n in 0..60 {
        now += 300;
        for port in 1..=ports {
            assert_eq!(touch(&mut detector, at(now), stranger(n), port), REPORTED);
        }
    }
    let forgotten = (60 * usize::from(ports) - RECENT_MAX).div_ceil(usize::from(ports));
    assert_eq!(forgotten, 2);
    let mut again = |n, port| touch(&mut detector, at(now + 1), stranger(n), port);
    for n in forgotten..60 {
        assert!(
            (1..=ports).all(|port| again(n, port) == Verdict::Folded),
            "{n}"
        );
    }
    assert_eq!(again(0, 1), REPORTED);
}

/// Repeats are counted, and the loop is told when they are to be said: a minute after the first of them.
#[test]
fn repeats_are_said_a_minute_after_the_first() {
    let mut detector = watching((3, 5));
    let mut news = Vec::new();
    assert_eq!(touch(&mut detector, at(1_000_000), scanner(), 23), REPORTED);
    detector.take_news(at(1_060_000), |item| news.push(item));
    assert_eq!((detector.due_at(), news.len()), (None, 0));

    assert_eq!(touch(&mut detector, at(1_070_000), scanner(), 23), REPORTED);
    for now in [1_080_000, 1_090_000, 1_100_000] {
        let found = touch(&mut detector, at(now), scanner(), 23);
        assert_eq!(found, Verdict::Folded);
        assert_eq!(detector.due_at(), Some(at(1_140_000)));
    }
    detector.take_news(at(1_139_999), |item| news.push(item));
    assert_eq!(news, []);
    detector.take_news(at(1_140_000), |item| news.push(item));
    assert_eq!(news, [News::Repeats(scanner(), 3)]);
    assert_eq!(detector.due_at(), None);
}

/// A flood of forged sources with one trap each uses up its own lines, not those of who touched two.
#[test]
fn a_second_trap_is_reported_through_a_flood() {
    let mut detector = watching((3, 5));
    let burst = usize::try_from(FRESH_LINES.burst).unwrap();
    let mut verdict = |n, port| touch(&mut detector, at(1_000_000), stranger(n), port);
    assert!((0..burst).all(|n| verdict(n, 23) == REPORTED));
    assert!((burst..burst + 9).all(|n| verdict(n, 23) == Verdict::Folded));
    assert_eq!(verdict(burst, 80), REPORTED);
}

/// Whoever fulfils the rule of banning is counted for himself, once, however often he comes back.
#[test]
fn who_is_to_be_banned_is_no_part_of_a_crowd() {
    for (scanners, expected) in [
        (0, Some(News::Distributed(40))),
        (10, Some(News::Distributed(30))),
        (11, None),
        (40, None),
    ] {
        let mut detector = watching((3, 5));
        detector.policy.trigger_ports = 2;
        for n in 0..40 {
            let traps = if n < scanners { 4 } else { 1 };
            for port in 1..=traps {
                let _verdict = touch(&mut detector, at(1_000_000), stranger(n), port);
            }
        }
        let mut news = Vec::new();
        detector.take_news(at(1_060_000), |item| news.push(item));
        assert_eq!(news, Vec::from_iter(expected), "{scanners} of 40");
        assert_eq!(detector.counts.would_be, scanners as u64);
    }
}
