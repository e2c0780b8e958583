//! Packets to trap ports that are no probes, each with a control that is one.
//!
//! Blocking is on in all of them, because a false alarm would cut somebody off.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::talk::check_talk;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{GATEWAY, LAN, Lab, ROUTER, SCANNER, SECOND, eventually};
use std::net::{SocketAddr, UdpSocket};

/// A server in the world outside, as a resolver or a QUIC server would be.
const SERVER: SocketAddr = SocketAddr::new(SCANNER, 5353);

fn at_router(port: u16) -> SocketAddr {
    SocketAddr::new(ROUTER, port)
}

/// Nothing was logged and nobody is banned, but a real probe of the same port is.
#[track_caller]
fn check_innocent(lab: &Lab, daemon: &Daemon, proto: Proto, port: u16) {
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    assert!(!lab.banned("10.66.0.2/32"));
    check_probe(lab, proto, port);
}

#[track_caller]
fn check_probe(lab: &Lab, proto: Proto, port: u16) {
    let line = probed(SECOND, proto, port);
    // Several times: for a moment after a service has gone the daemon still takes the port for one.
    eventually("a probe of the same port", || {
        lab.scanner.touch(proto, SECOND, at_router(port));
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
}

/// Asks from `client`, lets the server in the world answer, and wants the answer to arrive.
#[track_caller]
fn ask(lab: &Lab, client: &UdpSocket, server: &UdpSocket) -> SocketAddr {
    let mut buffer = [0; 64];
    let (_, asker) = server.recv_from(&mut buffer).unwrap();
    server.send_to(b"answer", asker).unwrap();
    let length = client.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"answer");
    // And once more, as late answers and second packets of a stream come.
    server.send_to(b"answer", asker).unwrap();
    assert!(lab.log.count(|text| text.contains("10.66.0.2")) == 0);
    asker
}

#[test]
fn an_answer_to_a_masqueraded_query_from_a_trap_port() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let server = lab.scanner.receive(SERVER);
    let client = lab.lan().say(b"query", SocketAddr::new(LAN, 54321), SERVER);
    let asker = ask(&lab, &client, &server);
    assert_eq!(
        asker,
        at_router(54321),
        "masquerading keeps the port, so the answer is to a trap"
    );
    check_innocent(&lab, &daemon, Udp, 54321);
}

#[test]
fn an_answer_to_the_routers_own_query_from_a_trap_port() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let server = lab.scanner.receive(SERVER);
    let client = lab.router.say(b"query", at_router(32771), SERVER);
    let asker = ask(&lab, &client, &server);
    assert_eq!(asker, at_router(32771));
    // Late: whoever asked has gone, and only conntrack remembers the question.
    drop(client);
    server.send_to(b"late answer", asker).unwrap();
    check_innocent(&lab, &daemon, Udp, 32771);
}

#[test]
fn a_visitor_of_a_forwarded_port_that_is_in_the_trap_list() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    lab.router.sh(&format!(
        "iptables -w -t nat -A PREROUTING -i wan -p tcp --dport 1524 -j DNAT --to {LAN}:80"
    ));
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let web = lab.lan().listen((LAN, 80));
    let mut visitor = lab
        .scanner
        .connect(SCANNER, at_router(1524))
        .expect("no way in");
    let (mut served, from) = web.accept().unwrap();
    assert_eq!(from.ip(), SCANNER);
    check_talk(&mut visitor, &mut served);
    // The port is no trap here, so the control is another one.
    check_innocent(&lab, &daemon, Tcp, 31337);
}

#[test]
fn traffic_that_is_forwarded_between_two_other_hosts() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let web = lab.lan().listen((LAN, 1524));
    let mut visitor = lab
        .scanner
        .connect(SCANNER, SocketAddr::new(LAN, 1524))
        .expect("no way");
    check_talk(&mut visitor, &mut web.accept().unwrap().0);
    let resolver = lab.lan().receive((LAN, 161));
    let client = lab.scanner.query(SCANNER, SocketAddr::new(LAN, 161));
    ask(&lab, &client, &resolver);
    check_innocent(&lab, &daemon, Tcp, 1524);
    check_probe(&lab, Udp, 161);
    // The LAN's side of the router is its own address as well, and a trap.
    lab.lan().touch(Tcp, LAN, SocketAddr::new(GATEWAY, 79));
    lab.log
        .wait_for(|text| text.ends_with(&probed(LAN, Tcp, 79)));
}

#[test]
fn a_local_service_inside_the_trap_list() {
    // Whether it was there before the daemon, or has come since.
    for before in [true, false] {
        let Some(lab) = Lab::new(&[]) else { return };
        let services = || {
            let tcp = lab.router.listen(at_router(1524));
            let udp = lab.router.receive(at_router(161));
            (tcp, udp)
        };
        let early = before.then(services);
        let daemon = lab.start(Config::blocking(Mode::Stealth));
        let (tcp, udp) = early.unwrap_or_else(services);
        let mut visitor = lab.scanner.connect(SCANNER, at_router(1524)).unwrap();
        check_talk(&mut visitor, &mut tcp.accept().unwrap().0);
        let client = lab.scanner.query(SCANNER, at_router(161));
        ask(&lab, &client, &udp);
        check_innocent(&lab, &daemon, Tcp, 31337);
        check_probe(&lab, Udp, 700);
    }
}
