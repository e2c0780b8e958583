//! Where nobody tells us of changes by others we look for them: what a look finds, and what follows.

use super::Wall;
use portsentry::act::firewall::{Backend, Job, Scope};
use portsentry::act::reconcile::Order;
use portsentry::net::Family;
use std::time::Duration;

const FIRST: &str = "-A PORTSENTRY -s 192.0.2.1/32 -j DROP\n";
/// Four seconds before its end.
const ENDING: &str = "-A PORTSENTRY -s 192.0.2.2/32 -j DROP\n";
/// A millisecond more.
const STAYING: &str = "-A PORTSENTRY -s 192.0.2.3/32 -j DROP\n";
/// Banned while we looked.
const NEW: &str = "-A PORTSENTRY -s 192.0.2.4/32 -j DROP\n";
/// Freed while we looked.
const FREED: &str = "-A PORTSENTRY -s 192.0.2.5/32 -j DROP\n";
/// Renewed while we looked.
const RENEWED: &str = "-A PORTSENTRY -s 192.0.2.6/32 -j DROP\n";
const JUMPS: &str = "-A INPUT -m conntrack --ctstate INVALID,NEW -j PORTSENTRY\n\
                     -A FORWARD -m conntrack --ctstate INVALID,NEW -j PORTSENTRY\n";
const CHAIN: &str = "-N PORTSENTRY\n\
                     -A PORTSENTRY -p tcp -m tcp ! --tcp-flags RST,ACK NONE -j RETURN\n";

/// What is done about a firewall that said this when it was looked at.
fn job_behind(said: Option<&[&str]>) -> Option<Job> {
    let mut wall = Wall::new(Backend::Iptables, &[Family::V4]);
    let ends = [None, Some(14_000), Some(14_001), None, None, None];
    for (n, millis) in (1..).zip(ends).filter(|(n, _)| *n != 4) {
        let source = format!("192.0.2.{n}");
        wall.ban(&source, None);
        let ban = wall.bans.get_mut(&source.parse().unwrap()).unwrap();
        ban.until = millis.map(|millis| wall.now.after(Duration::from_millis(millis)));
    }
    wall.catch_up();
    wall.pass(10_000);
    assert_eq!(wall.begin().unwrap().0, Job::Check);
    wall.ban("192.0.2.4", None);
    wall.free("192.0.2.5");
    wall.bans.renew(&"192.0.2.6".parse().unwrap(), None);
    let output = said.map(<[&str]>::concat);
    let (ok, output) = (output.is_some(), output.unwrap_or_default());
    let changed = wall.reconciler.verify(wall.now, ok, &output, &wall.bans);
    let job = wall.begin()?.0;
    // The new ban is added, in any case.
    assert_eq!(changed, job != Job::Apply);
    Some(job)
}

#[test]
fn a_look_finds_what_others_did() {
    let all = [JUMPS, CHAIN, FIRST, ENDING, STAYING, FREED, RENEWED];
    let but = |part: &str| {
        all.into_iter()
            .filter(|other| *other != part)
            .collect::<Vec<_>>()
    };
    let and = |part: &'static str| [&all[..], &[part]].concat();
    for (said, expected) in [
        (all.to_vec(), Job::Apply),
        // Over already, or not yet. Of one with another end nobody knows.
        (but(ENDING), Job::Apply),
        (but(RENEWED), Job::Apply),
        (but(FIRST), Job::Rebuild),
        (but(STAYING), Job::Rebuild),
        (but(FREED), Job::Rebuild),
        // None of ours.
        (and(NEW), Job::Rebuild),
        ([but(FIRST), vec![NEW]].concat(), Job::Rebuild),
        (
            and("-A PORTSENTRY -s 203.0.113.9/32 -j DROP\n"),
            Job::Rebuild,
        ),
        (
            and("-A PORTSENTRY -s 192.0.2.1/32 -j ACCEPT\n"),
            Job::Rebuild,
        ),
        (vec![JUMPS, CHAIN], Job::Rebuild),
        // Nothing leads to it.
        (but(JUMPS), Job::Load),
        (
            vec![
                JUMPS.lines().next().unwrap(),
                "\n",
                CHAIN,
                FIRST,
                STAYING,
                FREED,
            ],
            Job::Load,
        ),
        (vec![], Job::Load),
    ] {
        assert_eq!(job_behind(Some(&said)), Some(expected), "{said:?}");
    }
    assert_eq!(job_behind(None), Some(Job::Load));
}

