//! The programs, each at work in a router, and what they make of a scan.

use super::scanlogd::Scanlogd;
use super::scans::{ALWAYS, PORTS, Row, Scan};
use super::{Cell, patience};
use crate::lab::config::{Config, Mode};
use crate::lab::touch::Proto;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, scan};
use crate::weaknesses::programs::{self, Started};
use portsentry::net::Family;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

pub(super) enum Program {
    /// Ours, and the value of KINDS.
    Ours(&'static str),
    /// PortSentry 1.2.
    Original(PathBuf),
    Scanlogd(PathBuf),
}

/// A program at work.
enum Watcher<'lab> {
    Portsentry(Started<'lab>),
    Scanlogd(Scanlogd<'lab>),
}

impl Program {
    /// What comes of a scan, by a program that has seen nothing before.
    #[track_caller]
    pub(super) fn cell(&self, lab: &Lab, family: Family, row: &Row) -> Cell {
        if let Scan::Simulated = row.scan {
            return match self {
                Self::Ours(kinds) => patience::cell(kinds, family),
                Self::Original(_) | Self::Scanlogd(_) => Cell::None,
            };
        }
        // nmap refuses: "fragmentation is not supported with IPv6".
        if family == Family::V6 && row.options().ends_with(" -f") {
            return Cell::None;
        }
        let [router, scanner] = match family {
            Family::V4 => [ROUTER, SCANNER],
            Family::V6 => [ROUTER6, SCANNER6],
        };
        let before = lab.log.all().len();
        let watcher = self.start(lab, row.proto());
        let options = format!("{ALWAYS} {} -p {}", row.options(), scan::list(row.ports()));
        match row.scan {
            Scan::Dropped(_) => lab.dropping(scanner, || lab.nmap(&options, router)),
            _ => lab.nmap(&options, router),
        };
        watcher.settle(row.proto());
        let lines = lab.log.texts().split_off(before);
        match watcher {
            Watcher::Portsentry(_) => reported(&lines, scanner, row),
            Watcher::Scanlogd(it) => match it.has_seen(&lines, scanner) {
                true => Cell::Yes,
                false => Cell::No,
            },
        }
    }

    fn start<'lab>(&self, lab: &'lab Lab, proto: Proto) -> Watcher<'lab> {
        let flag = match proto {
            Proto::Tcp => &["-stcp"],
            Proto::Udp => &["-sudp"],
        };
        let portsentry = |program: programs::Program, config| {
            Watcher::Portsentry(program.start(lab, flag, config))
        };
        match self {
            Self::Ours(kinds) => portsentry(programs::Program::Ours, config().with("KINDS", kinds)),
            Self::Original(path) => portsentry(programs::Program::Original(path.clone()), config()),
            Self::Scanlogd(path) => Watcher::Scanlogd(Scanlogd::start(lab, path)),
        }
    }
}

impl Watcher<'_> {
    /// Returns when all that was sent before has been seen.
    #[track_caller]
    fn settle(&self, proto: Proto) {
        match self {
            // Twice: what came over IPv6 may be looked at just after the first, which comes over IPv4.
            Self::Portsentry(it) => (0..2).for_each(|_| it.settle(proto)),
            Self::Scanlogd(it) => it.settle(),
        }
    }
}

/// A configuration that both PortSentries read; nothing is blocked, and the first touch counts.
fn config() -> Config {
    let ports = format!("{},61000", scan::list(&PORTS));
    Config::new(Mode::Stealth)
        .without("TCP_MODE")
        .without("UDP_MODE")
        .with("TCP_PORTS", &ports)
        .with("UDP_PORTS", &ports)
}

/// How many of the ports are in lines about the scanner.
fn reported(lines: &[String], scanner: IpAddr, row: &Row) -> Cell {
    let proto = row.proto();
    let about = format!(" from host: {scanner}/{scanner} to {proto} port: ");
    let ports = lines.iter().filter_map(|line| line.split_once(&about));
    let ports: BTreeSet<u16> = ports.map(|(_, port)| port.parse().unwrap()).collect();
    let touched = row.ports();
    assert!(ports.iter().all(|port| touched.contains(port)), "{ports:?}");
    match ports.len() {
        0 => Cell::No,
        all if all == touched.len() => Cell::Yes,
        some => Cell::Some(some),
    }
}

impl Lab {
    /// While the router's firewall drops what comes from an address by TCP: without ICMPv6, nmap would find no
    /// neighbour.
    fn dropping<T>(&self, from: IpAddr, work: impl FnOnce() -> T) -> T {
        let tables = if from.is_ipv4() {
            "iptables"
        } else {
            "ip6tables"
        };
        let rule = |change| {
            self.router.sh(&format!(
                "{tables} -w {change} INPUT -s {from} -p tcp -j DROP"
            ))
        };
        rule("-I");
        let done = work();
        rule("-D");
        done
    }
}
