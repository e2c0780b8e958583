//! The advanced modes: every port that nobody uses is a trap, whoever uses it and for how long.

mod lines;
mod neighbours;
mod services;

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{LAN, Lab, ROUTER, ROUTER6, SCANNER, SCANNER6};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The first 1,100 ports, and behind a gap the lab's own control traps.
fn config() -> Config {
    let mut config = Config::new(Mode::Advanced);
    for proto in ["TCP", "UDP"] {
        let [extent, excluded] = match proto {
            "TCP" => ["ADVANCED_PORTS_TCP", "ADVANCED_EXCLUDE_TCP"],
            _ => ["ADVANCED_PORTS_UDP", "ADVANCED_EXCLUDE_UDP"],
        };
        config = config
            .with(extent, "61010")
            .with(excluded, "113, 139,600-602,1100-60999");
    }
    config
}

fn blocking() -> Config {
    config().with("BLOCK_TCP", "1").with("BLOCK_UDP", "1")
}

/// What a scan of ports 1 to 1,100 touches: all but what is excluded, and but `used`.
fn traps(used: &[u16]) -> BTreeSet<u16> {
    let excluded = |port: &u16| matches!(port, 113 | 139 | 600..=602 | 1100);
    let is_trap = |port: &u16| !excluded(port) && !used.contains(port);
    (1..=1100).filter(is_trap).collect()
}

/// The ports of the lines about a source, each of which must be there once.
#[track_caller]
fn touched(lines: &[String], words: &str, from: IpAddr, proto: Proto) -> BTreeSet<u16> {
    let start = format!("attackalert: {words} from host: {from}/{from} to {proto} port: ");
    let ports = lines.iter().filter_map(|line| line.strip_prefix(&start));
    let ports: Vec<u16> = ports.map(|port| port.parse().unwrap()).collect();
    let once: BTreeSet<u16> = ports.iter().copied().collect();
    assert_eq!(ports.len(), once.len(), "a port was reported twice");
    once
}

/// The ports of which one of the two sets is wrong.
#[track_caller]
fn check_touched(lines: &[String], words: &str, from: IpAddr, proto: Proto, used: &[u16]) {
    let (found, expected) = (touched(lines, words, from, proto), traps(used));
    let missed: Vec<_> = expected.difference(&found).collect();
    let surplus: Vec<_> = found.difference(&expected).collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "{proto}: missed {missed:?}, and not traps: {surplus:?}"
    );
}

