//! A day of a router on the internet, with the rules that the package ships: ten thousand bots that try one port
//! each, and a scan in the owner's name.

use super::core::{Core, HOUR, syn};
use super::{SECOND, scanner};
use portsentry::act::firewall::Backend;
use portsentry::config::{Modes, read};
use portsentry::judge::policy::Policy;
use portsentry::judge::verdict::{News, Verdict};
use portsentry::see::probe::{Kind, Probe, Protocol};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const SHIPPED: &str = include_str!("../../../cross/openwrt/files/portsentry.config");
const SOURCES: u32 = 10_000;
/// More of them are too many to be read.
const LINES: usize = 100;
const DAY: Duration = Duration::from_secs(24 * 3600);

fn shipped() -> Policy {
    read(SHIPPED.as_bytes(), Modes::default()).0.policy()
}

/// How they come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// At equal distances: seven a minute.
    Evenly,
    /// In waves of so many a minute, one after the other, with silence between them.
    Waves(u32),
    /// As Mirai did: half of them within an hour, the others over the day.
    Outbreak,
}

impl Shape {
    /// When the nth comes.
    fn time(self, n: u32) -> Duration {
        let evenly = |n, of| DAY * n / of;
        match self {
            Self::Evenly => evenly(n, SOURCES),
            Self::Waves(size) => evenly(n / size * size, SOURCES) + SECOND * (n % size) / size,
            Self::Outbreak if n < SOURCES / 4 => evenly(n, SOURCES / 2),
            Self::Outbreak if n < SOURCES * 3 / 4 => {
                12 * HOUR + HOUR * (n - SOURCES / 4) / (SOURCES / 2)
            }
            Self::Outbreak => evenly(n - SOURCES / 2, SOURCES / 2).max(13 * HOUR),
        }
    }
}

/// The nth source and the one trap that it tries, two of three times telnet.
fn probe(n: u32) -> Probe {
    let scattered = n.wrapping_mul(0x9e37_79b1);
    let source: IpAddr = match n % 5 {
        0 => Ipv6Addr::from_bits(0x2001 << 112 | u128::from(scattered) << 64 | 1).into(),
        _ => Ipv4Addr::from_bits(0x0b00_0000 | scattered >> 6).into(),
    };
    let traps = [23, 23, 23, 23, 23, 23, 3389, 445, 5900];
    let mut probe = syn(source, traps[n as usize % traps.len()]);
    if n.is_multiple_of(50) {
        (probe.protocol, probe.kind, probe.port) = (Protocol::Udp, Kind::Udp, 161);
    }
    probe
}

/// What is said of such a crowd, and how many sources that tells of.
fn told(news: &News) -> u32 {
    match news {
        News::Distributed(sources) | News::StillDistributed(sources) => *sources,
        other => panic!("{other:?}"),
    }
}

/// What each of them did is in `status`, and in `why` while it is remembered. The log has the crowds among them.
#[test]
fn ten_thousand_bots_that_try_one_port_are_few_lines_and_all_counted() {
    for (shape, lines, in_crowds) in [
        (Shape::Evenly, 0, 0),
        (Shape::Waves(29), 0, 0),
        (Shape::Waves(30), 25, 9990),
        (Shape::Waves(250), 25, SOURCES),
        (Shape::Outbreak, 2, 5210),
    ] {
        let mut core = Core::new(Backend::Nft, shipped(), 7);
        let begun = core.now;
        for n in 0..SOURCES {
            core.pass(begun.after(shape.time(n)).since(core.now));
            let mut probe = probe(n);
            // Who gets no answer tries again.
            for port in 0..3 {
                probe.source_port = 40_000 + port;
                assert_eq!(core.take(&probe), Verdict::Counted);
            }
        }
        core.pass(begun.after(DAY + HOUR).since(core.now));
        let sources: u32 = core.news.iter().map(told).sum();
        let said = core.outcomes.len() + core.news.len();
        assert_eq!((said, sources), (lines, in_crowds), "{shape:?}");
        assert!(said < LINES);
        let counts = &core.detector.counts;
        assert_eq!(counts.counted, u64::from(3 * SOURCES));
        assert_eq!((counts.folded, counts.reported, counts.bans), (0, 0, 0));
    }
}

/// A crowd is told at once, and what follows within the hour together; after a silence the next one at once again.
#[test]
fn a_crowd_that_goes_on_is_a_line_an_hour() {
    let mut core = Core::new(Backend::Nft, shipped(), 7);
    let (mut n, minute) = (0, 60 * SECOND);
    let mut crowd = |core: &mut Core, minutes: u32| {
        for _ in 0..40 * minutes {
            assert_eq!(core.take(&probe(n)), Verdict::Counted);
            core.pass(minute / 40);
            n += 1;
        }
    };
    crowd(&mut core, 2);
    assert_eq!(core.news.iter().map(told).count(), 1);
    crowd(&mut core, 88);
    core.pass(HOUR);
    core.pass(HOUR);
    crowd(&mut core, 1);
    core.pass(minute);
    let sum: u32 = core.news.iter().map(told).sum();
    assert_eq!(sum, 91 * 40, "{:?}", core.news);
    let goes_on = |news: &News| matches!(news, News::StillDistributed(_));
    let goes_on: Vec<bool> = core.news.iter().map(goes_on).collect();
    assert_eq!(goes_on, [false, true, true, false], "{:?}", core.news);
}

/// What the owner waits for when somebody scans in his name: ten minutes, to the second; twice as long when that
/// is done again, and a day at most.
#[test]
fn who_was_banned_for_another_is_back_in_ten_minutes() {
    let mut core = Core::new(Backend::Nft, shipped(), 7);
    for minutes in [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440] {
        for port in [23, 21] {
            let _verdict = core.take(&syn(scanner(), port));
        }
        core.pass(60 * SECOND * minutes - SECOND);
        assert!(core.bans(scanner()), "{minutes} minutes");
        assert_eq!(core.held().len(), 1);
        core.pass(SECOND);
        assert!(!core.bans(scanner()), "{minutes} minutes");
        core.pass(SECOND);
        assert_eq!(core.held(), []);
    }
}
