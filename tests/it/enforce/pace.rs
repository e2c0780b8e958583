//! When the firewall's programs are run: at once, but not all the time.

use super::Wall;
use portsentry::act::firewall::{Backend, Job};
use portsentry::limits::KERNEL_TIME_MAX;
use portsentry::net::Family;
use std::time::Duration;

/// A few bans never wait; a flood of them is a few large batches.
#[test]
fn changes_one_by_one_come_at_once_until_they_are_many() {
    let mut wall = Wall::holding(Backend::Nft, &[Family::V4], &[]);
    for rested in 0..2 {
        let began = wall.now;
        let mut waited = Vec::new();
        for n in 0..12 {
            wall.ban(&format!("198.51.{rested}.{n}"), None);
            wall.now = wall.reconciler.due_at(&wall.bans).unwrap().max(wall.now);
            waited.push(wall.now.since(began).as_millis());
            assert_eq!(wall.run().unwrap().0, Job::Apply);
        }
        assert_eq!(waited, [0, 0, 0, 0, 0, 0, 0, 0, 50, 100, 150, 200]);
        wall.pass(60_000);
    }
}

#[test]
fn a_firewall_that_fails_rests_longer_and_longer_and_is_not_looked_at() {
    let mut wall = Wall::holding(Backend::Iptables, &[Family::V4], &["192.0.2.7"]);
    wall.pass(10_000);
    assert_eq!(wall.begin().unwrap().0, Job::Check);
    assert!(wall.reconciler.verify(wall.now, false, "", &wall.bans));
    let mut rests = Vec::new();
    for _ in 0..11 {
        assert_eq!(wall.fail(), Some(Job::Load));
        let rest = wall.due_in().unwrap();
        rests.push(rest / 1000);
        wall.pass(rest);
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(wall.run().unwrap().0, Job::Load);
    assert_eq!(wall.run().unwrap().0, Job::Rebuild);
    assert_eq!(wall.due_in(), Some(10_000));
}

/// The next frame asks for less, which may be all that was wrong.
#[test]
fn a_smaller_frame_is_tried_without_a_rest() {
    let mut wall = Wall::new(Backend::Ipset, &Family::BOTH);
    for _ in 0..2 {
        assert_eq!(wall.fail(), Some(Job::Load));
    }
    assert_eq!((wall.begin(), wall.due_in()), (None, Some(1000)));
    wall.reconciler.hurry();
    for _ in 0..2 {
        assert_eq!(wall.run().unwrap().0, Job::Load);
    }
}

/// Nor does a ban that is new every second keep us from looking.
#[test]
fn a_change_puts_no_look_off_unless_there_was_nothing_to_look_at() {
    for (idle, due_in) in [
        (4000, 6000),
        (20_000, 0),
        (20_001, 10_000),
        (3_600_000, 10_000),
    ] {
        let mut wall = Wall::holding(Backend::Ipset, &[Family::V4], &["192.0.2.7"]);
        assert_eq!(wall.due_in(), Some(10_000));
        wall.free("192.0.2.7");
        assert_eq!(wall.run().unwrap().0, Job::Apply);
        assert_eq!(wall.due_in(), None);
        wall.pass(idle);
        wall.ban("192.0.2.8", None);
        assert_eq!(wall.run().unwrap().0, Job::Apply);
        assert_eq!(wall.due_in(), Some(due_in), "after {idle} ms");
    }
}

/// A frame without its bans is half of it: where they cannot be put in, it is not made again each second.
#[test]
fn a_frame_whose_bans_are_refused_is_made_again_later_and_later() {
    let mut wall = Wall::new(Backend::Ipset, &[Family::V4]);
    wall.ban("192.0.2.7", None);
    for rest in [1000, 2000, 4000, 8000] {
        assert_eq!(wall.run().unwrap().0, Job::Load);
        assert_eq!(wall.fail(), Some(Job::Rebuild));
        assert_eq!(wall.due_in(), Some(rest));
        wall.pass(8000);
    }
    assert_eq!(wall.run().unwrap().0, Job::Load);
    assert_eq!(wall.reconciler.failures(), 4);
    assert_eq!(wall.run().unwrap().0, Job::Rebuild);
    assert_eq!(wall.reconciler.failures(), 0);
}

/// It may stop honest packets, whatever else could not be done. But it rests as well where it does not work.
#[test]
fn taking_it_away_waits_for_nothing_that_could_not_be_made() {
    for backend in [Backend::Nft, Backend::Ipset, Backend::Iptables] {
        let mut wall = Wall::holding(backend, &[Family::V4], &["192.0.2.7"]);
        wall.reconciler.distrust();
        for rest in [1000, 2000, 4000] {
            assert_eq!(wall.fail(), Some(Job::Load));
            assert_eq!(wall.due_in(), Some(rest));
            wall.pass(rest);
        }
        assert_eq!(wall.fail(), Some(Job::Load));
        wall.reconciler.up = false;
        for rest in [1000, 2000, 4000] {
            assert_eq!(wall.fail(), Some(Job::Unload), "{backend:?}");
            assert_eq!(wall.due_in(), Some(rest));
            wall.pass(rest);
        }
        assert_eq!(wall.run().unwrap().0, Job::Unload);
        assert!(!wall.reconciler.is_loaded());
        assert_eq!(wall.reconciler.failures(), 0);
    }
}

/// The kernel ends a ban where it can count its time; where it cannot, a run of ours does.
#[test]
fn a_ban_that_is_over_goes_by_itself_or_by_our_hand() {
    let long = KERNEL_TIME_MAX.as_secs() + 1;
    for (backend, seconds, expected) in [
        (Backend::Nft, 600, None),
        (Backend::Ipset, 600, None),
        (Backend::Iptables, 600, Some(Job::Apply)),
        (Backend::Nft, long - 1, None),
        (Backend::Nft, long, Some(Job::Apply)),
        (Backend::Ipset, long, Some(Job::Apply)),
    ] {
        let mut wall = Wall::new(backend, &[Family::V4]);
        wall.ban("192.0.2.7", Some(seconds));
        wall.catch_up();
        wall.pass(1000 * seconds);
        assert_eq!(wall.bans.expire(wall.now, Duration::ZERO), 1);
        let mut lapsed = 0;
        let bans = &mut wall.bans;
        wall.reconciler.lapse(wall.now, bans, |_| lapsed += 1);
        assert_eq!(lapsed, usize::from(expected.is_none()), "{backend:?}");
        let next = wall.reconciler.next(wall.now, &wall.bans);
        let job = next.map(|order| order.job).filter(|job| *job != Job::Check);
        assert_eq!(job, expected, "{backend:?}, {seconds} s");
    }
}

/// nft tells of changes by others, so that nobody has to look.
#[test]
fn nft_is_never_looked_at() {
    for (backend, due_in) in [
        (Backend::Nft, None),
        (Backend::Ipset, Some(10_000)),
        (Backend::Iptables, Some(10_000)),
    ] {
        let wall = Wall::holding(backend, &[Family::V4], &["192.0.2.7"]);
        assert_eq!(wall.due_in(), due_in, "{backend:?}");
    }
}
