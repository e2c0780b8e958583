//! Those modules of the integration crate that need nothing but the core. `make mutants` builds them some thousand
//! times, and the lab would take most of that time; `cargo test` has them in `main.rs` and leaves this one out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall end there and say so"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the rules are for the daemon's core; SEEDS and SEED come from the environment"
)]

mod enforce;
mod frames;
mod fuzz;
mod memory;
mod noalloc;
#[allow(
    dead_code,
    reason = "the soak, which is no part of this, lets its worlds live on"
)]
mod sim;
mod storm;
mod verdicts;
