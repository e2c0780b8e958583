//! Crowds, floods and patience against the core alone: no network, no program, every run the same.

pub(crate) mod core;
mod day;
mod forger;
mod patience;

use self::core::{Core, policy, syn};
use self::forger::{Forger, Shape};
use portsentry::act::firewall::Backend;
use portsentry::judge::policy::Policy;
use portsentry::judge::verdict::{News, Outcome, Verdict};
use portsentry::limits::{BANNED_LINES, BANS_MAX, DISTRIBUTED_PAUSE, RULES_MAX};
use portsentry::see::probe::Kind;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn scanner() -> IpAddr {
    "198.51.100.7".parse().unwrap()
}

/// The probe that bans the scanner, with a thousand forged SYNs between each two; each touches another port.
fn probes_until_banned(core: &mut Core, forger: &mut Forger) -> u16 {
    for probe in 1..=10 {
        let _verdict = core.take(&syn(scanner(), 7 * probe));
        core.turn();
        if core.bans(scanner()) {
            return probe;
        }
        forger.send(1000, core);
    }
    panic!("not banned within ten probes");
}

fn flooded(rate: u32, ports: u32) -> Policy {
    Policy {
        trigger_ports: ports,
        ban_rate_max: rate,
        ..policy()
    }
}

const RULES: [(u32, u32); 4] = [(0, 1), (0, 2), (30, 1), (30, 2)];

/// Valve open or closed, one trap or two, before the tables are full and when they have long been.
#[test]
fn a_scanner_is_banned_within_ten_probes_of_a_flood() {
    let (mut closed, mut full, mut open) = (0, 0, 0);
    for ((rate, ports), shape) in all(&RULES, &Shape::ALL) {
        for seed in 0..50 {
            let mut core = Core::new(Backend::Nft, flooded(rate, ports), seed.into());
            let mut forger = Forger::new(shape, seed);
            let before = match seed {
                0..3 => 40_000,
                _ => 3000 * (seed % 3),
            };
            forger.send(before, &mut core);
            let probe = probes_until_banned(&mut core, &mut forger);
            assert!(u32::from(probe) >= ports, "{probe} probes banned him");
            closed += u32::from(core.detector.valve.is_closed());
            full += u32::from(core.detector.bans.wanted() == BANS_MAX);
            open += u32::from(u32::from(probe) == ports);
        }
    }
    assert!(
        closed > 100 && full > 10 && open > 200,
        "{closed} {full} {open}"
    );
}

/// He is cut off and touches nothing any more; and nobody takes his place, nor that of a rule of iptables.
#[test]
fn he_stays_banned_under_a_hundred_thousand_more() {
    for ((rate, ports), shape) in all(&RULES, &Shape::ALL) {
        for backend in [Backend::Nft, Backend::Iptables] {
            let seed = rate + ports;
            let mut core = Core::new(backend, flooded(rate, ports), seed.into());
            let mut forger = Forger::new(shape, seed);
            probes_until_banned(&mut core, &mut forger);
            for _ in 0..100 {
                forger.send(1000, &mut core);
                assert!(core.bans(scanner()), "{rate} {ports} {shape:?} {backend:?}");
            }
            core.pass(SECOND);
            let held = core.held();
            assert!(held.iter().any(|source| source.contains(scanner())));
            assert_eq!(held.len(), core.detector.bans.wanted());
            assert!(held.len() <= core.detector.bans.most());
        }
    }
}

fn all<A: Copy, B: Copy>(some: &[A], others: &[B]) -> Vec<(A, B)> {
    let pairs = some.iter().map(|a| others.iter().map(|b| (*a, *b)));
    pairs.flatten().collect()
}

/// One host, one /48, seventy thousand real handshakes.
#[test]
fn one_host_with_a_48_takes_one_place() {
    for ports in [1, 2] {
        let mut core = Core::new(Backend::Nft, flooded(30, ports), 9);
        for n in 0..70_000_u32 {
            let [a, b, c, d] = (n / ports).wrapping_mul(0x9e37_79b1).to_be_bytes();
            let net = u16::from_be_bytes([a, b]);
            let source = Ipv6Addr::new(0x2001, 0xdb8, 7, net, 0, 0, 0, u16::from_be_bytes([c, d]));
            let mut probe = syn(source.into(), u16::try_from(100 + n % ports).unwrap());
            probe.kind = Kind::Connect;
            let _verdict = core.take(&probe);
            if n % 10 == 9 {
                core.pass(Duration::from_millis(1));
            }
        }
        assert!(
            core.detector
                .bans
                .get(&"2001:db8:7::/48".parse().unwrap())
                .is_some()
        );
        for probe in 1..=2 {
            let _verdict = core.take(&syn(scanner(), probe));
        }
        assert!(core.bans(scanner()), "not within two traps");
        core.pass(SECOND);
        let held: Vec<String> = core.held().iter().map(ToString::to_string).collect();
        assert_eq!(held, ["198.51.100.7", "2001:db8:7::/48"]);
    }
}

