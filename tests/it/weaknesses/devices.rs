//! Devices: those that are no Ethernet, those that go and come, and those that are not there.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, eventually, packet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const fn net(third: u8, host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 88, third, host))
}

#[test]
fn w2_a1_a_ppp_link_is_watched() {
    for watched in [None, Some("ppp0")] {
        let Some(lab) = Lab::new(&["perl"]) else {
            return;
        };
        let Some(mut link) = lab.ppp() else { return };
        let kind = lab
            .router
            .sh("ip addr add 10.88.0.1 peer 10.88.0.2/32 dev ppp0
                                  ip link set ppp0 up
                                  ip link show ppp0");
        assert!(kind.contains("link/ppp"), "{kind}");
        let config = Config::blocking(Mode::Stealth);
        let _daemon = lab.start(match watched {
            None => config,
            Some(name) => config.with("INTERFACE", name),
        });
        let [from, to] = [
            SocketAddr::new(net(0, 2), 40000),
            SocketAddr::new(net(0, 1), 11),
        ];
        link.send(&packet::tcp(from, to, "S"));
        let line = probed(net(0, 2), Tcp, 11);
        lab.log.wait_for(|text| text.ends_with(&line));
        eventually("the ban", || lab.banned("10.88.0.2/32"));
    }
}

/// A second wire, 10.88.1.0/24, whose end at the router has this name.
fn second_wire(lab: &Lab, name: &str) {
    lab.router.sh(&format!(
        "ip link add {name} type veth peer name eth1 netns {}
         ip addr add 10.88.1.1/24 dev {name}
         ip link set {name} up",
        lab.scanner.pid()
    ));
    lab.scanner.sh("ip addr add 10.88.1.2/24 dev eth1
                    ip link set eth1 up");
}

/// Touches over the second wire until that is reported.
#[track_caller]
fn check_seen(lab: &Lab, port: u16) {
    let line = probed(net(1, 2), Tcp, port);
    eventually("a touch over the second wire", || {
        let to = SocketAddr::new(net(1, 1), port);
        lab.scanner.touch(Tcp, net(1, 2), to);
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
}

#[test]
fn w2_a5_a_device_that_vanishes_and_returns_is_watched_again() {
    for watched in [None, Some("wan wan2")] {
        let Some(lab) = Lab::new(&[]) else { return };
        second_wire(&lab, "wan2");
        let config = Config::new(Mode::Stealth);
        let mut daemon = lab.start(match watched {
            None => config,
            Some(names) => config.with("INTERFACE", names),
        });
        for port in [11, 15, 79] {
            check_seen(&lab, port);
            lab.router.sh("ip link del wan2");
            daemon.settle();
            second_wire(&lab, "wan2");
        }
        check_seen(&lab, 111);
        assert!(daemon.stop().success());
    }
}

#[test]
fn w2_a5_a_device_that_is_not_there_is_named_and_watched_when_it_comes() {
    for name in ["nosuch0", "any"] {
        let Some(lab) = Lab::new(&[]) else { return };
        let _daemon = lab.start(Config::new(Mode::Stealth).with("INTERFACE", name));
        lab.log
            .wait_for_text("adminalert: 0 of 1 devices that are named exist");
        second_wire(&lab, name);
        check_seen(&lab, 11);
    }
}

/// 2.x compared as many letters as the shorter had.
#[test]
fn w2_a4_addresses_and_devices_with_a_common_beginning_are_told_apart() {
    let Some(lab) = Lab::new(&[]) else { return };
    second_wire(&lab, "wan0");
    lab.router.sh("ip addr add 10.77.1.1/24 dev wan
                   ip addr add 10.77.1.12/24 dev wan");
    lab.scanner.sh("ip route add 10.77.1.0/24 via 10.66.0.1");
    let daemon = lab.start(Config::new(Mode::Stealth).with("INTERFACE", "wan"));
    let sender = lab.scanner.sender();
    let from = SocketAddr::new(crate::lab::SCANNER, 40000);
    for (own, port) in [("10.77.1.12", 11), ("10.77.1.1", 15), ("10.77.1.123", 79)] {
        let to = SocketAddr::new(own.parse().unwrap(), port);
        sender.send(&packet::tcp(from, to, "S"));
    }
    // Over the wire of the other name.
    let to = SocketAddr::new(net(1, 1), 111);
    lab.scanner.touch(Tcp, net(1, 2), to);
    daemon.settle();
    let mut lines = daemon.probe_lines();
    lines.sort();
    let line = |port| {
        format!(
            "attackalert: TCP SYN/Normal scan {}",
            probed(from.ip(), Tcp, port)
        )
    };
    assert_eq!(lines, [line(11), line(15)]);
}

#[test]
fn w2_a7_a_bridge_port_that_goes_up_and_down_is_not_worth_a_line() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let before = lab.log.texts().len();
    lab.router.sh("ip link add br0 type bridge
                   ip link add port type veth peer name far
                   ip link set port master br0
                   ip link set br0 up
                   for n in 1 2 3 4 5; do
                       ip link set port up; ip link set far up
                       ip link set far down; ip link set port down
                   done");
    // News of it come in order: behind them is that of the second wire.
    second_wire(&lab, "wan2");
    check_seen(&lab, 11);
    let is_other = |text: &String| {
        !text.contains("10.88.1.2") && !text.contains("per configuration file setting")
    };
    let said: Vec<_> = lab.log.texts().into_iter().skip(before).collect();
    assert_eq!(said.into_iter().find(is_other), None);
    drop(daemon);
}

#[test]
fn w2_a8_eight_more_devices_cost_no_memory() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    daemon.settle();
    let before = daemon.memory_kb();
    lab.router.sh("for n in 1 2 3 4 5 6 7 8; do
                       ip link add lan$n type veth peer name far$n
                       ip addr add 10.89.$n.1/24 dev lan$n
                       ip link set lan$n up; ip link set far$n up
                   done");
    // News of devices come in order.
    second_wire(&lab, "wan2");
    check_seen(&lab, 11);
    daemon.settle();
    let grown = daemon.memory_kb().saturating_sub(before);
    assert!(grown <= 128, "{grown} kB for eight devices");
}
