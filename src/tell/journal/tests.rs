use super::*;
use crate::judge::ban::Given;
use crate::see::probe::Mode;
use crate::see::probe::{Kind, Probe, Protocol};
use core::time::Duration;

const BOOT: &str = "4f1d6c0e-8c4c-4d7e-9b1c-0a1b2c3d4e5f";

fn at(second: u64) -> Instant {
    Instant::from_millis(second * 1000)
}

fn ban(source: &str, mode: Mode, stop: Stop) -> (Prefix, Ban) {
    let source: Prefix = source.parse().unwrap();
    let probe = Probe {
        source: source.addr(),
        destination: source.addr(),
        source_port: 0,
        port: 111,
        protocol: Protocol::Udp,
        kind: Kind::Udp,
        options: false,
    };
    let mut ban = Ban::new(at(100), probe, mode, stop, 2);
    ban.step = Step::Done;
    ban.recorded = true;
    ban.strikes = 3;
    (source, ban)
}

fn bans() -> Vec<(Prefix, Ban)> {
    let mut bans = vec![
        ban("192.0.2.7", Mode::Stealth, Stop::Firewall),
        ban("2001:db8::/64", Mode::Advanced, Stop::Firewall),
        ban("198.51.100.7", Mode::Connect, Stop::Route),
        ban("198.51.100.8", Mode::Stealth, Stop::Nothing),
    ];
    bans[0].1.until = Some(at(700));
    bans[1].1.verified = true;
    bans[2].1.ran = true;
    bans[3].1.ran = true;
    bans[3].1.undo = Some(bans[3].1.given());
    bans[3].1.until = Some(at(200));
    bans[3].1.denied = true;
    let wide: Prefix = "203.0.113.0/24".parse().unwrap();
    bans.push((wide, Ban::by_hand(at(50), wide.addr())));
    bans
}

fn written() -> String {
    let backend = Backend::Nft;
    let head = Head {
        boot: BOOT,
        now: at(300),
        backend,
    };
    let mut text = head.to_string();
    for (source, ban) in &bans() {
        text += &BanLine(source, ban).to_string();
    }
    let past = "198.51.100.9".parse().unwrap();
    text += &PastLine(&past, 2, at(900)).to_string();
    text + &EndLine(6).to_string()
}

/// What a restart must not lose.
fn essence(ban: &Ban) -> impl PartialEq + core::fmt::Debug {
    let times = (ban.since, ban.until, ban.strikes, ban.ports);
    let how = (
        ban.by_hand,
        ban.verified,
        ban.stop,
        ban.mode.name(ban.probe.protocol),
    );
    (
        times,
        how,
        ban.probe.source,
        ban.step,
        ban.recorded,
        (ban.ran, ban.undo),
        ban.denied,
    )
}

#[test]
fn in_the_same_boot_everything_is_as_it_was() {
    let journal = read(&written(), at(400), BOOT).unwrap();
    assert_eq!(journal.backend, Some(Backend::Nft));
    for ((source, found), (expected, ban)) in journal.bans.iter().zip(&bans()) {
        assert_eq!(source, expected);
        assert_eq!(essence(found), essence(ban), "{source}");
        assert!(!found.enforced && found.wanted);
    }
    assert_eq!(journal.bans.len(), 5);
    assert_eq!(
        journal.past,
        [("198.51.100.9".parse().unwrap(), 2, at(900))]
    );
}

/// The clock of a boot begins anew, and nobody knows how long the machine was off: the time that was left counts.
#[test]
fn behind_another_boot_the_time_that_was_left_counts() {
    let journal = read(&written(), at(20), "another").unwrap();
    assert_eq!(journal.backend, None);
    let left = |n: usize| journal.bans[n].1.until.map(|until| until.since(at(20)));
    assert_eq!(left(0), Some(Duration::from_secs(400)));
    assert_eq!(left(1), None);
    assert_eq!(left(3), Some(Duration::ZERO), "it was over");
    assert_eq!(journal.past[0].2, at(620));
    let route = &journal.bans[2].1;
    assert_eq!(
        (route.step, route.ran),
        (Step::Stop, false),
        "routes went with the kernel"
    );
    assert!(journal.bans.iter().all(|(_, ban)| ban.since <= at(20)));
}

#[test]
fn one_on_its_way_out_is_over() {
    let (source, mut ban) = ban("192.0.2.7", Mode::Stealth, Stop::Route);
    ban.wanted = false;
    ban.ran = true;
    let line = BanLine(&source, &ban).to_string();
    let head = Head {
        boot: BOOT,
        now: at(300),
        backend: Backend::Iptables,
    };
    let journal = read(&format!("{head}{line}end 1\n"), at(301), BOOT).unwrap();
    assert_eq!(journal.bans[0].1.until, Some(Instant::default()));
    assert!(journal.bans[0].1.ran);
}

/// It came back before UNBLOCK_CMD was run for it, and nothing more was done yet.
#[test]
fn one_that_is_not_confirmed_is_over_too() {
    let (source, mut ban) = ban("192.0.2.7", Mode::Stealth, Stop::Route);
    let port = 79;
    ban.undo = Some(Given {
        port,
        ..ban.given()
    });
    (ban.step, ban.ran, ban.recorded) = (Step::Confirm, true, false);
    let line = BanLine(&source, &ban).to_string();
    let expected = "ban 192.0.2.7 100000 0 3 2 sensor route sudp 192.0.2.7 79 begun undo\n";
    assert_eq!(line, expected);
}

/// Behind another boot a route has to be set again. If we are killed before it is, the ban is no new one all the
/// same: its KILL_RUN_CMD was run, and its line is in the history.
#[test]
fn one_that_is_done_again_is_no_new_one() {
    let (source, ban) = ban("192.0.2.7", Mode::Stealth, Stop::Route);
    let mut line = BanLine(&source, &ban).to_string();
    for (boot, now) in [("another", at(400)), (BOOT, at(500)), ("a third", at(600))] {
        let head = Head {
            boot: BOOT,
            now,
            backend: Backend::Iptables,
        };
        let journal = read(&format!("{head}{line}end 1\n"), now, boot).unwrap();
        let (source, ban) = &journal.bans[0];
        assert_eq!((ban.step, ban.recorded), (Step::Stop, true), "{boot}");
        line = BanLine(source, ban).to_string();
        assert!(line.contains(" again "), "{line}");
    }
}

#[test]
fn what_is_damaged_is_no_journal() {
    let text = written();
    for cut in 0..text.len() {
        assert!(
            read(&text[..cut], at(400), BOOT).is_none(),
            "{:?}",
            &text[..cut]
        );
    }
    for (old, new) in [
        ("journal 1", "journal 2"),
        ("192.0.2.7 100", "192.0.2 100"),
        (" 700000 ", " soon "),
        ("sensor", "sense"),
        ("firewall", "wall"),
        ("sudp", "dup"),
        ("end 6", "end 5"),
        ("end 6\n", "end 6\nend 6\n"),
        ("past ", "post "),
        (" nft", " pf"),
        ("203.0.113.0/24", "203.0.114.0/24"),
        ("done -", "done - more"),
    ] {
        let damaged = text.replacen(old, new, 1);
        assert_ne!(damaged, text, "{old}");
        assert!(read(&damaged, at(400), BOOT).is_none(), "{new}");
    }
}