/// Five thousand forged sources in a second, and an owner who wants each of them banned.
#[test]
fn five_thousand_sources_are_few_runs() {
    for backend in [Backend::Nft, Backend::Ipset, Backend::Iptables] {
        let mut core = Core::new(backend, policy(), 5);
        Forger::new(Shape::One, 5).send(5000, &mut core);
        core.pass(2 * SECOND);
        let most = match backend {
            Backend::Iptables => RULES_MAX,
            _ => 5000,
        };
        let bans = &core.detector.bans;
        assert_eq!(bans.wanted(), most);
        assert!(bans.iter().all(|(_, ban)| ban.wanted && ban.enforced));
        assert_eq!(bans.refused, 5000 - most as u64);
        let mut banned: Vec<_> = bans.iter().map(|(source, _)| *source).collect();
        banned.sort_by_key(|source| (source.addr(), source.bits()));
        assert_eq!(core.held(), banned);
        assert!(core.runs <= 100, "{backend:?}: {} runs", core.runs);
    }
}

/// Many sources, each with fewer traps than a ban takes: told as one event a minute.
#[test]
fn a_distributed_scan_is_one_line_and_no_ban() {
    let mut core = Core::new(Backend::Nft, flooded(0, 3), 5);
    for n in 0..400_u16 {
        let [high, low] = (n % 200).to_be_bytes();
        let source = [192, 0, 2 + high, low];
        let verdict = core.take(&syn(source.into(), 10 + n / 200));
        assert_eq!(verdict, Verdict::Counted);
        core.pass(Duration::from_millis(140));
    }
    core.pass(60 * SECOND);
    assert_eq!(core.news, [News::Distributed(200)]);
    assert_eq!((core.detector.bans.wanted(), core.outcomes.len()), (0, 0));
    // Behind the pause: fewer than a crowd are no event.
    core.pass(DISTRIBUTED_PAUSE);
    for n in 0..29 {
        let _verdict = core.take(&syn([192, 0, 9, n].into(), 10));
    }
    core.pass(120 * SECOND);
    assert_eq!(core.news.len(), 1);
    // Whoever is banned is no part of one.
    for n in 0..90 {
        let source = [192, 0, 10, n % 30];
        let _verdict = core.take(&syn(source.into(), 10 + u16::from(n / 30)));
    }
    core.pass(120 * SECOND);
    assert_eq!((core.detector.bans.wanted(), core.news.len()), (30, 1));
    // Control: one more of the first kind would have been.
    for n in 0..30 {
        let _verdict = core.take(&syn([192, 0, 11, n].into(), 10));
    }
    core.pass(120 * SECOND);
    assert_eq!(core.news[1..], [News::Distributed(30)]);
}

/// A flood of somebody who is banned already: some lines at once, and a count each minute.
#[test]
fn a_banned_source_that_goes_on_is_some_lines_a_minute() {
    let mut core = Core::new(Backend::Ipset, policy(), 5);
    let _verdict = core.take(&syn(scanner(), 1));
    core.pass(SECOND);
    assert_eq!(core.outcomes, [Outcome::Ban]);
    for n in 0..30_000_u16 {
        let verdict = core.take(&syn(scanner(), 2 + n % 1000));
        assert_ne!(verdict, Verdict::Counted);
        core.pass(Duration::from_millis(10));
    }
    core.pass(60 * SECOND);
    let repeats: Vec<u32> = (core.news.iter())
        .map(|news| match news {
            News::Repeats(source, count) if *source == scanner() => *count,
            other => panic!("{other:?}"),
        })
        .collect();
    let told = core.outcomes.split_off(1);
    assert!(
        told.iter()
            .all(|outcome| *outcome == Outcome::AlreadyBanned)
    );
    let minutes = repeats.len();
    let lines = usize::from(BANNED_LINES);
    assert!(told.len() <= (minutes + 1) * lines, "{} lines", told.len());
    assert!((5..=6).contains(&repeats.len()), "{repeats:?}");
    let counted: u32 = repeats.iter().sum();
    assert_eq!(counted as usize + told.len(), 30_000);
}
