//! A long life: what the daemon holds in the end is what it held after the first few minutes.
//!
//! `make soak` plays it long, `make test` short. SIM and TIME are seconds.

mod left;
mod mixed;
mod traffic;
mod weeks;

use std::env;
use std::time::Duration;

/// A time in seconds that somebody has asked for.
fn asked_for(name: &str, usual: u64) -> Duration {
    let seconds = env::var(name).map_or(usual, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}
