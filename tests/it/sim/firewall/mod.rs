//! A firewall that understands what iptables-restore, ipset and nft understand of our frames and batches, and
//! nothing else: what it does not know is a mistake of ours.
//!
//! Its clock is the moment that a run is carried out at, so that its elements end by themselves.

mod ipset;
mod iptables;
mod nft;

use std::net::IpAddr;

use portsentry::act::firewall::{Backend, Job, Scope};
use portsentry::act::reconcile::Order;
use portsentry::net::{Family, Prefix};
use portsentry::time::Instant;

/// What somebody else does to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    /// `iptables -F PORTSENTRY`, `ipset flush`, `nft flush set`.
    Empties,
    /// The jump from INPUT, or the chain that leads to the sets.
    CutsOff,
    /// `iptables -X`, `ipset destroy`, `nft flush ruleset`.
    Deletes,
}

impl Deed {
    pub(crate) const ALL: [Self; 3] = [Self::Empties, Self::CutsOff, Self::Deletes];
}

/// What it stops: from where, and until when.
pub(crate) type Held = Vec<(Prefix, Option<Instant>)>;

pub(crate) enum Firewall {
    Iptables([iptables::Chain; 2]),
    Ipset([ipset::Sets; 2]),
    Nft(nft::Ruleset),
}

impl Firewall {
    /// One that nobody has touched.
    pub(crate) fn new(backend: Backend) -> Self {
        match backend {
            Backend::Iptables => Self::Iptables(Default::default()),
            Backend::Ipset => Self::Ipset(Default::default()),
            Backend::Nft | Backend::Auto => Self::Nft(Default::default()),
        }
    }

    /// Carries out a run; false if the program fails.
    pub(crate) fn run(&mut self, at: Instant, order: Order, input: &str) -> bool {
        match self {
            Self::Iptables(chains) => {
                let chain = &mut chains[index(order.scope)];
                match order.job {
                    Job::Load => chain.load(),
                    Job::Unload => chain.unload(),
                    Job::Rebuild | Job::Apply => return chain.restore(input),
                    Job::Check => panic!("a check changes nothing"),
                }
                assert_eq!(input, "", "nobody reads that");
                true
            }
            Self::Ipset(families) => {
                let sets = &mut families[index(order.scope)];
                sets.pass(at);
                match order.job {
                    Job::Load => sets.load(input),
                    Job::Unload => {
                        *sets = ipset::Sets::default();
                        true
                    }
                    Job::Rebuild | Job::Apply => sets.restore(input),
                    Job::Check => panic!("a check changes nothing"),
                }
            }
            Self::Nft(ruleset) => {
                assert_eq!(order.scope, Scope::Both);
                assert_ne!(order.job, Job::Rebuild, "a load writes the bans as well");
                ruleset.run(at, input)
            }
        }
    }

    /// What a check says; None: it fails.
    pub(crate) fn check(&self, at: Instant, scope: Scope) -> Option<String> {
        match self {
            Self::Iptables(chains) => chains[index(scope)].check(),
            Self::Ipset(families) => families[index(scope)].check(at, family(scope)),
            Self::Nft(_) => panic!("it tells by itself"),
        }
    }

    /// What is stopped on the way from INPUT and FORWARD.
    pub(crate) fn held(&self, at: Instant, scope: Scope) -> Held {
        match self {
            Self::Iptables(chains) => chains[index(scope)].held(),
            Self::Ipset(families) => families[index(scope)].held(at, family(scope)),
            Self::Nft(ruleset) => ruleset.held(at),
        }
    }

    /// Whether anything of ours is there.
    pub(crate) fn is_clean(&self) -> bool {
        match self {
            Self::Iptables(chains) => chains.iter().all(iptables::Chain::is_clean),
            Self::Ipset(families) => families.iter().all(ipset::Sets::is_clean),
            Self::Nft(ruleset) => ruleset.is_clean(),
        }
    }

    /// What the frame was made from: the lines that hold no ban.
    pub(crate) fn frame(&self, scope: Scope) -> String {
        match self {
            Self::Iptables(_) => String::new(),
            Self::Ipset(families) => families[index(scope)].frame.clone(),
            Self::Nft(ruleset) => ruleset.frame(),
        }
    }

    /// Somebody else was here.
    pub(crate) fn disturb(&mut self, at: Instant, scope: Scope, deed: Deed) {
        match self {
            Self::Iptables(chains) => chains[index(scope)].disturb(deed),
            Self::Ipset(families) => families[index(scope)].disturb(deed, family(scope)),
            Self::Nft(ruleset) => ruleset.disturb(at, deed),
        }
    }
}

fn family(scope: Scope) -> Family {
    match scope {
        Scope::Only(family) => family,
        Scope::Both => panic!("iptables has two"),
    }
}

fn index(scope: Scope) -> usize {
    usize::from(family(scope) == Family::V6)
}

/// The digit that ends the names of a family's sets.
fn digit(family: Family) -> char {
    match family {
        Family::V4 => '4',
        Family::V6 => '6',
    }
}

/// An address or a prefix of a set or a rule, of the family that it is for.
fn key(text: &str, v6: bool) -> Prefix {
    let prefix: Prefix = text.parse().unwrap();
    let addr: IpAddr = text.split('/').next().unwrap().parse().unwrap();
    assert_eq!(
        addr.is_ipv6(),
        v6,
        "{text} is not of the family of its place"
    );
    assert_eq!(addr, prefix.addr(), "{text} has bits behind its length");
    prefix
}

/// Whether an element that ends then is still there.
fn lives(at: Instant, ends: Option<Instant>) -> bool {
    ends.is_none_or(|ends| at < ends)
}
