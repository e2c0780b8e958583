//! What 1.2 saw and should not have, or should have seen.

use super::programs::{Program, Started, at_router, blocking, both, config, world};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER6, SCANNER, SCANNER6, SECOND, packet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::thread::sleep;
use std::time::Duration;

fn syn(from: IpAddr, port: u16) -> Vec<u8> {
    packet::tcp(SocketAddr::new(from, 40000), at_router(port), "S")
}

/// So many reports of a datagram of the scanner's to port 32771.
fn reports(many: usize) -> Vec<String> {
    vec![format!("attackalert: UDP scan {}", probed(SCANNER, Udp, 32771)); many]
}

#[test]
fn w1_01_a_forged_packet_does_not_cut_the_gateway_off() {
    let test = |lab: &Lab, program: &Program| {
        let routes = lab.dir().join("daemon/routes");
        let note = format!("echo $TARGET$ >>{}", routes.display());
        let it = program.start(lab, &["-stcp"], blocking().with("KILL_ROUTE", &note));
        let sender = lab.scanner.sender();
        sender.send(&syn("10.66.0.254".parse().unwrap(), 11));
        sender.send(&syn(SECOND, 79));
        it.read_until("routes", "10.66.0.3\n")
    };
    let all = "10.66.0.254\n10.66.0.3\n";
    both(test, ("10.66.0.3\n".to_owned(), all.to_owned()));
}

#[test]
fn w1_02_a_late_answer_is_no_scan() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-sudp"], config());
        let server = SocketAddr::new(SCANNER, 53);
        let listening = lab.scanner.receive(server);
        let asking = lab.router.say(b"query", at_router(32771), server);
        let (_, asker) = listening.recv_from(&mut [0; 64]).unwrap();
        drop(asking);
        listening.send_to(b"late answer", asker).unwrap();
        it.settle(Udp);
        it.probe_lines()
    };
    both(test, (reports(0), reports(1)));
}

#[test]
fn w1_03_what_is_sent_to_everybody_is_no_scan() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-sudp"], config());
        let chatter = lab.scanner.receive((SCANNER, 0));
        chatter.set_broadcast(true).unwrap();
        let say = || chatter.send_to(b"anybody there?", "10.66.0.255:32771");
        lab.scanner.inside(say).unwrap();
        it.settle(Udp);
        it.probe_lines()
    };
    both(test, (reports(0), reports(1)));
}

#[test]
fn w1_05_a_probe_over_ipv6_is_seen() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], config());
        let to = SocketAddr::new(ROUTER6, 11);
        lab.scanner.touch(Tcp, SCANNER6, to);
        // Twice: the first, over IPv4, may be reported just before the other socket is looked at.
        it.settle(Tcp);
        it.settle(Tcp);
        it.probe_lines().len()
    };
    both(test, (1, 0));
}

#[test]
fn w1_06_a_probe_that_the_firewall_drops_is_seen() {
    let test = |lab: &Lab, program: &Program| {
        lab.router
            .sh("iptables -w -A INPUT -p tcp --dport 11 -j DROP");
        let it = program.start(lab, &["-stcp"], config());
        lab.scanner.sender().send(&syn(SCANNER, 11));
        it.settle(Tcp);
        it.probe_lines().len()
    };
    both(test, (1, 0));
}

#[test]
fn w1_07_a_source_that_is_blocked_does_not_fill_the_log() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], blocking());
        let sender = lab.scanner.sender();
        for _ in 0..100 {
            sender.send(&syn(SCANNER, 11));
        }
        it.settle(Tcp);
        lab.log.count(|text| text.contains("10.66.0.2")) < 10
    };
    both(test, (true, false));
}

#[test]
fn w1_08_sixty_others_do_not_make_it_forget_a_scanner() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], config().with("SCAN_TRIGGER", "2"));
        let sender = lab.scanner.sender();
        sender.send(&syn(SCANNER, 11));
        (1..=60).for_each(|n| sender.send(&syn(world(n), 11)));
        sender.send(&syn(SCANNER, 79));
        it.settle(Tcp);
        it.probe_lines().len()
    };
    both(test, (1, 0));
}

