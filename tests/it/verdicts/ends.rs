//! Bans end with their time, and who had one is remembered for a while.

use super::{MINUTE, addr, core, source};
use crate::storm::core::{Core, HOUR, syn};
use portsentry::limits::OFFENDERS_MAX;
use portsentry::time::Instant;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Ten-minute bans; a repeat offender's last an hour at most.
fn ten_minutes() -> Core {
    core(|policy| {
        policy.block_time = 10 * MINUTE;
        policy.block_time_max = HOUR;
        policy.window = MINUTE;
    })
}

fn touch(core: &mut Core, from: &str) -> Instant {
    let _verdict = core.take(&syn(addr(from), 1));
    let ban = core.detector.bans.get(&source(from)).unwrap();
    ban.until.unwrap()
}

#[test]
fn each_ban_ends_in_its_second_and_is_counted() {
    let mut core = ten_minutes();
    let ends = touch(&mut core, "192.0.2.7");
    touch(&mut core, "192.0.2.8");
    core.pass(MINUTE);
    let later = touch(&mut core, "192.0.2.9");
    let bans = |core: &mut Core, at: Instant| {
        core.detector.pass(at);
        (core.detector.bans.wanted(), core.detector.counts.expired)
    };
    let before = |at: Instant| Instant::from_millis(at.millis() - 1);
    let due = |core: &Core| core.detector.bans.ends_at();
    assert_eq!(due(&core), Some(ends));
    assert_eq!(bans(&mut core, before(ends)), (3, 0));
    assert_eq!(bans(&mut core, ends), (1, 2));
    assert_eq!(due(&core), Some(later));
    assert_eq!(bans(&mut core, before(later)), (1, 2));
    assert_eq!(bans(&mut core, later.after(MINUTE)), (0, 3));
    assert_eq!(due(&core), None);
}

/// A day at least, however short bans are.
#[test]
fn whoever_was_banned_is_remembered_for_a_day() {
    let mut core = ten_minutes();
    let whom = source("192.0.2.7");
    let ends = touch(&mut core, "192.0.2.7");
    core.detector.pass(ends);
    let forgotten = ends.after(DAY);
    let bans = &core.detector.bans;
    let past: Vec<_> = bans.past().map(|(of, n, at)| (*of, n, at)).collect();
    assert_eq!(past, [(whom, 1, forgotten)]);
    assert_eq!(bans.offenders(), (1, OFFENDERS_MAX));
    let before = Instant::from_millis(forgotten.millis() - 1);
    assert_eq!(bans.strikes(before, &whom), 1);
    assert_eq!(bans.strikes(forgotten, &whom), 0);
}

#[test]
fn of_too_many_who_were_banned_the_first_to_be_forgotten_goes() {
    let mut core = ten_minutes();
    let now = core.now;
    let bans = &mut core.detector.bans;
    let whom = |n: usize| source(&format!("10.0.{}.{}", n / 256, n % 256));
    for n in 0..=OFFENDERS_MAX {
        // Of all the third is forgotten first.
        let span = if n == 3 { MINUTE } else { DAY };
        bans.recall(now, whom(n), 2, now.after(span));
        assert_eq!(bans.offenders().0, (n + 1).min(OFFENDERS_MAX));
    }
    for n in 0..=OFFENDERS_MAX {
        assert_eq!(bans.strikes(now, &whom(n)), if n == 3 { 0 } else { 2 });
    }
}
