//! The first evening with the file that the package installs, `enabled` and not edited otherwise: it protects, and
//! whatever happens at home and outside, its owner gets in afterwards.
//!
//! The router is one of OpenWrt's: a firewall that rejects what comes from outside, but for what its owner opened.

mod forged;
mod ftp;
mod home;
mod lease;
mod mappings;
mod mistakes;
mod over;
mod redial;
mod restart;

use crate::lab::backend::Backend::Nft;
use crate::lab::config::Config;
use crate::lab::daemon::Daemon;
use crate::lab::held::host;
use crate::lab::shipped::traps;
use crate::lab::talk::Session;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{GATEWAY, LAN, Lab, ROUTER, SECOND, eventually, packet};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// Where the owner is when out.
const OWNER: IpAddr = SECOND;

/// What of the router can be reached from outside.
const SSH: u16 = 22;
const HTTPS: u16 = 443;
const VPN: [u16; 2] = [1194, 51820];

/// The firewall as OpenWrt's fw4 prints it, in short, with what its owner has forwarded. It is read in one
/// transaction, at a start and at a reload.
const FW4: &str = "nft -f - <<'END'
table inet fw4
flush table inet fw4
table inet fw4 {
    chain input {
        type filter hook input priority filter; policy drop;
        iif lo accept
        ct state established,related accept
        iifname lan accept
        meta l4proto ipv6-icmp accept
        udp dport 68 accept
        ct status dnat accept
        tcp dport { 22, 443 } accept
        udp dport { 1194, 51820 } accept
        meta l4proto tcp reject with tcp reset
        reject
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname lan oifname wan accept
        ct status dnat accept
    }
    chain dstnat {
        type nat hook prerouting priority dstnat; policy accept;
        iifname wan tcp dport 3389 dnat ip to 10.77.0.2:3389
        iifname wan tcp dport 5900 dnat ip to 10.77.0.2:80
        jump upnp
    }
    chain upnp {
    }
}
END";

/// A router with a LAN behind it and its owner's firewall, before the daemon starts.
fn home() -> Option<Lab> {
    let lab = Lab::with_lan(&["nft", "nmap"])?;
    lab.router.sh(FW4);
    lab.write_devices("daemon", "wan wan\nwan6 wan\n");
    Some(lab)
}

/// Whoever is watched and may be shut out.
fn start(lab: &Lab) -> Daemon<'_> {
    lab.start(Config::shipped())
}

fn at(router: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(router, port)
}

/// A scan of all traps that says it comes from somebody else.
fn forge(lab: &Lab, from: IpAddr) {
    let sender = lab.scanner.sender();
    for port in traps(Tcp) {
        sender.send(&packet::tcp(at(from, 40000), at(ROUTER, port), "S"));
    }
    for port in traps(Udp) {
        sender.send(&packet::udp(at(from, 40000), at(ROUTER, port)));
    }
}

/// The owner gets in, from outside and from the LAN, and gets out.
#[track_caller]
fn check_owner(lab: &Lab) {
    check_owner_at(lab, ROUTER);
}

/// The same where the router has another address.
#[track_caller]
fn check_owner_at(lab: &Lab, router: IpAddr) {
    let (world, own) = (&lab.scanner, &lab.router);
    for port in [SSH, HTTPS] {
        Session::open((world, OWNER), (own, router), port).check_alive();
    }
    Session::open((lab.lan(), LAN), (own, GATEWAY), SSH).check_alive();
    Session::open((lab.lan(), LAN), (world, OWNER), HTTPS).check_alive();
    for one in [OWNER, LAN] {
        assert!(!lab.holds(Nft, &host(one)), "{one} is banned");
    }
}

/// And it protects: a real scan from outside, and whoever did that is shut out.
#[track_caller]
fn check_protects(lab: &Lab, router: IpAddr) {
    let scanner = lab.stranger(router);
    let scan = format!("-sS -T4 --max-retries 0 -F -S {scanner} -e eth0");
    lab.nmap(&scan, router);
    eventually("the ban of a scanner", || lab.holds(Nft, &host(scanner)));
    let _door = lab.router.listen((router, HTTPS));
    let in_vain = lab.scanner.connect(scanner, at(router, HTTPS));
    assert!(in_vain.is_none(), "a scanner gets in");
}

/// How many traps a source touched, and whether it is banned, by the daemon's own account.
#[track_caller]
fn touched(daemon: &Daemon, source: IpAddr) -> (u64, bool) {
    let why = daemon.ask(&format!("why {source} --json")).json();
    let ports = why["touched"]["ports"].as_u64().unwrap_or(0);
    (ports, why["ban"] != Value::Null)
}

/// Touches traps one after the other as a program does.
fn touch(lab: &Lab, from: IpAddr, proto: Proto, ports: &[u16]) {
    for port in ports {
        lab.scanner.touch(proto, from, at(ROUTER, *port));
    }
}
