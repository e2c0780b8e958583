//! Sources: what of each, how many, and who makes room.

use super::{at, judge, stranger, touch, watching};
use crate::storm::core::{HOUR, policy, syn};
use crate::storm::scanner;
use portsentry::judge::detector::Detector;
use portsentry::judge::hand::Target;
use portsentry::judge::policy::Policy;
use portsentry::judge::sources::{Sources, Touch};
use portsentry::limits::{KNOWN_MAX, PROBATION_MAX, TOUCHES_MAX};
use portsentry::net::Prefix;
use portsentry::see::probe::{Flags, Kind, Protocol};
use std::net::IpAddr;

const WINDOW: std::time::Duration = HOUR;

fn ports(touches: &[Touch]) -> Vec<u16> {
    let mut ports: Vec<u16> = touches.iter().map(Touch::port).collect();
    ports.sort_unstable();
    ports
}

/// As `why` tells it. The same port touched by TCP and by UDP are two traps, touched in two ways it is one.
#[test]
fn each_touch_is_remembered_as_it_was() {
    let mut sources = Sources::new((3, 5));
    let source = Prefix::host(scanner());
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    let unknown = Kind::Unknown(Flags::PSH);
    let touches = [
        (111, tcp, Kind::Connect, "connect", 1),
        (111, udp, Kind::Udp, "udp", 2),
        (111, udp, Kind::Connect, "connect", 2),
        (111, tcp, Kind::Syn, "syn", 2),
        (1, tcp, Kind::Null, "null", 3),
        (1, tcp, Kind::Fin, "fin", 3),
        (1, tcp, Kind::Xmas, "xmas", 3),
        (1, tcp, unknown, "other", 3),
        (65535, tcp, Kind::Fragment, "fragment", 4),
    ];
    for (n, (port, protocol, kind, _, distinct)) in (1..).zip(touches) {
        let mut probe = syn(scanner(), port);
        (probe.protocol, probe.kind) = (protocol, kind);
        let standing = sources.touch(at(n * 1000), WINDOW, source, &probe);
        let found = (u64::from(standing.hits), standing.ports, standing.fresh);
        assert_eq!(found, (n, distinct, distinct == 1));
    }
    let remembered = sources.remembered(at(9000), WINDOW, &source).unwrap();
    assert_eq!(
        (remembered.seen, remembered.hits, remembered.ports),
        (at(9000), 9, 4)
    );
    let told = remembered.touches.iter().map(|touch| {
        let sensor = touch.is_connect();
        (
            touch.port(),
            touch.protocol(),
            touch.kind(),
            sensor,
            touch.at(),
        )
    });
    let expected = (1..)
        .zip(touches)
        .map(|(n, (port, protocol, kind, name, _))| {
            (port, protocol, name, kind == Kind::Connect, at(n * 1000))
        });
    assert!(told.eq(expected), "{:?}", remembered.touches);
}

/// A retransmission comes from the same source port: it counts once, for a minute.
#[test]
fn the_same_source_port_is_a_hit_once_a_minute() {
    let mut sources = Sources::new((3, 5));
    let source = Prefix::host(scanner());
    for (now, hits) in [(0, 1), (3000, 1), (59_999, 1), (60_000, 2), (119_999, 2)] {
        let standing = sources.touch(at(now), WINDOW, source, &syn(scanner(), 23));
        assert_eq!((standing.hits, standing.ports), (hits, 1), "after {now} ms");
    }
}

/// All are counted, and the latest are remembered.
#[test]
fn of_a_long_scan_the_latest_touches_are_remembered() {
    let mut sources = Sources::new((3, 5));
    let source = Prefix::host(scanner());
    for port in 1..=1000 {
        sources.touch(at(port.into()), WINDOW, source, &syn(scanner(), port));
        let remembered = sources
            .remembered(at(port.into()), WINDOW, &source)
            .unwrap();
        assert_eq!((remembered.hits, remembered.ports), (port.into(), port));
        let first = port.saturating_sub(TOUCHES_MAX.try_into().unwrap()) + 1;
        assert!(
            ports(remembered.touches).into_iter().eq(first..=port),
            "{port}"
        );
    }
}

/// To the millisecond: what `why` says is what the next touch finds.
#[test]
fn who_is_silent_for_the_window_is_forgotten() {
    for traps in [1, 2, 9] {
        for (silence, hits) in [(3_599_999, traps + 1), (3_600_000, 1)] {
            let mut sources = Sources::new((3, 5));
            let source = Prefix::host(scanner());
            for port in 1..=traps {
                sources.touch(at(5000), WINDOW, source, &syn(scanner(), port));
            }
            let now = at(5000 + silence);
            let remembered = sources.remembered(now, WINDOW, &source);
            assert_eq!(remembered.is_some(), hits > 1);
            let standing = sources.touch(now, WINDOW, source, &syn(scanner(), 79));
            assert_eq!((standing.hits, standing.ports), (hits.into(), hits));
        }
    }
}

