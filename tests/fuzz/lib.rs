//! Hostile bytes for every reader of the daemon's: see README.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not true ends the run, and is a finding"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the rules are for the daemon's core; libuci's program is started, and the environment names it"
)]

pub mod targets;

/// Tries one input of a target.
pub fn run(name: &str, input: &[u8]) {
    let target = targets::TARGETS.iter().find(|target| target.0 == name);
    let (_, check) = target.unwrap_or_else(|| panic!("no target is called \"{name}\""));
    check(input);
}
