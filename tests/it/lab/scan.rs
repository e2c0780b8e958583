//! A real nmap, and what it found.

use super::namespace::Namespace;
use super::{Lab, ROUTER};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use regex::Regex;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

pub(crate) struct Scan {
    /// All that nmap said, for the message of a failing test.
    pub(crate) said: String,
    pub(crate) open: Vec<u16>,
}

impl Lab {
    /// Scans from the scanner's machine. No names, no ping: only the probes that were asked for.
    #[track_caller]
    pub(crate) fn nmap(&self, options: &str, target: IpAddr) -> Scan {
        self.nmap_in(&self.scanner, options, target)
    }

    /// The same from another machine.
    #[track_caller]
    pub(crate) fn nmap_in(&self, place: &Namespace, options: &str, target: IpAddr) -> Scan {
        let mut nmap = place.command("timeout");
        nmap.args(["120", "nmap", "-n", "-Pn", "-oG", "-"])
            .args(options.split_whitespace());
        if target.is_ipv6() {
            nmap.arg("-6");
        }
        let output = nmap.arg(target.to_string()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "nmap {options}: {}\n{said}{errors}",
            output.status
        );
        Scan {
            open: open_ports(&said),
            said,
        }
    }

    /// Begins a scan in the name of a stranger, and gives what it has found a moment after `enough` has returned.
    /// Whoever meets with silence would take minutes to finish.
    #[track_caller]
    pub(crate) fn nmap_until(
        &self,
        options: &str,
        from: IpAddr,
        enough: impl FnOnce(),
    ) -> Vec<u16> {
        let mut nmap = self.scanner.command("nmap");
        nmap.args(["-n", "-Pn", "-v", "-e", "eth0", "-S", &from.to_string()])
            .args(options.split_whitespace());
        nmap.arg(ROUTER.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let nmap = nmap.spawn().unwrap();
        enough();
        std::thread::sleep(Duration::from_secs(1));
        // It says at its end what it has found so far.
        let pid = Pid::from_raw(nmap.id().try_into().unwrap());
        let _ = kill(pid, Signal::SIGINT);
        let output = nmap.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let open = Regex::new(r"Discovered open port (\d+)/tcp").unwrap();
        let open = open
            .captures_iter(&said)
            .map(|port| port[1].parse().unwrap());
        open.collect()
    }

    /// The ports that nmap tries unless it is told which, from its own list.
    pub(crate) fn nmap_ports(&self) -> Vec<u16> {
        let said = self
            .scanner
            .sh("nmap -v -oG - --top-ports 1000 -sS 2>/dev/null");
        let ports = Regex::new(r"TCP\(1000;([0-9,-]+)\)").unwrap();
        let ports = ports.captures(&said).unwrap()[1].to_owned();
        let range = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            first.parse::<u16>().unwrap()..=last.parse().unwrap()
        };
        ports.split(',').flat_map(range).collect()
    }
}

/// The open ports of nmap's greppable output, "Ports: 9099/open/tcp//unknown///, 11/closed/…".
fn open_ports(said: &str) -> Vec<u16> {
    let Some((_, ports)) = said.split_once("Ports: ") else {
        return Vec::new();
    };
    let port = |entry: &str| entry.trim().split_once("/open/")?.0.parse().ok();
    ports
        .lines()
        .next()
        .unwrap()
        .split(',')
        .filter_map(port)
        .collect()
}

/// "1,11,15", as nmap wants it.
pub(crate) fn list(ports: &[u16]) -> String {
    ports
        .iter()
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
