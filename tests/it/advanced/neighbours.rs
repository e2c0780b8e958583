//! What honest machines send to ports that nobody uses, each with a control that is a probe of the same port.

use super::{blocking, config};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{LAN, Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, SECOND, eventually};
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Nothing was logged, and nobody is banned; a probe of the same port is.
#[track_caller]
fn check_innocent(lab: &Lab, daemon: &Daemon, proto: Proto, port: SocketAddr) {
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    assert!(!daemon.said("has been blocked") || !lab.banned("10.66.0.2/32"));
    let from = lab.stranger(port.ip());
    let line = probed(from, proto, port.port());
    eventually("a probe of the same port", || {
        lab.scanner.touch(proto, from, port);
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
}

/// The router asks from a port, closes it, and then the answer comes.
fn late_answer(lab: &Lab, client: SocketAddr, server: SocketAddr) {
    let listening = lab.scanner.receive(server);
    let asking = lab.router.say(b"query", client, server);
    let mut buffer = [0; 64];
    let (_, asker) = listening.recv_from(&mut buffer).unwrap();
    assert_eq!(asker, client);
    drop(asking);
    listening.send_to(b"late answer", asker).unwrap();
}

/// Of DNS from a port below 1,100, and of NTP, which asks from its own port; with connection tracking and without
/// it, as on a machine that has no firewall.
#[test]
fn late_answers_to_the_routers_own_queries() {
    for tracking in [true, false] {
        for (router, server) in [(ROUTER, SCANNER), (ROUTER6, SCANNER6)] {
            for (client, port) in [(1000, 53), (123, 123)] {
                let Some(lab) = Lab::new(&[]) else { return };
                let daemon = match tracking {
                    true => lab.start(blocking()),
                    false => lab.start(config()),
                };
                let client = SocketAddr::new(router, client);
                late_answer(&lab, client, SocketAddr::new(server, port));
                check_innocent(&lab, &daemon, Udp, client);
            }
        }
    }
}

/// Where connections are tracked nobody passes for a name server by its port alone, also when the firewall drops
/// the packet before anything is remembered of it.
#[test]
fn a_probe_from_the_port_of_a_name_server() {
    let Some(lab) = Lab::new(&[]) else { return };
    lab.router
        .sh("iptables -w -A INPUT -p udp --dport 1000 -j DROP");
    let daemon = lab.start(blocking());
    lab.scanner.say(
        b"probe",
        SocketAddr::new(SCANNER, 53),
        SocketAddr::new(ROUTER, 1000),
    );
    lab.log
        .wait_for(|text| text.ends_with(&probed(SCANNER, Udp, 1000)));
    drop(daemon);
}

/// A client with a packet socket, as busybox's, has asked past the kernel; a server that has gone is asked on.
#[test]
fn dhcp() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(blocking());
    for (from, to) in [(67, 68), (68, 67)] {
        let at = SocketAddr::new(ROUTER, to);
        lab.scanner.say(b"dhcp", SocketAddr::new(SCANNER, from), at);
    }
    for (from, to) in [(547, 546), (546, 547)] {
        let at = SocketAddr::new(ROUTER6, to);
        lab.scanner
            .say(b"dhcp", SocketAddr::new(SCANNER6, from), at);
    }
    for (router, port) in [(ROUTER, 68), (ROUTER, 67), (ROUTER6, 546), (ROUTER6, 547)] {
        check_innocent(&lab, &daemon, Udp, SocketAddr::new(router, port));
    }
}

/// To everybody on the wire, on ports that are traps.
#[test]
fn broadcast_and_multicast_chatter() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(config());
    let say = |from: IpAddr, to: &str| {
        let to: SocketAddr = to.parse().unwrap();
        let socket: UdpSocket = lab.scanner.receive(SocketAddr::new(from, to.port()));
        socket.set_broadcast(true).unwrap();
        lab.scanner
            .inside(|| socket.send_to(b"anybody there?", to))
            .unwrap();
    };
    for everybody in [
        "255.255.255.255:67", // DHCP
        "255.255.255.255:68",
        "10.66.0.255:137", // NetBIOS
        "10.66.0.255:138",
        "224.0.0.9:520",       // RIP
        "224.0.0.251:1053",    // as mDNS, on a port that is a trap here
        "239.255.255.250:900", // as SSDP
        "224.0.0.1:321",
    ] {
        say(SCANNER, everybody);
    }
    let device = lab.scanner.sh("ip -o link show eth0");
    let (index, _) = device.split_once(':').unwrap();
    for everybody in ["ff02::9", "ff02::fb", "ff02::1", "ff02::1:2"] {
        say(SCANNER6, &format!("[{everybody}%{index}]:521"));
    }
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    for port in [67, 137, 520, 1053] {
        check_probe(&lab, Udp, port);
    }
}

#[track_caller]
fn check_probe(lab: &Lab, proto: Proto, port: u16) {
    lab.scanner
        .touch(proto, SECOND, SocketAddr::new(ROUTER, port));
    let line = probed(SECOND, proto, port);
    lab.log.wait_for(|text| text.ends_with(&line));
}

/// Led elsewhere by iptables or by nft: a visitor is no scanner, with blocking on, and his talk goes on.
#[test]
fn visitors_of_forwarded_ports() {
    for forwards in super::FORWARDS {
        let Some(lab) = Lab::with_lan(&["nft"]) else {
            return;
        };
        lab.router.sh(forwards);
        let daemon = lab.start(blocking());
        let web = lab.lan().listen((LAN, 8080));
        let mail = lab.router.listen((ROUTER, 2525));
        let quic = lab.lan().receive((LAN, 443));
        for (port, served) in [(80, &web), (25, &mail)] {
            let visitor = lab.scanner.connect(SCANNER, SocketAddr::new(ROUTER, port));
            assert!(visitor.is_some(), "no way in: {port}");
            served.accept().unwrap();
        }
        lab.scanner.query(SCANNER, SocketAddr::new(ROUTER, 443));
        let (_, from) = quic.recv_from(&mut [0; 64]).unwrap();
        assert_eq!(from.ip(), SCANNER);
        daemon.settle();
        assert_eq!(daemon.probe_lines(), [""; 0], "{forwards}");
        assert!(!lab.banned("10.66.0.2/32"), "{forwards}");
        // The protocols that are not forwarded, on the same ports.
        check_probe(&lab, Udp, 80);
        check_probe(&lab, Tcp, 443);
    }
}