/// Where there is no ban there is nothing that somebody could take away.
#[test]
fn only_the_family_that_has_a_ban_is_looked_at() {
    for (source, n, family) in [
        ("192.0.2.7", 4, Family::V4),
        ("2001:db8:1:2::/64", 6, Family::V6),
    ] {
        let mut wall = Wall::holding(Backend::Ipset, &Family::BOTH, &[source]);
        wall.pass(10_000);
        let order = wall.reconciler.next(wall.now, &wall.bans);
        let order = order.map(|order| (order.job, order.scope));
        assert_eq!(order, Some((Job::Check, Scope::Only(family))));
        assert_eq!(wall.begin().unwrap().0, Job::Check);
        let said = format!("{JUMPS}add portsentry{n} {source} timeout 0\n");
        assert!(!wall.reconciler.verify(wall.now, true, &said, &wall.bans));
        assert_eq!(wall.due_in(), Some(10_000));
    }
}

/// Whoever waits until all is done need not wait for a look.
#[test]
fn all_is_even_while_nothing_but_a_look_is_under_way() {
    let mut wall = Wall::holding(Backend::Ipset, &Family::BOTH, &["2001:db8:7::/64"]);
    let six = |job| Order {
        scope: Scope::Only(Family::V6),
        job,
    };
    let [look, change] = [Job::Check, Job::Apply].map(six);
    let state = |wall: &Wall| {
        let flying = wall.reconciler.flying();
        (flying, wall.reconciler.is_even(&wall.bans))
    };
    wall.pass(10_000);
    assert_eq!(state(&wall), (None, true));
    wall.begin().unwrap();
    assert_eq!(state(&wall), (Some(look), true));
    wall.ban("2001:db8:8::/64", None);
    assert_eq!(state(&wall), (Some(look), false));
    let said = format!("{JUMPS}add portsentry6 2001:db8:7::/64 timeout 0\n");
    assert!(!wall.reconciler.verify(wall.now, true, &said, &wall.bans));
    assert_eq!(state(&wall), (None, false));
    wall.begin().unwrap();
    assert_eq!(state(&wall), (Some(change), false));
    wall.end(true);
    assert_eq!(state(&wall), (None, true));
}

/// The kernel counts whole seconds, and not from the moment that we do: a network whose time is over may still be
/// there, and nft would refuse the one around it.
#[test]
fn a_network_whose_time_is_over_goes_before_one_around_it_comes() {
    let mut wall = Wall::holding(Backend::Nft, &[Family::V4], &[]);
    wall.ban("198.51.100.96/30", Some(4));
    wall.run().unwrap();
    wall.pass(4000);
    let memory = Duration::from_secs(3600);
    assert_eq!(wall.bans.expire(wall.now, memory), 1);
    wall.reconciler.lapse(wall.now, &mut wall.bans, |_| {});
    wall.ban("198.51.100.0/24", None);
    let mut has = |wider, narrower| {
        let (_, batch) = wall.run().unwrap();
        wall.pass(1000);
        assert_eq!(batch.contains("100.0/24"), wider, "{batch}");
        assert_eq!(
            batch.contains("delete element inet portsentry wide4 { 198.51.100.96/30 }"),
            narrower,
            "{batch}"
        );
    };
    has(false, true);
    has(true, false);
}
