//! `make bench`: ours beside the tools that people would otherwise use, in one run on one machine.
//!
//! Each section is an ignored test, so that `cargo test` leaves it out; it writes its table below target/bench. A
//! figure is the median of several runs, with what lay between the least and the most of them; ratios are to ours.

#![allow(
    clippy::float_arithmetic,
    reason = "figures of a report, on the machine that tests: no router computes them"
)]

mod bare;
mod cost;
mod first;
mod grows;
mod idle;
mod learns;
mod loads;
mod loss;
mod pace;
mod peers;
mod programs;
mod spent;
mod storm;
mod table;