/// The kernel rations what it says about closed UDP ports for the machine as a whole, too; nmap would wait for it.
fn answers_freely(lab: &Lab) {
    lab.router.sh("cd /proc/sys/net/ipv4
         [ ! -w icmp_msgs_per_sec ] || echo 100000 > icmp_msgs_per_sec
         [ ! -w icmp_msgs_burst ] || echo 10000 > icmp_msgs_burst");
}

/// A visitor of a forwarded port, in the ways that a firewall has of leading it elsewhere.
const FORWARDS: [&str; 2] = [
    "iptables -w -t nat -A PREROUTING -i wan -p tcp --dport 80 -j DNAT --to 10.77.0.2:8080
     iptables -w -t nat -A PREROUTING -i wan -p udp --dport 443 -j DNAT --to 10.77.0.2:443
     iptables -w -t nat -A PREROUTING -i wan -p tcp --dport 25 -j REDIRECT --to-ports 2525",
    "nft add table ip forwards
     nft add chain ip forwards pre '{ type nat hook prerouting priority -100; }'
     nft add rule ip forwards pre iif wan tcp dport 80 dnat to 10.77.0.2:8080
     nft add rule ip forwards pre iif wan udp dport 443 dnat to 10.77.0.2:443
     nft add rule ip forwards pre iif wan tcp dport 25 redirect to :2525",
];

#[test]
fn nmap_touches_each_port_that_nobody_uses_once_and_no_other() {
    for forwards in FORWARDS {
        let Some(lab) = Lab::with_lan(&["nmap", "nft"]) else {
            return;
        };
        lab.router.sh(forwards);
        answers_freely(&lab);
        let _web = lab.lan().listen((LAN, 8080));
        let _quic = lab.lan().receive((LAN, 443));
        // One there before the daemon, one after it; one on one address, one on all of both families.
        let _ssh = lab.router.listen((ROUTER, 22));
        let daemon = lab.start(config());
        let _mail = lab.router.listen((ROUTER, 2525));
        let _late = lab.router.listen((ANY, 1050));
        let _names = lab.router.receive((ANY, 53));
        let syn = lab.nmap("-sS -p 1-1100", ROUTER);
        assert_eq!(syn.open, [22, 25, 80, 1050], "{}", syn.said);
        lab.nmap("-sU -p 1-1100", ROUTER);
        daemon.settle();
        let lines = daemon.probe_lines();
        let (syn, udp) = ("TCP SYN/Normal scan", "UDP scan");
        check_touched(&lines, syn, SCANNER, Tcp, &[22, 25, 80, 1050]);
        check_touched(&lines, udp, SCANNER, Udp, &[53, 443]);
    }
}

#[test]
fn nmap_over_ipv6_touches_the_same_ports() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    answers_freely(&lab);
    let daemon = lab.start(config());
    let _ssh = lab.router.listen((ROUTER6, 22));
    let _web = lab.router.listen((ANY, 80));
    let _names = lab.router.receive((ROUTER6, 53));
    lab.nmap("-sS -p 1-1100", ROUTER6);
    lab.nmap("-sU -p 1-1100", ROUTER6);
    daemon.settle();
    let lines = daemon.probe_lines();
    check_touched(&lines, "TCP SYN/Normal scan", SCANNER6, Tcp, &[22, 80]);
    check_touched(&lines, "UDP scan", SCANNER6, Udp, &[53]);
}

/// Behind a firewall that answers nothing nmap asks again, and each port comes again behind hundreds of others.
#[test]
fn nmap_that_gets_no_answer_touches_each_port_once_too() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    lab.router.sh("iptables -w -A INPUT -s 10.66.0.2 -j DROP");
    let daemon = lab.start(config());
    lab.nmap(
        "-sS -p 1-1100 --max-retries 1 --min-parallelism 400",
        ROUTER,
    );
    daemon.settle();
    let lines = daemon.probe_lines();
    check_touched(&lines, "TCP SYN/Normal scan", SCANNER, Tcp, &[]);
}

#[test]
fn an_advanced_sensor_works_beside_a_connect_sensor() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Stealth).run_with(&["-atcp", "-udp"]);
    let daemon = lab.start(config);
    for (proto, port) in [(Tcp, 513), (Udp, 161)] {
        lab.scanner
            .touch(proto, SCANNER, SocketAddr::new(ROUTER, port));
    }
    daemon.settle();
    let mut lines = daemon.probe_lines();
    lines.sort();
    let expected = [
        format!("attackalert: Connect {}", probed(SCANNER, Udp, 161)),
        format!(
            "attackalert: TCP SYN/Normal scan {}",
            probed(SCANNER, Tcp, 513)
        ),
    ];
    assert_eq!(lines, expected);
}

/// 1.2 watched all 65,536 ports when nothing was excluded and nothing in use.
#[test]
fn a_machine_without_services_and_exclusions_has_traps_in_the_extent_only() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::new(Mode::Advanced)
        .with("TCP_PORTS", "1")
        .with("UDP_PORTS", "1")
        .with("ADVANCED_PORTS_TCP", "61010")
        .with("ADVANCED_PORTS_UDP", "61010");
    let daemon = lab.start(config);
    for port in [61009, 61010, 65535] {
        for proto in [Tcp, Udp] {
            lab.scanner
                .touch(proto, SCANNER, SocketAddr::new(ROUTER, port));
        }
    }
    daemon.settle();
    let mut lines = daemon.probe_lines();
    lines.sort();
    let expected = [
        format!(
            "attackalert: TCP SYN/Normal scan {}",
            probed(SCANNER, Tcp, 61009)
        ),
        format!("attackalert: UDP scan {}", probed(SCANNER, Udp, 61009)),
    ];
    assert_eq!(lines, expected);
}
