//! The firewall: a set in the kernel that is kept equal to the table of bans.
//!
//! Each backend is a file with the same verbs: the *frame* is all that holds no ban (sets, chains, rules), made
//! anew whenever what it is made of changes; *changes* add and remove bans; some have to be *checked*, because
//! nobody tells us; the *teardown* takes all of ours away. A new backend is an arm in each `match` below.
//!
//! A ban stops what its source begins, to the router and through it: TCP segments with neither ACK nor RST can
//! only begin something, and for all else connection tracking tells (states NEW and INVALID). It would call a TCP
//! session NEW that was idle since before all tracking: so its segments are never asked about.

pub mod ipset;
pub mod iptables;
pub mod kernel;
pub mod nft;
mod runs;

use core::fmt::{self, Write};
use core::time::Duration;

pub use runs::{Call, Job, call, programs};

use crate::judge::ban::Ban;
use crate::limits::KERNEL_TIME_MAX;
use crate::net::{Family, Prefix};
use crate::see::traps::Ports;
use crate::time::Instant;

/// Which of the system's firewall programs holds the bans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A rule for each ban in a chain of iptables: what a portsentry.conf of PortSentry 1.2 expects.
    #[default]
    Iptables,
    /// One rule of iptables, and the bans in sets of ipset.
    Ipset,
    /// A table of nftables.
    Nft,
    /// What is there and works: nft, else ipset, else iptables.
    Auto,
}

impl Backend {
    /// All, as the manual lists them.
    pub const ALL: [Self; 4] = [Self::Iptables, Self::Ipset, Self::Nft, Self::Auto];

    /// Its name in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipset => "ipset",
            Self::Nft => "nft",
            Self::Auto => "auto",
        }
    }

    /// Whether the kernel ends bans by itself.
    pub fn has_timeouts(self) -> bool {
        self != Self::Iptables
    }

    /// Whether we have to look whether it still is what we made it. nft tells us by netlink.
    pub fn must_be_checked(self) -> bool {
        self != Self::Nft
    }
}

/// Which bans one run of a program is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of both families: a table of nft holds both.
    Both,
    /// Those of one family: iptables and ip6tables are two programs.
    Only(Family),
}

impl Scope {
    /// Whether the ban of a prefix is its business.
    pub fn holds(self, source: &Prefix) -> bool {
        match self {
            Self::Both => true,
            Self::Only(family) => family == Family::of(source.addr()),
        }
    }
}

/// What the frame is made of, besides the backend.
#[derive(Clone, Debug, Default)]
pub struct Site<'a> {
    /// Names of the devices that are watched and exist.
    pub devices: &'a [&'a str],
    /// INTERFACE named them: packets from others are none of our business.
    pub named: bool,
    /// UDP traps to which no answer to a query of ours can come: a banned source's datagrams to them need not be
    /// seen.
    pub datagrams: Ports,
    /// The kernel's own reaction, where there shall be one.
    pub hold: Option<Hold>,
    /// Who is never held.
    pub never: &'a [Prefix],
    /// What this kernel was found not to know.
    pub detail: Detail,
}

/// The kernel's own reaction to the touch of a trap, until the daemon has decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// TCP traps that no service of ours uses.
    pub traps: Ports,
    /// Distinct traps: the first, or the second.
    pub distinct: Distinct,
}

/// The touch that puts a source into the hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distinct {
    /// The first of a trap.
    #[default]
    First,
    /// That of a second trap.
    Second,
}

/// How much of the frame the kernel takes. After a refusal the next is tried, at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// All of it.
    #[default]
    Full,
    /// No ingress hook (a kernel without it or with a dangerous one, or a device that it cannot be put on).
    NoIngress,
    /// No hold either (no fib expression, no SET target).
    NoHold,
}

impl Detail {
    /// What to try next; None: that was the least.
    pub fn less(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::NoIngress),
            Self::NoIngress => Some(Self::NoHold),
            Self::NoHold => None,
        }
    }
}

/// What shall become of the ban of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is added.
    Add,
    /// It is there, with another end.
    Renew,
    /// It is taken away.
    Remove,
}

