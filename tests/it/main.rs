//! Everything that is tested from outside: one crate, so that it links once and shares the lab.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall end there and say so"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the rules are for the daemon's core; tests start programs and look at the clock"
)]

mod lab;

// Without a network: the core alone.
mod enforce;
mod filter;
mod frames;
mod fuzz;
mod memory;
mod noalloc;
pub(crate) mod sim;
mod storm;
mod tidy;
mod verdicts;

// Without a network as well: the program, and the scripts of cross/, where they end at once.
mod check;
mod cross;
mod openwrt;
mod packages;
mod uci;

// In the lab: real sockets, real kernel, real nmap, real iptables.
mod advanced;
mod asked;
mod background;
mod bench;
mod blocking;
mod by_hand;
mod calls;
mod commands;
mod compat;
mod consumers;
mod control;
mod cutoff;
mod denied;
mod evening;
mod faults;
mod files;
mod firewalls;
mod flood;
mod footprint;
mod ignored;
mod init;
mod innocent;
mod instructions;
mod journal;
mod kinds;
mod life;
mod lock;
mod log;
mod networks;
mod old_init;
mod privileges;
mod probes;
mod protected;
mod quiet;
mod routed;
mod rules;
mod self_test;
mod sight;
mod soak;
mod stop;
mod surroundings;
mod weaknesses;
mod without;
mod words;
