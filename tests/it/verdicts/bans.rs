//! The table of bans: what a journal learns of it, and what is looked at.

use super::{SECOND, addr, core};
use crate::storm::core::{Core, syn};
use portsentry::act::firewall::Backend;
use portsentry::act::reconcile::Reconciler;
use portsentry::act::settle::Change;
use portsentry::judge::ban::{Ban, Step};
use portsentry::judge::bans::Bans;
use portsentry::judge::hand::{Target, Wish};
use portsentry::judge::protect::Protect;
use portsentry::limits::ATTEMPTS_MAX;
use portsentry::net::{Family, Prefix};
use portsentry::time::Instant;
use std::net::Ipv4Addr;

fn wish(of: &str) -> Wish {
    Wish {
        whom: Target::Address(addr(of)),
        time: None,
        forced: false,
    }
}

type Deed = fn(&mut Core);

/// A journal is written when the count is another one.
#[test]
fn whatever_happens_to_a_ban_is_a_change_for_the_journal() {
    let mut core = core(|_| {});
    let deeds: [(&str, Deed); 6] = [
        ("a ban begins", |core| {
            let _verdict = core.take(&syn(addr("192.0.2.7"), 1));
        }),
        ("the owner gives it another end", |core| {
            // As long as it is not confirmed, it would be another ban.
            core.pass(SECOND);
            let granted = core.detector.ban_by_hand(core.now, &wish("192.0.2.7"));
            assert!(granted.is_ok());
        }),
        ("something was done for it", |core| {
            core.detector.bans.note_change();
        }),
        ("it ends", |core| {
            core.detector.bans.free(&Prefix::host(addr("192.0.2.7")));
        }),
        ("the owner bans", |core| {
            let granted = core.detector.ban_by_hand(core.now, &wish("192.0.2.8"));
            assert!(granted.is_ok());
        }),
        ("the owner frees", |core| {
            assert_eq!(core.detector.unban(None).len(), 1);
        }),
    ];
    let mut written = core.detector.bans.changes();
    for (what, deed) in deeds {
        deed(&mut core);
        let changes = core.detector.bans.changes();
        assert!(changes > written, "{what}");
        written = changes;
    }
    let _verdict = core.detector.unban(None);
    let refused = core.detector.ban_by_hand(core.now, &wish("127.0.0.1"));
    assert!(refused.is_err());
    assert_eq!(core.detector.bans.changes(), written, "nothing came of it");
}

/// A router with thousands of bans looks at those that something is to be done about.
#[test]
fn bans_that_hold_cost_no_look() {
    let mut core = core(|_| {});
    for n in 0..500 {
        let _verdict = core.take(&syn(Ipv4Addr::from_bits(0xc612_0000 | n).into(), 1));
    }
    let looked_at = |core: &Core| core.detector.bans.stirred().count();
    assert_eq!(looked_at(&core), 500);
    core.pass(SECOND);
    assert_eq!(core.held().len(), 500);
    assert_eq!(looked_at(&core), 0);
    let _verdict = core.take(&syn(addr("192.0.2.7"), 1));
    assert_eq!(looked_at(&core), 1);
    core.pass(SECOND);
    assert_eq!(looked_at(&core), 0);
}

/// It is said once, and tried on.
#[test]
fn a_ban_that_the_firewall_refuses_is_given_up_at_the_last_attempt() {
    let (mut now, mut bans) = (Instant::default(), Bans::new((1, 2)));
    let whom = addr("192.0.2.7");
    let mut ban = Ban::by_hand(now, whom);
    ban.step = Step::Stop;
    assert!(bans.insert(Prefix::host(whom), ban));
    let mut reconciler = Reconciler::new(Backend::Nft, &Family::BOTH);
    reconciler.up = true;
    let mut given_up = Vec::new();
    for attempt in 1..=ATTEMPTS_MAX + 2 {
        now = reconciler.due_at(&bans).unwrap().max(now);
        let order = reconciler.next(now, &bans).unwrap();
        let (protect, mut batch) = (Protect::default(), String::new());
        let begun = reconciler.begin(now, order, &mut bans, &protect, &mut batch);
        begun.unwrap();
        reconciler.settle(now, false, &mut bans, |_, ban, change| {
            given_up.push((attempt, change));
            ban.proceed(Step::Done);
        });
    }
    assert_eq!(given_up, [(ATTEMPTS_MAX, Change::GivenUp)]);
}
