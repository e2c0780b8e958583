//! Who is measured: ours, and whatever else an owner would watch the same traps with. Each is started in the lab's
//! router, and ends with what `start` gives.

mod psad;
mod recipes;
mod two;

use crate::compat::original;
use crate::lab::Lab;
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::drawn::CLASSIC;
use crate::sight::scanlogd::{self, Scanlogd};
use crate::weaknesses::programs::{self, Started};
pub(super) use psad::Psad;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use two::Two;

/// How 1.2 and 2.x stop a source, in the words of their own examples.
const KILL_ROUTE: &str = "/usr/sbin/iptables -w -I INPUT -s $TARGET$ -j DROP";

/// Which ports are traps.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Traps {
    /// The 26 of 1.2's list.
    Classic,
    /// Each below 1024 that no service uses.
    Unused,
}

pub(super) enum Peer {
    /// Nobody: the measure of what there is to learn.
    Nobody,
    Ours(Backend),
    /// Ours with nft, whose kernel is too old for the hold, and for a chain at the device's ingress.
    NoHold,
    /// Ours with ipset, in the same state.
    NoHoldIpset,
    /// PortSentry 1.2.
    Original(PathBuf),
    /// PortSentry 2.x.
    Two(PathBuf),
    Scanlogd(PathBuf),
    Psad(PathBuf),
    /// A few lines of nft, ipset or xt_recent.
    NftRule,
    IpsetRule,
    Recent,
}

/// One at work; it is stopped with this.
pub(super) enum Running<'lab> {
    /// The kernel is all that runs.
    Kernel,
    Ours(Daemon<'lab>),
    Original(Started<'lab>),
    Two(Two),
    Scanlogd(Scanlogd<'lab>),
    Psad(Psad),
}

impl Traps {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Classic => "26 traps",
            Self::Unused => "all unused below 1024",
        }
    }

    /// As a list with ranges, in a router that has these services.
    pub(super) fn list(self, services: &[u16]) -> String {
        if self == Self::Classic {
            return CLASSIC.to_owned();
        }
        let mut used: Vec<u16> = services
            .iter()
            .copied()
            .filter(|port| *port < 1024)
            .collect();
        used.sort_unstable();
        used.push(1024);
        let mut first = 1;
        let ranges = used.into_iter().filter_map(|port| {
            let range = (first, port - 1);
            first = port + 1;
            match range {
                (first, last) if first > last => None,
                (first, last) if first == last => Some(first.to_string()),
                (first, last) => Some(format!("{first}-{last}")),
            }
        });
        range_list(ranges)
    }

    pub(super) fn contains(self, port: u16, services: &[u16]) -> bool {
        match self {
            Self::Classic => CLASSIC.split(',').any(|trap| trap == port.to_string()),
            Self::Unused => port < 1024 && !services.contains(&port),
        }
    }

    /// The configuration that ours and 1.2 share: 1.2 takes 64 traps, so it has its own mode for the many.
    fn config(self, config: Config) -> Config {
        match self {
            Self::Classic => config.with("TCP_PORTS", CLASSIC),
            Self::Unused => config.with("ADVANCED_PORTS_TCP", "1024"),
        }
    }
}

fn range_list(ranges: impl Iterator<Item = String>) -> String {
    ranges.collect::<Vec<_>>().join(",")
}

impl Peer {
    /// Of the programs: those that are here. What is missing is said by whoever looks for it.
    pub(super) fn original() -> Option<Self> {
        original().map(Self::Original)
    }

    pub(super) fn scanlogd() -> Option<Self> {
        scanlogd::unpacked().map(Self::Scanlogd)
    }

    pub(super) fn psad() -> Option<Self> {
        psad::unpacked().map(Self::Psad)
    }

