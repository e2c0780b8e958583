//! Who and what is around the router: its own addresses, its gateway, its devices.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{GATEWAY, LAN, Lab, ROUTER, SCANNER, SECOND, eventually, packet};
use portsentry::limits::DEVICES_MAX;
use portsentry::surroundings::Surroundings;
use portsentry::sys::route;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

/// An address that the router gets later.
const LATER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 66, 0, 77));

#[test]
fn an_address_is_watched_as_long_as_it_is_the_routers_own() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let sender = lab.scanner.sender();
    let touch = |port| {
        let [from, to] = [
            SocketAddr::new(SCANNER, 40000),
            SocketAddr::new(LATER, port),
        ];
        sender.send(&packet::tcp(from, to, "S"));
    };
    lab.scanner.sh(&format!(
        "ip neigh add {LATER} lladdr 02:66:00:00:00:01 dev eth0 nud permanent"
    ));
    touch(11);
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0], "before it is its own");

    lab.router.sh(&format!("ip addr add {LATER}/24 dev wan"));
    eventually("the new address is watched", || {
        touch(15);
        !daemon.probe_lines().is_empty()
    });
    lab.router.sh(&format!("ip addr del {LATER}/24 dev wan"));
    // News of addresses arrive before the packets behind them are asked about, but a moment later.
    eventually("the lost address is not watched", || {
        let before = daemon.probe_lines().len();
        let stranger = SocketAddr::new(lab.stranger(ROUTER), 40000);
        sender.send(&packet::tcp(stranger, SocketAddr::new(LATER, 79), "S"));
        daemon.settle();
        lab.log
            .count(|text| text.ends_with(&probed(stranger.ip(), Tcp, 79)))
            == 0
            && daemon.probe_lines().len() == before
    });
}

#[test]
fn the_default_gateway_is_reported_and_never_banned() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the ban", || lab.banned("10.66.0.2/32"));

    lab.router
        .sh(&format!("ip route replace default via {SCANNER}"));
    eventually("who becomes the gateway is freed", || {
        !lab.banned("10.66.0.2/32")
    });
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 15));
    lab.log
        .wait_for_text("Host: 10.66.0.2/10.66.0.2 is protected and is not blocked");
    // Control: it is about the gateway, not about everybody.
    lab.scanner.touch(Tcp, SECOND, TRAP);
    eventually("a ban of somebody else", || lab.banned("10.66.0.3/32"));
    assert!(!lab.banned("10.66.0.2/32"));
    assert!(daemon.stop().success());
}

#[test]
fn only_the_devices_that_are_named_are_watched() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth).with("INTERFACE", "wan"));
    lab.lan().touch(Tcp, LAN, SocketAddr::new(GATEWAY, 11));
    lab.lan().touch(Udp, LAN, SocketAddr::new(GATEWAY, 161));
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    let line = probed(SCANNER, Tcp, 11);
    lab.log.wait_for(|text| text.ends_with(&line));
}

#[test]
fn packets_to_everybody_and_from_nobody_are_no_probes() {
    // Not 0.0.0.0: the sender's kernel would put in its own address.
    let impossible = [
        "10.66.0.1",
        "127.0.0.1",
        "10.66.0.255",
        "224.0.0.9",
        "255.255.255.255",
    ];
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(lab) = Lab::new(&[]) else { return };
        let daemon = lab.start(Config::blocking(mode));
        let sender = lab.scanner.sender();
        for from in impossible {
            let from = SocketAddr::new(from.parse().unwrap(), 40000);
            sender.send(&packet::tcp(from, TRAP, "S"));
        }
        let chatter = lab.scanner.query(SCANNER, SocketAddr::new(ROUTER, 9));
        chatter.set_broadcast(true).unwrap();
        for everybody in ["10.66.0.255:161", "255.255.255.255:161", "224.0.0.1:161"] {
            let sent = lab
                .scanner
                .inside(|| chatter.send_to(b"anybody there?", everybody));
            sent.unwrap();
        }
        daemon.settle();
        assert_eq!(daemon.probe_lines(), [""; 0], "{mode:?}");
    }
}

/// What the router's kernel says to a daemon with these devices in INTERFACE.
fn around(lab: &Lab, interface: &[&str]) -> Surroundings {
    let devices: Vec<String> = interface.iter().map(ToString::to_string).collect();
    lab.router
        .inside(|| route::read((!devices.is_empty()).then_some(&devices)).unwrap())
}

#[test]
fn the_watched_devices_are_known_by_name() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let both = around(&lab, &[]);
    assert!(both.watched_names().eq(["wan", "lan"]));
    assert!(both.lans.is_empty() && both.watched.is_empty());
    let wan = around(&lab, &["ppp7", "wan"]);
    assert!(wan.watched_names().eq(["wan"]));
    assert!(wan.watched.iter().eq(wan.devices.iter().map(|d| &d.index)));
    let lans: Vec<String> = wan.lans.iter().map(ToString::to_string).collect();
    assert_eq!(lans, ["10.77.0.0/24"]);

    let lan = around(&lab, &["lan"]);
    assert_eq!(lan, around(&lab, &["lan"]));
    lab.router.sh("ip link del lan
                   ip link add lan type veth peer name far");
    let other = around(&lab, &["lan"]);
    assert!(other.watched_names().eq(["lan"]));
    assert_ne!(other.devices, lan.devices);

    // More than there is room for, as on a server with containers.
    lab.router
        .sh("for n in $(seq 20); do ip link add br$n type bridge; done");
    let many = around(&lab, &[]);
    assert_eq!(many.devices.len(), DEVICES_MAX);
    assert!(many.watched_names().take(2).eq(["wan", "far"]) && !many.overflow);
}

/// Each of the many networks that are not watched fits, or it is said.
#[test]
fn more_networks_than_are_followed_are_said() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let _daemon = lab.start(Config::new(Mode::Stealth).with("INTERFACE", "wan"));
    lab.router
        .sh("for n in $(seq 40); do ip addr add 10.78.$n.1/24 dev lan; done");
    lab.log
        .wait_for_text("adminalert: More addresses, gateways or networks than are followed");
}
