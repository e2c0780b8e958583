//! Runs of a firewall's programs: what each is for, and what is called.

use super::{Backend, Scope, ipset, iptables, nft};
use crate::net::Family;

/// A program and its arguments; what it reads on its standard input is the batch.
pub struct Call {
    /// Its name.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: &'static [&'static str],
}

/// What one run of a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Make the frame; with nft and the bans in it.
    Load,
    /// Replace all bans by those that are wanted, in one transaction.
    Rebuild,
    /// Add and remove bans.
    Apply,
    /// Tell what is there.
    Check,
    /// Take everything of ours away.
    Unload,
}

/// The programs that a scope needs, whatever the job.
pub fn programs(backend: Backend, scope: Scope) -> &'static [&'static str] {
    let six = scope == Scope::Only(Family::V6);
    match (backend, six) {
        (Backend::Nft | Backend::Auto, _) => &["nft"],
        (Backend::Ipset, false) => &["ipset", "iptables", "iptables-restore"],
        (Backend::Ipset, true) => &["ipset", "ip6tables", "ip6tables-restore"],
        (Backend::Iptables, false) => &["iptables", "iptables-restore"],
        (Backend::Iptables, true) => &["ip6tables", "ip6tables-restore"],
    }
}

/// The program for a job.
pub fn call(backend: Backend, scope: Scope, job: Job) -> Call {
    let six = scope == Scope::Only(Family::V6);
    match backend {
        Backend::Nft | Backend::Auto => nft::CALL,
        Backend::Ipset => ipset::call(six, job),
        Backend::Iptables => iptables::call(six, job),
    }
}
