//! The rules over time: a simulated clock, network and firewall against a naive model, from seeds.
//!
//! Each seed draws its own world. `SEED=n` plays one of them again, `SEEDS=n` plays that many. The test fails
//! if an interesting branch was never reached: a simulation that proves nothing is green as well.

#![allow(
    clippy::print_stdout,
    reason = "the harness shows it where a seed fails, and with --nocapture"
)]

mod deeds;
mod draw;
mod enforcer;
pub(super) mod firewall;
mod flight;
mod ledger;
mod model;
mod owner;
mod probing;
pub(super) mod random;
mod rest;
mod sites;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use portsentry::act::firewall::{Backend, Job, Scope};
use portsentry::act::reconcile::Reconciler;
use portsentry::judge::bans::Bans;
use portsentry::judge::protect::Protect;
use portsentry::net::Family;
use portsentry::time::Instant;

use world::World;

/// What was reached, and how often.
pub(super) type Reach = BTreeMap<&'static str, u64>;

pub(super) fn reached(reach: &mut Reach, what: &'static str) {
    *reach.entry(what).or_default() += 1;
}

const SEEDS: u64 = 200;
const STEPS: usize = 1500;

/// Every branch that must have been seen over all seeds, and how often at least.
const MUST: [(&str, u64); 64] = [
    ("verdict: not a trap", 1000),
    ("verdict: forged", 1000),
    ("verdict: ignored", 1000),
    ("verdict: explained", 1000),
    ("verdict: counted", 1000),
    ("verdict: folded", 1000),
    ("outcome: blocking off", 1000),
    ("outcome: protected", 1000),
    ("outcome: ban", 10_000),
    ("outcome: pending", 1000),
    ("outcome: already banned", 1000),
    ("outcome: doubted", 1000),
    ("outcome: no room", 1000),
    ("source forgotten after the window", 1000),
    ("source: an IPv6 /64", 1000),
    ("source: one IPv6 address", 1000),
    ("ban expired", 10_000),
    ("ended by the kernel", 1000),
    ("banned again, for longer", 1000),
    ("banned again, for the longest time", 100),
    ("explained at the second look", 100),
    ("valve closed", 100),
    ("valve opened", 100),
    ("widened to a /56", 50),
    ("widened to a /48", 1),
    ("ban displaced", 1000),
    ("ban comes back while leaving", 50),
    ("displaced by a smaller firewall", 50),
    ("freed by the ignore list", 50),
    ("freed by a gateway", 20),
    ("freed by a resolver", 20),
    ("freed by a network that is not watched", 20),
    ("freed by configuration", 50),
    ("banned by hand", 100),
    ("a ban that stops nothing becomes one that does", 200),
    ("a ban that stops nothing ends in that of its network", 50),
    ("unbanned", 100),
    ("renewed", 100),
    ("another backend", 50),
    ("killed and started again", 100),
    ("somebody else changed the firewall", 100),
    ("check found a change", 1000),
    ("healed in time", 50),
    ("run: load", 1000),
    ("run: rebuild", 1000),
    ("run: apply", 1000),
    ("run: check", 1000),
    ("run: unload", 100),
    ("run works", 10_000),
    ("run failed", 1000),
    ("run killed before it did anything", 100),
    ("run killed after it did everything", 100),
    ("batch refused because something is missing", 50),
    ("ban given up for now", 100),
    ("ban taken out", 1000),
    ("route failed for good", 50),
    ("undone by UNBLOCK_CMD", 100),
    ("undone before it is done again", 10),
    ("undoing failed for good", 10),
    ("news: repeats", 1000),
    ("news: a distributed scan", 10),
    ("news: a distributed scan that goes on", 10),
    ("news: more than the log bears", 1),
    ("at rest and equal", 100_000),
];

fn play(seed: u64, reach: &mut Reach) {
    let mut world = World::new(seed);
    world.fill(reach);
    for _ in 0..STEPS {
        world.step(reach);
    }
    world.settle(reach);
}

/// Plays one world until so much time has passed in it, or `is_enough`; how much that was, and in how many steps.
pub(super) fn live(seed: u64, life: Duration, is_enough: impl Fn() -> bool) -> (Duration, u64) {
    // Said by the test harness if a check below fails.
    println!("SEED={seed}");
    let (mut world, mut steps, mut reach) = (World::new(seed), 0, Reach::new());
    let begun = world.now;
    world.fill(&mut reach);
    while world.now.since(begun) < life && !is_enough() {
        world.step(&mut reach);
        steps += 1;
    }
    world.settle(&mut reach);
    (world.now.since(begun), steps)
}

#[test]
fn the_rules_hold_in_every_world() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let mut reach = Reach::new();
    if let Some(seed) = number("SEED") {
        play(seed, &mut reach);
        println!("{reach:#?}");
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    for seed in 0..seeds {
        // Said by the test harness if a check below fails.
        println!("SEED={seed}");
        play(seed, &mut reach);
    }
    println!("{reach:#?}");
    if seeds < SEEDS {
        return;
    }
    for (what, least) in MUST {
        let times = reach.get(what).copied().unwrap_or(0);
        assert!(
            times >= least,
            "\"{what}\" was reached {times} times, not {least}"
        );
    }
}

/// A chain of a family that the machine lacks is neither waited for nor taken away.
#[test]
fn a_machine_without_ipv6_comes_to_rest() {
    let mut bans = Bans::new((1, 2));
    let mut reconciler = Reconciler::new(Backend::Iptables, &[Family::V4]);
    let (now, protect) = (Instant::default(), Protect::default());
    {
        reconciler.suspect();
        let order = reconciler.next(now, &bans).unwrap();
        let four = Scope::Only(Family::V4);
        assert_eq!((order.scope, order.job), (four, Job::Unload));
        let begun = reconciler.begin(now, order, &mut bans, &protect, &mut String::new());
        begun.unwrap();
        reconciler.settle(now, true, &mut bans, |_, _, _| {});
        assert!(reconciler.is_even(&bans) && !reconciler.is_loaded());
    }
}
