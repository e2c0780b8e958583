//! A real nmap, and what it found.

use super::Lab;
use std::net::IpAddr;

pub(crate) struct Scan {
    /// All that nmap said, for the message of a failing test.
    pub(crate) said: String,
    pub(crate) open: Vec<u16>,
}

impl Lab {
    /// Scans from the scanner's machine. No names, no ping: only the probes that were asked for.
    #[track_caller]
    pub(crate) fn nmap(&self, options: &str, target: IpAddr) -> Scan {
        let mut nmap = self.scanner.command("timeout");
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
