//! What the core makes of what the owner asks for, without a network.

use portsentry::act::firewall::Backend;
use portsentry::act::reconcile::Reconciler;
use portsentry::judge::ban::{Ban, Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::judge::hand::{Granted, Refused, Target, Wish};
use portsentry::judge::policy::{Block, Policy};
use portsentry::limits::WINDOW;
use portsentry::net::{Family, Prefix};
use portsentry::see::probe::{Kind, Mode, Probe, Protocol};
use portsentry::see::traps::Traps;
use portsentry::time::Instant;
use std::net::IpAddr;
use std::time::Duration;

fn detector(block_time: u64) -> Detector {
    let policy = Policy {
        traps: Traps::default(),
        block_tcp: Block::Off,
        block_udp: Block::Off,
        stop: Stop::Firewall,
        undone: false,
        scan_trigger: 0,
        trigger_ports: 0,
        window: WINDOW,
        block_time: Duration::from_secs(block_time),
        block_time_max: Duration::ZERO,
        ban_rate_max: 0,
    };
    let mut detector = Detector::new(policy, (1, 2));
    let around = &mut detector.protect.surroundings;
    around.add_own("203.0.113.5".parse().unwrap());
    around.add_gateway("203.0.113.1".parse().unwrap());
    detector
}

fn at(second: u64) -> Instant {
    Instant::from_millis(second * 1000 + 1)
}

fn wish(text: &str) -> Wish {
    let prefix: Prefix = text.parse().unwrap();
    let whom = match text.contains('/') {
        true => Target::Network(prefix),
        false => Target::Address(prefix.addr()),
    };
    let (time, forced) = (None, false);
    Wish { whom, time, forced }
}

fn lasts(detector: &Detector, now: Instant, source: &str) -> Option<u64> {
    let ban = detector.bans.get(&source.parse().unwrap()).unwrap();
    ban.until.map(|until| until.since(now).as_secs())
}

#[test]
fn a_time_is_that_asked_for_or_the_configured_one() {
    let mut detector = detector(600);
    let mut ban = |now, time| {
        let mut wish = wish("192.0.2.7");
        wish.time = time;
        let granted = detector.ban_by_hand(now, &wish).unwrap();
        (granted.1, lasts(&detector, now, "192.0.2.7"))
    };
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(ban(at(0), None), (Granted::Begun(0), Some(600)));
    assert_eq!(ban(at(10), hour), (Granted::Renewed, Some(3600)));
    assert_eq!(ban(at(20), None), (Granted::Renewed, Some(600)));
    assert_eq!(ban(at(30), Some(Duration::ZERO)), (Granted::Renewed, None));
}

#[test]
fn a_ban_by_hand_is_no_strike_and_takes_none_away() {
    let mut detector = detector(600);
    let source: Prefix = "192.0.2.7".parse().unwrap();
    for round in 0..3 {
        let now = at(round * 1000);
        assert!(detector.ban_by_hand(now, &wish("192.0.2.7")).is_ok());
        detector.pass(now.after(Duration::from_secs(700)));
        assert!(detector.bans.get(&source).is_none());
        assert_eq!(detector.bans.strikes(now, &source), 0);
    }
    assert_eq!((detector.counts.bans, detector.counts.expired), (3, 3));
}

#[test]
fn force_is_for_others_never_for_ourselves() {
    let mut detector = detector(0);
    let mut ban = |text, forced| {
        let mut wish = wish(text);
        wish.forced = forced;
        detector
            .ban_by_hand(at(0), &wish)
            .map(|(_, granted)| granted)
    };
    let protected = |result| matches!(result, Err(Refused::Protected(_)));
    assert!(protected(ban("203.0.113.1", false)));
    assert!(protected(ban("203.0.113.0/30", false)));
    assert_eq!(ban("203.0.113.1", true), Ok(Granted::Begun(0)));
    assert_eq!(ban("203.0.113.0/30", true), Ok(Granted::Begun(1)));
    for ours in [
        "203.0.113.5",
        "203.0.113.0/24",
        "127.0.0.1",
        "::/16",
        "ff00::/16",
    ] {
        assert_eq!(ban(ours, true), Err(Refused::Ours), "{ours}");
    }
    assert_eq!(ban("203.0.0.0/7", true), Err(Refused::TooWide(8)));
    assert_eq!(ban("2001::/15", true), Err(Refused::TooWide(16)));
    // What was forced stays when others are freed, until it is our own.
    let freed = |detector: &mut Detector| {
        let mut freed = 0;
        detector.free_protected(|_, _| freed += 1);
        freed
    };
    assert_eq!(freed(&mut detector), 0);
    let around = &mut detector.protect.surroundings;
    around.add_own("203.0.113.2".parse().unwrap());
    assert_eq!(freed(&mut detector), 1);
}

/// What else is banned there already.
#[test]
fn a_wider_ban_takes_the_place_of_those_in_it() {
    let mut detector = detector(0);
    for (text, answer) in [
        ("10.1.2.3", ("10.1.2.3", Granted::Begun(0))),
        ("10.1.2.4", ("10.1.2.4", Granted::Begun(0))),
        ("11.1.2.3", ("11.1.2.3", Granted::Begun(0))),
        ("10.1.2.0/24", ("10.1.2.0/24", Granted::Begun(2))),
        ("10.1.2.3", ("10.1.2.0/24", Granted::Covered)),
        ("10.0.0.0/8", ("10.0.0.0/8", Granted::Begun(1))),
        ("10.0.0.0/8", ("10.0.0.0/8", Granted::Renewed)),
        ("2600::1", ("2600::/64", Granted::Begun(0))),
        ("2600::/16", ("2600::/16", Granted::Begun(1))),
    ] {
        let (source, granted) = detector.ban_by_hand(at(0), &wish(text)).unwrap();
        assert_eq!((&*source.to_string(), granted), answer, "{text}");
    }
    assert_eq!((detector.bans.wanted(), detector.counts.bans), (3, 7));
}

/// Force holds when the ban gets another end, and may come with it.
#[test]
fn a_forced_ban_stays_forced() {
    for order in [[true, false], [false, true], [false, false]] {
        let mut detector = detector(0);
        for forced in order {
            let mut wish = wish("192.0.2.7");
            wish.forced = forced;
            assert!(detector.ban_by_hand(at(0), &wish).is_ok());
        }
        let around = &mut detector.protect.surroundings;
        around.add_gateway("192.0.2.7".parse().unwrap());
        let mut freed = 0;
        detector.free_protected(|_, _| freed += 1);
        assert_eq!(freed == 0, order.contains(&true), "{order:?}");
    }
}

fn syn(source: IpAddr) -> Probe {
    Probe {
        source,
        destination: "203.0.113.5".parse().unwrap(),
        source_port: 1,
        port: 11,
        protocol: Protocol::Tcp,
        kind: Kind::Syn,
        options: false,
    }
}

/// A ban of a sensor's that may still come to nothing, or stops nothing, is not what the owner asked for.
#[test]
fn what_does_not_hold_is_replaced() {
    let source: Prefix = "192.0.2.7".parse().unwrap();
    let probe = syn(source.addr());
    for (stop, step, granted) in [
        (Stop::Firewall, Step::Confirm, Granted::Begun(0)),
        (Stop::Firewall, Step::Stop, Granted::Renewed),
        (Stop::Route, Step::Stop, Granted::Begun(0)),
        (Stop::Route, Step::Done, Granted::Renewed),
        (Stop::Nothing, Step::Done, Granted::Begun(0)),
    ] {
        for undone in [false, true] {
            let mut detector = detector(600);
            detector.policy.undone = undone;
            let mut ban = Ban::new(at(0), probe, Mode::Stealth, stop, 1);
            ban.step = step;
            assert!(detector.bans.insert(source, ban));
            let result = detector.ban_by_hand(at(1), &wish("192.0.2.7"));
            assert_eq!(result, Ok((source, granted)), "{stop:?} {step:?}");
            let ban = detector.bans.get(&source).unwrap();
            let held = ban.due_in_firewall() || ban.stop == Stop::Route;
            assert!(ban.by_hand && ban.verified && held, "{stop:?} {step:?}");
            // What KILL_ROUTE did and nothing undoes has no end.
            let stays = ban.stop == Stop::Route && !undone;
            assert_eq!(ban.until.is_none(), stays, "{stop:?} {step:?} {undone}");
        }
    }
}

#[test]
fn whoever_is_freed_is_forgotten_and_nobody_else() {
    let mut detector = detector(0);
    let touch = |detector: &mut Detector, text: &str| {
        let probe = syn(text.parse().unwrap());
        let source = detector.protect.source(probe.source);
        detector.sources.touch(at(0), WINDOW, source, &probe);
    };
    let all = [
        "192.0.2.7",
        "192.0.2.8",
        "198.51.100.1",
        "2001:db8::7",
        "2001:db8:1::7",
    ];
    for text in all {
        touch(&mut detector, text);
    }
    for text in [
        "192.0.2.0/24",
        "198.51.100.1",
        "2001:db8::9",
        "2001:db8:1::7/128",
    ] {
        assert!(detector.ban_by_hand(at(1), &wish(text)).is_ok());
    }
    let known = |detector: &Detector| {
        let source = |text: &&str| detector.protect.source(text.parse().unwrap());
        let known = all.iter().map(source);
        let known = known.map(|s| detector.sources.remembered(at(2), WINDOW, &s).is_some());
        known.collect::<Vec<_>>()
    };
    let unban = |detector: &mut Detector, text: &str| {
        let freed = detector.unban(Some(wish(text).whom)).into_iter();
        freed
            .map(|(source, _)| source.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(unban(&mut detector, "192.0.2.7"), ["192.0.2.0/24"]);
    assert_eq!(known(&detector), [false, false, true, true, true]);
    assert_eq!(unban(&mut detector, "192.0.2.7"), [""; 0]);
    assert_eq!(unban(&mut detector, "198.51.0.0/16"), ["198.51.100.1"]);
    assert_eq!(known(&detector), [false, false, false, true, true]);
    assert_eq!(unban(&mut detector, "2001:db8:1::7"), ["2001:db8:1::7"]);
    assert_eq!(known(&detector), [false, false, false, true, false]);
    assert_eq!(unban(&mut detector, "2001:db8::/32"), ["2001:db8::/64"]);
    assert_eq!(known(&detector), [false; 5]);
}

/// nft refuses a network around one that the same run takes away.
#[test]
fn in_nft_a_wider_network_waits_until_the_narrower_one_has_gone() {
    let mut detector = detector(0);
    let mut nft = Reconciler::new(Backend::Nft, &Family::BOTH);
    nft.up = true;
    let mut run = |detector: &mut Detector, second| {
        let now = at(second);
        let order = nft.next(now, &detector.bans)?;
        let mut batch = String::new();
        let (bans, protect) = (&mut detector.bans, &detector.protect);
        nft.begin(now, order, bans, protect, &mut batch).unwrap();
        nft.settle(now, true, bans, |_, _, _| {});
        let lines = batch
            .lines()
            .map(|line| line.replace(" element inet portsentry", ""));
        Some(lines.collect::<Vec<_>>())
    };
    let ban = |detector: &mut Detector, text| {
        assert!(detector.ban_by_hand(at(0), &wish(text)).is_ok());
    };
    ban(&mut detector, "10.1.2.0/24");
    assert_eq!(
        run(&mut detector, 1),
        Some(vec!["add wide4 { 10.1.2.0/24 }".into()])
    );
    ban(&mut detector, "10.1.0.0/16");
    ban(&mut detector, "10.2.2.2");
    let gone = ["add wide4 { 10.1.2.0/24 }", "delete wide4 { 10.1.2.0/24 }"];
    let batch = run(&mut detector, 2).unwrap();
    assert_eq!(
        (&batch[..2], &*batch[2]),
        (&gone.map(String::from)[..], "add ban4 { 10.2.2.2 }")
    );
    assert_eq!(
        run(&mut detector, 3),
        Some(vec!["add wide4 { 10.1.0.0/16 }".into()])
    );
    assert_eq!(run(&mut detector, 4), None);
}
