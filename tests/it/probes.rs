//! What each kind of probe is called, in both modes, over IPv4 and IPv6: real nmap, exact lines.

use crate::lab::config::{Config, Mode, TCP_TRAPS, UDP_TRAPS};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, packet, scan};
use std::net::{IpAddr, SocketAddr};

/// A stealth sensor sees everything, and a whole connection begins with a SYN.
const STEALTH: [(&str, Proto, &str); 7] = [
    ("-sT", Tcp, "TCP SYN/Normal scan"),
    ("-sS", Tcp, "TCP SYN/Normal scan"),
    ("-sF", Tcp, "TCP FIN scan"),
    ("-sN", Tcp, " TCP NULL scan"),
    ("-sX", Tcp, "TCP XMAS scan"),
    ("-sU", Udp, "UDP scan"),
    // Begins nothing, so it is no probe.
    ("-sA", Tcp, ""),
];

/// A connect sensor sees finished handshakes, and datagrams.
const CONNECT: [(&str, Proto, &str); 6] = [
    ("-sT", Tcp, "Connect"),
    ("-sS", Tcp, ""),
    ("-sF", Tcp, ""),
    ("-sN", Tcp, ""),
    ("-sX", Tcp, ""),
    ("-sU", Udp, "Connect"),
];

#[test]
fn stealth_names_what_nmap_does_over_ipv4() {
    STEALTH
        .iter()
        .for_each(|row| check(Mode::Stealth, ROUTER, *row));
}

#[test]
fn stealth_names_what_nmap_does_over_ipv6() {
    STEALTH
        .iter()
        .for_each(|row| check(Mode::Stealth, ROUTER6, *row));
}

#[test]
fn connect_names_what_nmap_does_over_ipv4() {
    CONNECT
        .iter()
        .for_each(|row| check(Mode::Connect, ROUTER, *row));
}

#[test]
fn connect_names_what_nmap_does_over_ipv6() {
    CONNECT
        .iter()
        .for_each(|row| check(Mode::Connect, ROUTER6, *row));
}

/// Longer than what the daemon reads of a packet, and than what many a filter lets it read.
#[test]
fn a_probe_with_data_is_a_probe() {
    for length in [300, 1400] {
        let Some(lab) = Lab::new(&["nmap"]) else {
            return;
        };
        let daemon = lab.start(Config::new(Mode::Stealth));
        let ports = scan::list(&TCP_TRAPS);
        lab.nmap(&format!("-sS --data-length {length} -p {ports}"), ROUTER);
        daemon.settle();
        assert_eq!(daemon.probe_lines().len(), TCP_TRAPS.len(), "{length}");
    }
}

/// One scan over all traps and a few other ports: one line for each trap and none for the others.
/// In a lab of its own, because a source's second touch of a trap is not reported again.
#[track_caller]
fn check(mode: Mode, router: IpAddr, (scan, proto, name): (&str, Proto, &str)) {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let daemon = lab.start(Config::new(mode));
    let traps = if proto == Tcp {
        &TCP_TRAPS[..]
    } else {
        &UDP_TRAPS[..]
    };
    let ports = scan::list(traps);
    lab.nmap(&format!("{scan} -p {ports},22,9099,60999"), router);
    daemon.settle();

    let scanner = if router.is_ipv4() { SCANNER } else { SCANNER6 };
    let line = |port: &u16| format!("attackalert: {name} {}", probed(scanner, proto, *port));
    let mut expected: Vec<_> = traps
        .iter()
        .filter(|_| !name.is_empty())
        .map(line)
        .collect();
    let mut lines = daemon.probe_lines();
    expected.sort();
    lines.sort();
    assert_eq!(
        lines, expected,
        "nmap {scan} against {mode:?} traps of {router}"
    );
}

#[test]
fn nmap_in_fragments_is_seen() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let daemon = lab.start(Config::new(Mode::Stealth));
    lab.nmap("-sS -f -p 11,22,111", ROUTER);
    daemon.settle();
    let line = |port| {
        format!(
            "attackalert: TCP Fragment scan {}",
            probed(SCANNER, Tcp, port)
        )
    };
    let mut lines = daemon.probe_lines();
    lines.sort();
    assert_eq!(lines, [line(11), line(111)]);
}

#[test]
fn a_fragment_that_the_network_card_padded_is_not_taken_for_more_than_it_is() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.pads_fragments();
    let daemon = lab.start(Config::new(Mode::Stealth));
    let [from, to] = [SocketAddr::new(SCANNER, 40000), SocketAddr::new(ROUTER, 11)];
    lab.scanner
        .sender()
        .send(&packet::padded_fragment(from, to));
    daemon.settle();
    // The padding is where the flags would be: read as such it would be a NULL scan.
    let line = format!(
        "attackalert: TCP Fragment scan {}",
        probed(SCANNER, Tcp, 11)
    );
    assert_eq!(daemon.probe_lines(), [line]);
}

#[test]
fn unusual_flags_are_spelt_out_and_answers_are_no_probes() {
    let unknown = |bits: &str| format!("Unknown Type: TCP Packet Flags: {bits}");
    let table = [
        ("SF", unknown("SYN: 1 FIN: 1 ACK: 0 PSH: 0 URG: 0 RST: 0")),
        ("P", unknown("SYN: 0 FIN: 0 ACK: 0 PSH: 1 URG: 0 RST: 0")),
        ("SU", unknown("SYN: 1 FIN: 0 ACK: 0 PSH: 0 URG: 1 RST: 0")),
        ("SFPU", "TCP XMAS scan".to_owned()),
        ("A", String::new()),
        ("SA", String::new()),
        ("FA", String::new()),
        ("FPUA", String::new()),
        ("R", String::new()),
        ("RA", String::new()),
    ];
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    let sender = lab.scanner.sender();
    let mut expected = Vec::new();
    for (flags, name) in &table {
        for router in [ROUTER, ROUTER6] {
            let from = lab.stranger(router);
            let to = SocketAddr::new(router, 11);
            sender.send(&packet::tcp(SocketAddr::new(from, 40000), to, flags));
            if !name.is_empty() {
                expected.push(format!("attackalert: {name} {}", probed(from, Tcp, 11)));
            }
        }
    }
    daemon.settle();
    let mut lines = lab.log.texts();
    lines.retain(|line| line.ends_with("TCP port: 11") && line.contains(" from host: "));
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
}

#[test]
fn ip_options_have_a_line_of_their_own_behind_the_probes() {
    let Some(lab) = Lab::new(&[]) else { return };
    let _daemon = lab.start(Config::new(Mode::Stealth));
    let [from, to] = [
        SocketAddr::new(SCANNER, 40000),
        SocketAddr::new(ROUTER, 111),
    ];
    lab.scanner
        .sender()
        .send(&packet::tcp_with_ip_options(from, to, "S"));
    let probe = format!(
        "attackalert: TCP SYN/Normal scan {}",
        probed(SCANNER, Tcp, 111)
    );
    let options = format!(
        "attackalert: Packet from host: {SCANNER}/{SCANNER} to TCP port: 111 has IP options set \
         (detection avoidance technique)."
    );
    lab.log.wait_for_text("per configuration file setting");
    let lines = lab.log.texts();
    let at = lines
        .iter()
        .position(|line| *line == probe)
        .expect("no line about the probe");
    let ignoring = "attackalert: Ignoring TCP response per configuration file setting.";
    assert_eq!(lines[at + 1..=at + 2], [options.as_str(), ignoring]);
}
