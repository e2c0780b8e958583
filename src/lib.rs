//! `portsentry` turns a router's unused ports into traps, recognises whoever touches them as a scanner, and shuts
//! that source out at the firewall before it learns one port more.
//!
//! Five verbs to keep in mind: see, judge, act, tell, and the loop that calls them.
//!
//! ```text
//! main cli          arguments → what to do → exit status          inspect   `portsentry check` and `convert`
//! limits time net surroundings                                    words that everybody uses
//! config/           text → Config, or file, line and reason; classic and uci are languages, reader knows keys
//! see/              what arrived: probe packet traps listeners conntrack forwards; filter: the kernel's program
//! judge/            what we think of it: policy, detector: the rule of banning; sources bans offenders protect
//!                   table; valve: forged storms; crowd: many with little each; room: who goes from a full table;
//!                   widen: sites of IPv6; hand: the owner's word
//! act/              what shall hold, and the commands that make it so: reconcile; firewall/: nft ipset iptables;
//!                   actions: the owner's commands
//! tell/             what we say: report history quota; journal: for whoever comes after us; request: what is
//!                   asked; control: how it is answered: status list why hand, for people or as JSON
//! -- all above but main: no clock, no descriptor, no child, no unsafe
//! daemon/           the loop; intake, packets, touch: probes in; watch, followed: what changes around us in;
//!                   enforce: changes of the firewall out; ground, frame: what it is made of; start, reload, stop,
//!                   journal; background and join: 1.2's flags; control: who asks, answer: what they hear;
//!                   ask: their end
//! sys/              the kernel: every `unsafe`, all of `libc`
//! ```
//!
//! A packet goes one straight way:
//!
//! ```text
//! sys::sniff → see::packet ┐
//! sys::trap ───────────────┴→ Probe → detector.candidate → witness (conntrack, /proc/net) → Belongs
//!     → detector.judge(now, probe, belongs) → Verdict → tell::report → sys::log
//!                                                └ Ban → bans → reconcile → one child → settle → bans
//! ```
//!
//! The surroundings go another:
//!
//! ```text
//! sys::route, resolv.conf, the ignore file → Surroundings, Resolvers, Ignored → protect → who is freed
//!     ├→ see::filter → the kernel
//!     └→ ground → firewall::frame → reconcile → one child
//! ```
//!
//! What holds everywhere, and is checked by lints and by `tests/it/tidy.rs`:
//!
//! - Nothing in the core asks the time, opens or starts anything. It allocates when it is built and when the
//!   configuration, the surroundings or the filter change; never for a packet.
//! - Only `daemon/` knows both halves (and `inspect`, which reads two files and prints). Nothing in `sys/` knows a
//!   rule of detection.
//! - A source reaches a command line only as an address that we formatted ourselves (`act::command`,
//!   `act::firewall::change`).
//! - Every table and file has a bound in [`limits`], with its reason and what happens when it is full.
//! - Nothing that the network sends can end the process, grow its memory or its files, or make it start more than
//!   one child of the firewall and one of the owner's commands at a time.
//!
//! To read on: [`judge::detector`] is the rule of banning, [`daemon`] the loop, [`act::reconcile`] how the
//! firewall follows.

pub mod act;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod inspect;
pub mod judge;
pub mod limits;
pub mod net;
pub mod see;
pub mod surroundings;
pub mod sys;
pub mod tell;
pub mod time;