    /// BENCH_PORTSENTRY2=/path: a release of Debian's that has 1.2 does not have it.
    pub(super) fn two() -> Option<Self> {
        env::var_os("BENCH_PORTSENTRY2").map(|path| Self::Two(path.into()))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody watches",
            Self::Ours(Backend::Nft) => "ours, nft",
            Self::Ours(Backend::Ipset) => "ours, ipset",
            Self::Ours(Backend::Iptables) => "ours, iptables",
            Self::Ours(Backend::Legacy) => "ours, iptables-legacy",
            Self::NoHold => "ours, nft without hold",
            Self::NoHoldIpset => "ours, ipset without hold",
            Self::Original(_) => "PortSentry 1.2, iptables",
            Self::Two(_) => "PortSentry 2.x, iptables",
            Self::Scanlogd(_) => "scanlogd",
            Self::Psad(_) => "psad, iptables",
            Self::NftRule => "bare nft rule",
            Self::IpsetRule => "bare ipset rule",
            Self::Recent => "bare xt_recent rule",
        }
    }

    /// What it is called where it only watches.
    pub(super) fn watching(&self) -> &'static str {
        match self {
            Self::Ours(_) => "ours",
            Self::Original(_) => "PortSentry 1.2",
            other => other.name(),
        }
    }

    /// The same as `start`, and nobody is blocked.
    #[track_caller]
    pub(super) fn watch<'lab>(&self, lab: &'lab Lab, traps: Traps) -> Running<'lab> {
        let _ = fs::remove_dir_all(lab.dir().join("daemon"));
        match self {
            Self::Ours(_) => {
                let config = Config::new(Mode::Stealth).without("UDP_MODE");
                let config = traps.config(config.without("UDP_PORTS"));
                Running::Ours(lab.start(config))
            }
            Self::Original(path) => {
                let program = programs::Program::Original(path.clone());
                let config = traps.config(programs::config());
                Running::Original(program.start(lab, &["-stcp"], config))
            }
            other => other.start(lab, traps, &[]),
        }
    }

    /// Starts it in a router whose firewall is empty, and waits until it watches. Services must be there before:
    /// two of them ask the kernel which ports are in use.
    #[track_caller]
    pub(super) fn start<'lab>(
        &self,
        lab: &'lab Lab,
        traps: Traps,
        services: &[u16],
    ) -> Running<'lab> {
        lab.router
            .sh("nft flush ruleset; ipset destroy; rm -f /proc/self/net/xt_recent/*");
        let _ = fs::remove_dir_all(lab.dir().join("daemon"));
        let list = traps.list(services);
        match self {
            Self::Nobody => Running::Kernel,
            Self::Ours(backend) => ours(lab, traps, *backend),
            Self::NoHold => without_hold(lab, traps),
            Self::NoHoldIpset => ipset_without_hold(lab, traps),
            Self::Original(path) => Running::Original(original_at(lab, traps, path)),
            Self::Two(path) => Running::Two(Two::start(lab, &list, path)),
            Self::Scanlogd(path) => Running::Scanlogd(Scanlogd::start(lab, path)),
            Self::Psad(path) => Running::Psad(Psad::start(lab, &list, path)),
            Self::NftRule => recipes::nft(lab, &list),
            Self::IpsetRule => recipes::ipset(lab, &list),
            Self::Recent => recipes::recent(lab, &list),
        }
    }
}

fn ours(lab: &Lab, traps: Traps, backend: Backend) -> Running<'_> {
    let mode = match traps {
        Traps::Classic => Mode::Stealth,
        Traps::Unused => Mode::Advanced,
    };
    let config = Config::blocking(mode)
        .without("UDP_MODE")
        .without("UDP_PORTS")
        .with("BACKEND", backend.word())
        .with("BLOCK_TIME", "10m")
        .with("BAN_RATE_MAX", "0");
    Running::Ours(lab.start(traps.config(config)))
}

/// An nft that refuses the hold, as old kernels do; the real one is back when the daemon has started.
fn without_hold(lab: &Lab, traps: Traps) -> Running<'_> {
    match lab.router.path("/usr/sbin/nft-refuses").exists() {
        true => lab
            .router
            .sh("cd /usr/sbin; mv nft nft-real; cp nft-refuses nft"),
        false => {
            lab.nft_refuses("chain hold");
            lab.router.sh("cd /usr/sbin; cp nft nft-refuses")
        }
    };
    let running = ours(lab, traps, Backend::Nft);
    lab.router.sh("cd /usr/sbin; mv nft-real nft");
    running
}

/// An iptables that refuses the target SET, which the hold needs.
fn ipset_without_hold(lab: &Lab, traps: Traps) -> Running<'_> {
    lab.own_programs();
    lab.router.sh("cd /usr/sbin
         rm iptables-restore
         cat > iptables-restore <<'END'
#!/bin/bash
input=$(cat)
case $input in *add-set*) echo 'no target SET' >&2; exit 1;; esac
exec -a iptables-restore /usr/sbin/xtables-nft-multi \"$@\" <<<\"$input\"
END
         chmod 755 iptables-restore");
    ours(lab, traps, Backend::Ipset)
}

fn original_at<'lab>(lab: &'lab Lab, traps: Traps, path: &Path) -> Started<'lab> {
    let flag = match traps {
        Traps::Classic => &["-stcp"],
        Traps::Unused => &["-atcp"],
    };
    let config = programs::config()
        .with("BLOCK_TCP", "1")
        .with("KILL_ROUTE", KILL_ROUTE);
    let program = programs::Program::Original(path.to_owned());
    program.start(lab, flag, traps.config(config))
}

#[test]
fn services_are_no_traps() {
    let services = [22, 23, 1, 9099, 1023];
    assert_eq!(Traps::Unused.list(&services), "2-21,24-1022");
    assert!(Traps::Unused.contains(24, &services));
    assert!(!Traps::Unused.contains(22, &services));
    assert_eq!(CLASSIC.split(',').count(), 26);
}
