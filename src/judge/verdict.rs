//! What we think of a probe, and what is to be said.

use core::net::IpAddr;

use crate::judge::valve::Turned;
use crate::see::conntrack::Belongs;

/// What we think of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Not a trap of ours.
    NotATrap,
    /// No honest packet comes from there.
    Forged,
    /// On the ignore list.
    Ignored,
    /// Somebody's business: an answer, a forwarded connection, a service.
    Explained(Belongs),
    /// Counted; the trigger is not reached.
    Counted,
    /// Reported within the last minute, or more than the log bears: counted instead.
    Folded,
    /// To be reported, and what comes of it.
    Probe(Outcome),
}

/// What comes of a probe that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// BLOCK is 0.
    BlockingOff,
    /// Protected: never banned.
    Protected,
    /// Its ban begins now.
    Ban,
    /// Its ban is being carried out.
    Pending,
    /// Its ban holds.
    AlreadyBanned,
    /// Its ban holds, and enough was said of that in this minute.
    StillBanned,
    /// The storm valve is closed, and it has too little against it.
    Doubted,
    /// The table of bans is full.
    NoRoom,
    /// Commands of the owner's hold as many addresses of its /64 as they may.
    EnoughOfNet,
}

/// What is said without a probe of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// This source touched traps again that it was reported for.
    Repeats(IpAddr, u32),
    /// So many probes were more than the log bears.
    Unreported(u64),
    /// So many new sources came in one minute, with fewer traps each than a ban needs.
    Distributed(u32),
    /// That went on, and so many more came in the hour after it was said.
    StillDistributed(u32),
    /// The storm valve closed, or opened.
    Valve(Turned),
}
