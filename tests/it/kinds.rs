//! The extended kinds: what real nmap does with ACK and with all flags is seen on traps below 1024, and the middle
//! of an honest connection is not.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::talk::check_talk;
use crate::lab::touch::Proto::Tcp;
use crate::lab::touch::Sender;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, SECOND, eventually, packet, scan};
use portsentry::limits::LISTENERS_AGE;
use portsentry::net::Family;
use socket2::{Domain, Socket, Type};
use std::net::{IpAddr, SocketAddr};
use std::thread::sleep;

fn extended(mode: Mode) -> Config {
    Config::new(mode).with("KINDS", "extended")
}

/// 1.2's line about a segment of no kind that it has a name for.
fn line(bits: &str, from: IpAddr, port: u16) -> String {
    let probed = probed(from, Tcp, port);
    format!("attackalert: Unknown Type: TCP Packet Flags: {bits} {probed}")
}

const ACK: &str = "SYN: 0 FIN: 0 ACK: 1 PSH: 0 URG: 0 RST: 0";

/// What nmap is asked for, and the flags that are reported.
const SCANS: [(&str, &str); 6] = [
    ("-sA", ACK),
    ("-sW", ACK),
    ("-sM", "SYN: 0 FIN: 1 ACK: 1 PSH: 0 URG: 0 RST: 0"),
    (
        "-sS --scanflags all",
        "SYN: 1 FIN: 1 ACK: 1 PSH: 1 URG: 1 RST: 1",
    ),
    (
        "-sS --scanflags SYNRST",
        "SYN: 1 FIN: 0 ACK: 0 PSH: 0 URG: 0 RST: 1",
    ),
    (
        "-sA --scanflags ACKPSH",
        "SYN: 0 FIN: 0 ACK: 1 PSH: 1 URG: 0 RST: 0",
    ),
];

/// Each scan touches all traps, and two ports that are none; so much of it is to be reported.
#[track_caller]
fn check(config: Config, is_seen: impl Fn(u16) -> bool) {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    Family::BOTH.iter().for_each(|family| lab.tracks(*family));
    let ports = scan::list(&TCP_TRAPS);
    for (router, scanner) in [(ROUTER, SCANNER), (ROUTER6, SCANNER6)] {
        for (scan, bits) in SCANS {
            // All odd flags are one kind, and its second touch of a trap would not be reported.
            let daemon = lab.start(config.clone());
            let before = daemon.probe_lines().len();
            lab.nmap(&format!("{scan} -p {ports},1100,60999"), router);
            daemon.settle();
            let mut lines = daemon.probe_lines().split_off(before);
            let traps = TCP_TRAPS.iter().filter(|port| is_seen(**port));
            let mut expected: Vec<_> = traps.map(|port| line(bits, scanner, *port)).collect();
            lines.sort();
            expected.sort();
            assert_eq!(lines, expected, "nmap {scan} of {router}");
        }
    }
}

#[test]
fn nmap_with_ack_and_with_all_flags_is_seen_on_traps_below_1024() {
    check(extended(Mode::Stealth), |port| port < 1024);
}

#[test]
fn advanced_sensors_see_the_same() {
    let config = extended(Mode::Advanced)
        .with("ADVANCED_PORTS_TCP", "61010")
        .with("ADVANCED_EXCLUDE_TCP", "1,512-515,1100-60999");
    check(config, |port| {
        port < 1024 && ![1, 512, 513, 514, 515].contains(&port)
    });
}

#[test]
fn a_reload_turns_them_on_and_off() {
    let Some(lab) = Lab::new(&[]) else { return };
    lab.tracks(Family::V4);
    let mut daemon = lab.start(Config::new(Mode::Stealth));
    let sender = lab.scanner.sender();
    for (nth, kinds, port, seen) in [
        (1, "extended", 11, 1),
        (2, "classic", 15, 0),
        (3, "extended", 79, 1),
    ] {
        daemon.reload(Config::new(Mode::Stealth).with("KINDS", kinds));
        let is_done = |text: &str| text.ends_with("is read again and in force");
        lab.log.wait_for_many(nth, is_done);
        send(&sender, SCANNER, port, "A");
        daemon.settle();
        let line = line(ACK, SCANNER, port);
        assert_eq!(lab.log.count(|text| text == line), seen, "{kinds}");
    }
}

