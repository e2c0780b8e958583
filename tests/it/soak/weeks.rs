//! Simulated weeks: worlds of `sim` that live on and on, each with its own rules, network and firewall. That
//! nothing differs from the naive model is checked at every step, and that nothing is left over at the end of
//! each.

use super::asked_for;
use crate::lab::report;
use crate::sim;
use std::time::{Duration, Instant};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Of one world. Those whose firewall is looked at every ten seconds take a minute for a week.
const LIFE: Duration = Duration::from_secs(8 * 7 * 24 * 3600);

fn live(time: Duration, life: Duration) {
    let end = Instant::now() + time;
    let is_over = || Instant::now() >= end;
    let (mut lived, mut steps, mut worlds) = (Duration::ZERO, 0, 0);
    while !is_over() {
        // The first few hundred are those of `make sim`.
        let (time, more) = sim::live(1_000_000 + worlds, life, is_over);
        (lived, steps, worlds) = (lived + time, steps + more, worlds + 1);
    }
    let weeks = lived.as_secs() / WEEK.as_secs();
    report(&format!("{weeks} weeks in {worlds} worlds, {steps} steps"));
    assert!(lived > time, "time stands still");
}

#[test]
fn a_few_days() {
    live(Duration::from_secs(3), Duration::from_secs(24 * 3600));
}

#[test]
#[ignore = "make soak"]
fn many() {
    live(asked_for("SIM", 3600), LIFE);
}
