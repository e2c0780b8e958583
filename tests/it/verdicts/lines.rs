//! What a source's probes cost of the log, and that nothing of it is lost.

use super::{MINUTE, SECOND, addr, core};
use crate::storm::core::{Core, syn};
use portsentry::judge::policy::Block;
use portsentry::judge::verdict::{News, Outcome};
use portsentry::limits::{BANNED_LINES, FRESH_LINES};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Lines about a source that touches so many traps at once.
fn lines(core: &mut Core, ports: std::ops::Range<u16>) -> usize {
    core.outcomes.clear();
    for port in ports {
        let _verdict = core.take(&syn(addr("192.0.2.7"), port));
    }
    let banned = |outcome: &&Outcome| **outcome == Outcome::AlreadyBanned;
    core.outcomes.iter().filter(banned).count()
}

#[test]
fn a_banned_source_has_so_many_lines_in_each_minute() {
    let mut core = core(|_| {});
    lines(&mut core, 1..2);
    core.pass(2 * MINUTE);
    let most = usize::from(BANNED_LINES);
    assert_eq!(lines(&mut core, 101..111), 10);
    core.pass(MINUTE - Duration::from_millis(1));
    assert_eq!(lines(&mut core, 111..200), most - 10);
    core.pass(Duration::from_millis(1));
    assert_eq!(lines(&mut core, 200..300), most, "the next minute");
    core.pass(SECOND);
    assert_eq!(lines(&mut core, 300..400), 0);
}

/// A flood of 1,500 sources that touch the same trap three times, and what was said and counted in its minute.
#[test]
fn each_probe_has_a_line_or_is_counted_in_one() {
    let mut core = core(|policy| policy.block_tcp = Block::Off);
    for _ in 0..3 {
        for n in 0..1500 {
            let _verdict = core.take(&syn(Ipv4Addr::from_bits(0xc612_0000 | n).into(), 1));
        }
    }
    core.pass(MINUTE);
    let (mut repeats, mut unreported) = (Vec::new(), Vec::new());
    for news in &core.news {
        match news {
            News::Repeats(_, count) => repeats.push(*count),
            News::Unreported(count) => unreported.push(*count),
            News::Distributed(_) | News::StillDistributed(_) | News::Valve(_) => {}
        }
    }
    let earned = usize::try_from(60 * FRESH_LINES.each_second).unwrap();
    assert_eq!(core.outcomes, [Outcome::BlockingOff; 1000]);
    assert_eq!(repeats, vec![2; earned], "of those who had a line");
    assert_eq!(unreported, [3 * 500 + 2 * (1000 - 600)]);
    assert_eq!(core.detector.counts.reported, 1000);
    assert_eq!(core.detector.counts.folded, 3500);
}