fn send(sender: &Sender, from: IpAddr, port: u16, flags: &str) {
    let from = SocketAddr::new(from, 40000);
    sender.send(&packet::tcp(from, SocketAddr::new(ROUTER, port), flags));
}

#[test]
fn a_scanner_with_ack_is_banned() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let daemon = lab.start(extended(Mode::Stealth).with("BLOCK_TCP", "1"));
    for (router, prefix) in [(ROUTER, "10.66.0.2/32"), (ROUTER6, "fd66::2/128")] {
        lab.nmap("-sA -p 79", router);
        eventually("the ban", || lab.banned(prefix));
    }
    daemon.settle();
}

/// Whether the kernel tracks connections, those of IPv4 only, or none.
#[track_caller]
fn with_and_without_tracking(test: impl Fn(&Lab, &Daemon)) {
    for tracked in [&Family::BOTH[..], &[Family::V4], &[]] {
        let Some(lab) = Lab::new(&[]) else { return };
        tracked.iter().for_each(|family| lab.tracks(*family));
        let daemon = lab.start(extended(Mode::Stealth));
        test(&lab, &daemon);
        daemon.settle();
        assert_eq!(daemon.probe_lines(), [""; 0], "tracked: {tracked:?}");
        // Control: the port is a trap, and an ACK to it is seen where somebody knows that it is no answer.
        let sender = lab.scanner.sender();
        send(&sender, SECOND, LOW, "A");
        send(&sender, SCANNER, LOW, "SFA");
        daemon.settle();
        let odd = "SYN: 1 FIN: 1 ACK: 1 PSH: 0 URG: 0 RST: 0";
        let ack = tracked.first().map(|_| line(ACK, SECOND, LOW));
        let expected: Vec<_> = ack.into_iter().chain([line(odd, SCANNER, LOW)]).collect();
        assert_eq!(daemon.probe_lines(), expected, "tracked: {tracked:?}");
    }
}

/// A trap below 1024.
const LOW: u16 = 513;

/// As sshd's sessions do while it is started anew.
#[test]
fn a_connection_outlives_the_listener_of_its_service() {
    with_and_without_tracking(|lab, daemon| {
        for (router, scanner) in [(ROUTER, SCANNER), (ROUTER6, SCANNER6)] {
            let at = SocketAddr::new(router, LOW);
            let service = lab.router.listen(at);
            // Longer than the list of listeners is believed; again below.
            sleep(2 * LISTENERS_AGE);
            let mut visitor = lab.scanner.connect(scanner, at).unwrap();
            let mut session = service.accept().unwrap().0;
            // The beginning was looked at while somebody listened.
            daemon.settle();
            drop(service);
            sleep(2 * LISTENERS_AGE);
            check_talk(&mut visitor, &mut session);
        }
    });
}

/// As an NFS client does: from a port below 1024.
#[test]
fn an_answer_to_the_routers_own_connection_from_a_low_port() {
    with_and_without_tracking(|lab, _| {
        for (router, scanner) in [(ROUTER, SCANNER), (ROUTER6, SCANNER6)] {
            let at = SocketAddr::new(scanner, 2049);
            let server = lab.scanner.listen(at);
            let mut client = lab.router.inside(|| {
                let socket = Socket::new(Domain::for_address(at), Type::STREAM, None).unwrap();
                socket.bind(&SocketAddr::new(router, LOW).into()).unwrap();
                socket.connect(&at.into()).unwrap();
                socket
            });
            check_talk(&mut client, &mut server.accept().unwrap().0);
        }
    });
}