#[test]
fn w1_17_a_name_is_not_taken_for_an_address() {
    let test = |lab: &Lab, program: &Program| {
        // The name that a scanner gives his own address is another's address.
        lab.router.sh(&format!(
            "echo {SCANNER} 192.0.2.9 >/run/hosts; mount --bind /run/hosts /etc/hosts"
        ));
        let _it = program.start(lab, &["-stcp"], config().with("RESOLVE_HOST", "1"));
        lab.scanner.sender().send(&syn(SCANNER, 11));
        let line = lab.log.wait_for_text("/10.66.0.2 to TCP port: 11").text();
        line.contains("192.0.2.9")
    };
    both(test, (false, true));
}

#[test]
fn w1_18_an_indented_line_of_the_ignore_file_counts() {
    let test = |lab: &Lab, program: &Program| {
        fs::create_dir(lab.dir().join("daemon")).unwrap();
        fs::write(lab.dir().join("daemon/ignore"), " 10.66.0.2\n").unwrap();
        let it = program.start(lab, &["-stcp"], config());
        lab.scanner.sender().send(&syn(SCANNER, 11));
        it.settle(Tcp);
        it.probe_lines().len()
    };
    both(test, (0, 1));
}

#[test]
fn w1_23_a_retransmission_is_no_second_touch() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], config().with("SCAN_TRIGGER", "2"));
        let sender = lab.scanner.sender();
        (0..2).for_each(|_| sender.send(&syn(SCANNER, 11)));
        it.settle(Tcp);
        it.probe_lines().len()
    };
    both(test, (0, 1));
}

#[test]
fn w1_23_a_trigger_above_fifty_is_one() {
    let test = |lab: &Lab, program: &Program| {
        let traps: Vec<u16> = (1001..=1060).collect();
        let ports = crate::lab::scan::list(&traps);
        let config = config()
            .with("TCP_PORTS", &ports)
            .with("SCAN_TRIGGER", "60");
        let it = program.start(lab, &["-stcp"], config);
        let sender = lab.scanner.sender();
        traps
            .iter()
            .for_each(|trap| sender.send(&syn(SCANNER, *trap)));
        let last = probed(SCANNER, Tcp, 1060);
        lab.log.wait_for(|text| text.ends_with(&last));
        it.probe_lines().len()
    };
    both(test, (1, 60));
}

#[test]
fn w1_30_packets_of_connections_are_not_copied() {
    const PACKETS: u64 = 2000;
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], config());
        let before = work(&it);
        let sender = lab.scanner.sender();
        let ack = packet::tcp(SocketAddr::new(SCANNER, 40000), at_router(9099), "A");
        for _ in 0..PACKETS / 50 {
            (0..50).for_each(|_| sender.send(&ack));
            // What does not fit into a socket's buffer is lost, and costs 1.2 nothing.
            sleep(Duration::from_millis(2));
        }
        it.settle(Tcp);
        work(&it) - before < PACKETS / 10
    };
    both(test, (true, false));
}

/// How often it went to sleep, and how often it read.
fn work(it: &Started) -> u64 {
    let number = |file: &str, field: &str| {
        let text = fs::read_to_string(format!("/proc/{}/{file}", it.pid())).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(field));
        value.unwrap().trim().parse::<u64>().unwrap()
    };
    number("status", "voluntary_ctxt_switches:") + number("io", "syscr:")
}

#[test]
fn w1_19_an_advanced_sensor_without_services_keeps_to_its_ports() {
    let test = |lab: &Lab, program: &Program| {
        let config = config()
            .with("ADVANCED_PORTS_TCP", "100")
            .with("ADVANCED_EXCLUDE_TCP", "");
        let it = program.start(lab, &["-atcp"], config);
        let sender = lab.scanner.sender();
        sender.send(&syn(SCANNER, 5000));
        sender.send(&syn(SCANNER, 50));
        let line = probed(SCANNER, Tcp, 50);
        lab.log.wait_for(|text| text.ends_with(&line));
        it.probe_lines().len()
    };
    both(test, (1, 2));
}
