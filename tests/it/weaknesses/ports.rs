//! The ports of classic sensors, and the answers of stealth ones.

use super::programs::{Program, at_router, both, config};
use crate::lab::flood::{Flood, forged};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, SCANNER, packet};
use std::io::Read;
use std::net::SocketAddr;

#[test]
fn w1_12_ports_are_reported_right_after_a_failed_bind() {
    let test = |lab: &Lab, program: &Program| {
        let _service = lab.router.listen(at_router(79));
        let _it = program.start(lab, &["-tcp"], config());
        lab.scanner.touch(Tcp, SCANNER, at_router(111));
        let line = lab.log.wait_for_text("from host: 10.66.0.2/").text();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    both(test, ("111".to_owned(), "79".to_owned()));
}

#[test]
fn w1_13_no_port_is_lost_to_a_connection_that_lingers() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-tcp"], config());
        let mut touch = lab.scanner.connect(SCANNER, at_router(11)).unwrap();
        // Until the trap has hung up: its side lingers then (TIME_WAIT).
        assert_eq!(touch.read(&mut [0; 9]).unwrap(), 0);
        drop((touch, it));
        let _it = program.start(lab, &["-tcp"], config());
        lab.log.count(|text| text.contains("could not bind"))
    };
    both(test, (0, 1));
}

/// So many SYNs to one trap, and as fast as they can be sent. 1.2 opens the port for a moment at each.
#[test]
fn w1_31_and_w2_b9_a_trap_never_answers_a_flood_of_syns() {
    const SYNS: u32 = 200_000;
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], config());
        lab.router
            .sh("iptables -w -A OUTPUT -p tcp --tcp-flags SYN,ACK SYN,ACK");
        let syn = |n| packet::tcp(SocketAddr::new(forged(n), 40000), at_router(11), "S");
        let mut answers = 0;
        Flood::during(lab, syn, |flood| {
            for step in 1..=20 {
                flood.reaches(step * SYNS / 20);
                answers = syn_acks(lab);
                if answers > 0 {
                    return;
                }
            }
        });
        drop(it);
        answers.max(syn_acks(lab)) > 0
    };
    both(test, (false, true));
}

fn syn_acks(lab: &Lab) -> u64 {
    let rules = lab.router.sh("iptables -w -nvxL OUTPUT");
    let counts = rules.lines().nth(2).unwrap();
    counts.split_whitespace().next().unwrap().parse().unwrap()
}
