//! The lab itself, without the daemon: what the other tests take for granted.

use crate::lab::capture::Passed;
use crate::lab::flood::{forged, forged_syn};
use crate::lab::{LAN, Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, eventually, packet};
use std::net::SocketAddr;
use std::process::Stdio;

#[test]
fn a_datagram_to_the_routers_log_arrives_and_none_of_the_machines_files_is_touched() {
    let Some(lab) = Lab::new(&["logger"]) else {
        return;
    };
    lab.router
        .sh("logger --socket /dev/log --tag portsentry hello from the router");
    lab.log.wait_for_text("hello from the router");
    let before = std::fs::read("/etc/hosts.deny").ok();
    lab.router
        .sh("echo 'ALL: 192.0.2.1' >> /etc/hosts.deny; echo x > /run/x; echo y > /dev/null");
    assert_eq!(std::fs::read("/etc/hosts.deny").ok(), before);
    assert!(
        std::fs::read_to_string(lab.router.path("/etc/hosts.deny"))
            .unwrap()
            .contains("192.0.2.1")
    );
}

#[test]
fn nmap_finds_a_service_and_a_firewall_rule_hides_it() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let _service = lab.router.listen("[::]:9099");
    for target in [ROUTER, ROUTER6] {
        assert_eq!(lab.nmap("-sS -p 11,9099", target).open, [9099]);
    }
    lab.router
        .sh("iptables -N PORTSENTRY; iptables -A PORTSENTRY -s 10.66.0.2 -j DROP");
    assert!(lab.banned("10.66.0.2/32"));
    assert!(!lab.banned("10.66.0.3/32"));
    lab.router.sh("iptables -I INPUT -j PORTSENTRY");
    assert_eq!(
        lab.nmap("-sS -p 11,9099 --max-retries 0", ROUTER).open,
        [0; 0]
    );
}

#[test]
fn raw_packets_of_both_families_arrive_as_they_were_made() {
    let Some(lab) = Lab::new(&["nft"]) else {
        return;
    };
    lab.pads_fragments();
    let capture = lab.capture();
    let sender = lab.scanner.sender();
    let at = |address, port| SocketAddr::new(address, port);
    sender.send(&packet::padded_fragment(at(SCANNER, 40000), at(ROUTER, 11)));
    sender.send(&packet::tcp_with_ip_options(
        at(SCANNER, 40001),
        at(ROUTER, 11),
        "S",
    ));
    sender.send(&packet::tcp(at(forged(9), 40002), at(ROUTER, 11), "S"));
    sender.send(&packet::tcp(at(SCANNER6, 40003), at(ROUTER6, 11), "S"));
    let answered = |port| move |p: &Passed| p.to.port() == port && p.rst;
    let seen = capture.until(answered(40003));
    for port in [40001, 40002, 40003] {
        assert!(
            seen.iter().any(answered(port)),
            "no answer to {port} in {seen:#?}"
        );
    }
}

#[test]
fn a_flood_of_forged_sources_is_answered_without_asking_for_neighbours() {
    let Some(lab) = Lab::new(&[]) else { return };
    let sender = lab.scanner.sender();
    (0..20_000).for_each(|n| sender.send(&forged_syn(n)));
    let neighbours = lab.router.sh("ip -4 neigh show dev wan");
    assert!(!neighbours.contains("198.18."), "{neighbours}");
}

#[test]
fn the_lan_reaches_the_scanner_behind_the_routers_address() {
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let server = lab.scanner.listen("10.66.0.2:80");
    let _client = lab
        .lan()
        .connect(LAN, "10.66.0.2:80".parse().unwrap())
        .unwrap();
    assert_eq!(server.accept().unwrap().1.ip(), ROUTER);
}

#[test]
fn firewall_programs_are_noted_and_can_be_held() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    lab.router
        .sh("iptables -N PORTSENTRY; ip6tables -N PORTSENTRY");
    assert_eq!((watch.runs(), watch.most_at_once()), (2, 1));
    watch.hold();
    let list = || {
        let mut list = lab.router.command("iptables");
        list.arg("-S").stdout(Stdio::null()).spawn().unwrap()
    };
    let (mut first, mut second) = (list(), list());
    eventually("both are held", || watch.held() == 2);
    watch.release();
    first.wait().unwrap();
    second.wait().unwrap();
    assert_eq!((watch.runs(), watch.most_at_once()), (4, 2));
    assert_eq!(lab.chain(ROUTER6), Some(Vec::new()));
}