/// Begins a batch of changes.
pub fn begin(backend: Backend, scope: Scope, job: Job, out: &mut impl Write) -> fmt::Result {
    match (backend, scope) {
        (Backend::Iptables, _) => iptables::begin(job, out),
        (Backend::Ipset, Scope::Only(family)) => ipset::begin(job, family, out),
        _ => Ok(()),
    }
}

/// Ends it.
pub fn end(backend: Backend, scope: Scope, job: Job, out: &mut impl Write) -> fmt::Result {
    match (backend, scope) {
        (Backend::Iptables, _) => iptables::end(out),
        (Backend::Ipset, Scope::Only(family)) => ipset::end(job, family, out),
        _ => Ok(()),
    }
}

/// Writes one change into it. `time` is what the ban has left, where the kernel ends it.
pub fn change(
    backend: Backend,
    job: Job,
    verb: Verb,
    source: &Prefix,
    time: Option<Duration>,
    out: &mut impl Write,
) -> fmt::Result {
    match backend {
        Backend::Nft | Backend::Auto => nft::change(verb, source, time, out),
        Backend::Ipset => ipset::change(job, verb, source, time, out),
        Backend::Iptables => iptables::change(verb, source, out),
    }
}

/// The frame of a scope; plain iptables has none beyond what its script makes.
pub fn frame(backend: Backend, scope: Scope, site: &Site<'_>, out: &mut impl Write) -> fmt::Result {
    match (backend, scope) {
        (Backend::Nft | Backend::Auto, _) => nft::frame(site, out),
        (Backend::Ipset, Scope::Only(family)) => ipset::frame(family, site, out),
        _ => Ok(()),
    }
}

/// What the program reads to take everything away.
pub fn teardown(backend: Backend) -> &'static str {
    match backend {
        Backend::Nft | Backend::Auto => nft::TEARDOWN,
        Backend::Ipset | Backend::Iptables => "",
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// The jump from INPUT or FORWARD.
    Jump,
    /// The ban of a prefix, as the program writes it.
    Ban(&'a str),
    /// A rule in our chain that is none of ours.
    Foreign,
}

/// Reads one line of a check's output; None where it says nothing.
pub fn found(backend: Backend, line: &str) -> Option<Found<'_>> {
    if line.ends_with(" -j PORTSENTRY") {
        return Some(Found::Jump);
    }
    let ban = match backend {
        Backend::Ipset => ipset::found(line),
        _ => iptables::found(line),
    };
    let foreign = backend == Backend::Iptables && iptables::is_foreign(line);
    ban.map(Found::Ban).or(foreign.then_some(Found::Foreign))
}

/// Kernel time that a ban has left, in whole seconds, at least one; None: it ends by our hand, or never.
pub fn kernel_time(now: Instant, ban: &Ban) -> Option<Duration> {
    let until = ban.until.filter(|_| ends_by_kernel(ban))?;
    let left = until.since(now).as_millis().div_ceil(1000);
    Some(Duration::from_secs(u64::try_from(left.max(1)).ok()?))
}

/// Whether the kernel ends it, where it has timeouts: not the longest, which ipset cannot count.
pub fn ends_by_kernel(ban: &Ban) -> bool {
    let span = ban.until.map(|until| until.since(ban.since));
    span.is_some_and(|span| span <= KERNEL_TIME_MAX)
}

/// The single command that equals a ban, for 1.2's "has been blocked" line.
pub struct Single(pub Backend, pub Prefix, pub Option<Duration>);

impl fmt::Display for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(backend, source, time) = self;
        match backend {
            Backend::Nft | Backend::Auto => nft::single(source, *time, f),
            Backend::Ipset => ipset::single(source, *time, f),
            Backend::Iptables => iptables::single(source, f),
        }
    }
}

/// A range of ports as nft, and as ipset and iptables' multiport without it, write it.
struct Range((u16, u16));

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.0;
        match first == last {
            true => write!(f, "{first}"),
            false => write!(f, "{first}-{last}"),
        }
    }
}