/// `status` shows how full the tables are, and how many found no room in them any more.
#[test]
fn more_sources_than_fit_are_counted() {
    let mut sources = Sources::new((3, 5));
    let mut come = |n: usize, traps| {
        for port in 1..=traps {
            let (now, source) = (at(n as u64), stranger(n));
            sources.touch(now, WINDOW, Prefix::host(source), &syn(source, port));
        }
        let [probation, known] = sources.fill();
        assert_eq!((probation.1, known.1), (PROBATION_MAX, KNOWN_MAX));
        (probation.0, known.0, sources.evicted)
    };
    assert_eq!(come(0, 4), (1, 0, 0));
    assert_eq!(come(0, 5), (0, 1, 0), "a fifth trap ends the probation");
    for n in 1..KNOWN_MAX {
        assert_eq!(come(n, 5), (0, n + 1, 0));
    }
    for n in 1..=100 {
        let found = come(KNOWN_MAX + n, 5);
        assert_eq!(found, (0, KNOWN_MAX, n as u64));
    }
    for n in 1..=PROBATION_MAX {
        assert_eq!(come(10_000 + n, 1), (n, KNOWN_MAX, 100));
    }
    for n in 1..=100 {
        let found = come(20_000 + n, 1);
        assert_eq!(found, (PROBATION_MAX, KNOWN_MAX, 100 + n as u64));
    }
    // Of those who are known, who was quiet longest went.
    let known = |n| {
        let of = sources.remembered(at(30_000), WINDOW, &Prefix::host(stranger(n)));
        of.is_some()
    };
    assert!((0..KNOWN_MAX).all(|n| known(n) == (n >= 100)));
}

/// Probation is full: so many there touched two traps, the rest one. A thousand newcomers come. How many of the
/// former and of the latter are left?
fn left_of(two: usize, newcomers: usize) -> (usize, usize) {
    let mut sources = Sources::new((3, 5));
    let mut come = |n: usize, port| {
        let (now, source) = (at(n as u64), stranger(n));
        sources.touch(now, WINDOW, Prefix::host(source), &syn(source, port));
    };
    for n in 0..PROBATION_MAX {
        come(n, 1);
        if n < two {
            come(n, 2);
        }
    }
    (PROBATION_MAX..PROBATION_MAX + newcomers).for_each(|n| come(n, 1));
    let is_left = |n: &usize| {
        let source = Prefix::host(stranger(*n));
        sources.remembered(at(10_000), WINDOW, &source).is_some()
    };
    let left = |mut all: std::ops::Range<usize>| all.by_ref().filter(is_left).count();
    (left(0..two), left(two..PROBATION_MAX))
}

/// Newcomers displace newcomers while these are the half, and then the others; the draw is by chance, so there
/// are exceptions.
#[test]
fn newcomers_displace_one_another_before_all_others() {
    let (two, one) = left_of(PROBATION_MAX / 4, 1000);
    assert!(two >= PROBATION_MAX / 4 - 20, "{two}");
    assert!(one < PROBATION_MAX * 3 / 4 - 500, "{one}");
    let (two, one) = left_of(PROBATION_MAX * 3 / 4, 500);
    assert!(one >= PROBATION_MAX / 4 - 50, "{one}");
    assert!(two <= PROBATION_MAX * 3 / 4 - 450, "{two}");
}

/// Every newcomer has the same chance, wherever it lies in the table: behind as many new ones as fit, of the old
/// ones a quarter is left.
#[test]
fn a_flood_displaces_the_flood() {
    let (_, left) = left_of(0, PROBATION_MAX);
    let quarter = PROBATION_MAX / 4;
    assert!((quarter - 200..quarter + 200).contains(&left), "{left}");
}

/// Who is freed begins anew, and nobody else.
#[test]
fn an_unban_forgets_the_freed_and_nobody_else() {
    let rules = Policy {
        trigger_ports: 3,
        ..policy()
    };
    let mut detector = Detector::new(rules, (3, 5));
    let sources: [IpAddr; 6] = [
        "203.0.113.9",
        "198.51.100.1",
        "192.0.2.1",
        "198.51.100.2",
        "198.51.100.3",
        "192.0.2.2",
    ]
    .map(|addr| addr.parse().unwrap());
    // On probation at three traps, known at nine; the last two are not banned.
    for (source, traps) in sources.into_iter().zip([3, 3, 9, 9, 2, 1]) {
        for port in 1..=traps {
            let _verdict = touch(&mut detector, at(1000), source, port);
        }
    }
    assert_eq!(detector.bans.wanted(), 4);
    let network = Target::Network("198.51.100.0/24".parse().unwrap());
    assert_eq!(detector.unban(Some(network)).len(), 2);
    let remembered = sources.map(|source| {
        let source = Prefix::host(source);
        let of = detector.sources.remembered(at(2000), WINDOW, &source);
        of.map_or(0, |of| of.ports)
    });
    assert_eq!(remembered, [3, 0, 9, 0, 2, 1]);
}

/// `status` counts each probe once, by its kind.
#[test]
fn each_probe_is_counted_by_its_kind() {
    let mut detector = watching((3, 5));
    let kinds = [
        Kind::Connect,
        Kind::Syn,
        Kind::Null,
        Kind::Fin,
        Kind::Xmas,
        Kind::Unknown(Flags::PSH),
        Kind::Fragment,
        Kind::Udp,
    ];
    for (n, kind) in kinds.into_iter().enumerate() {
        for port in 0..=n {
            let mut probe = syn(scanner(), 100 + u16::try_from(port).unwrap());
            probe.kind = kind;
            let _verdict = judge(&mut detector, at(1000), &probe);
        }
    }
    assert_eq!(detector.counts.kinds, [1, 2, 3, 4, 5, 6, 7, 8]);
}
