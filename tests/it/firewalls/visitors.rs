//! Who is never held: visitors of forwarded ports, of real services, and whoever is ignored.

use super::{at, blocking};
use crate::lab::backend::Backend;
use crate::lab::config::Config;
use crate::lab::held::host;
use crate::lab::talk::check_talk;
use crate::lab::{LAN, Lab, ROUTER, SCANNER, SECOND, eventually, scan};
use std::fs;
use std::net::SocketAddr;

const HOLDING: [Backend; 2] = [Backend::Nft, Backend::Ipset];

/// Ports that are forwarded, and traps all the same. To a port of the same number, to another one, and to the
/// router itself.
const FORWARDED: [(u16, &str); 3] = [
    (3389, "dnat to 10.77.0.2:3389"),
    (5900, "dnat to 10.77.0.2:80"),
    (21, "redirect to :2121"),
];

const TRAPS: &str = "11,15,21,23,3389,5900";

fn config(backend: Backend) -> Config {
    blocking(backend).with("TCP_PORTS", &format!("{TRAPS},{}", Config::control()))
}

#[test]
fn visitors_of_forwarded_ports_that_are_in_the_trap_list_come_in_each_time() {
    let by_nft = |lab: &Lab| {
        let rules = FORWARDED.map(|(port, how)| format!("iifname wan tcp dport {port} {how}\n"));
        lab.router.sh(&format!(
            "nft -f - <<'END'
table ip forwards {{
    chain prerouting {{
        type nat hook prerouting priority dstnat;
        {}
    }}
}}
END",
            rules.concat()
        ));
    };
    let by_iptables = |lab: &Lab| {
        for (port, how) in FORWARDED {
            let how = how
                .replace("dnat to", "DNAT --to")
                .replace("redirect to :", "REDIRECT --to-ports ");
            lab.router.sh(&format!(
                "iptables -w -t nat -A PREROUTING -i wan -p tcp --dport {port} -j {how}"
            ));
        }
    };
    for forward in [by_nft as fn(&Lab), by_iptables] {
        Backend::each(&HOLDING, Lab::with_lan, |lab, backend| {
            forward(lab);
            check_visits(lab, backend);
        });
    }
}

#[track_caller]
fn check_visits(lab: &Lab, backend: Backend) {
    let doors = [
        (3389, lab.lan().listen((LAN, 3389))),
        (5900, lab.lan().listen((LAN, 80))),
        (21, lab.router.listen((ROUTER, 2121))),
    ];
    let daemon = lab.start(config(backend));
    for (port, door) in doors.iter().cycle().take(8) {
        lab.check_visit(at(ROUTER, *port), door);
    }
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    // Control: a trap that is none of theirs.
    check_held(lab, 11, at(ROUTER, 5900));
}

/// Somebody else touches a trap, and does not come in behind it.
#[track_caller]
fn check_held(lab: &Lab, trap: u16, to: SocketAddr) {
    drop(lab.scanner.connect(SECOND, at(ROUTER, trap)));
    assert!(lab.scanner.connect(SECOND, to).is_none(), "nobody is held");
}

#[test]
fn visitors_of_a_service_in_the_trap_list_are_not_held() {
    for early in [true, false] {
        Backend::each(&HOLDING, Lab::new, |lab, backend| {
            let service = || lab.router.listen((ROUTER, 21));
            let before = early.then(service);
            let daemon = lab.start(config(backend));
            let service = before.unwrap_or_else(service);
            lab.check_visit(at(ROUTER, 21), &service);
            for visit in 2..=8 {
                let mut tries =
                    (1..=2).filter_map(|_| lab.scanner.connect(SCANNER, at(ROUTER, 21)));
                let visitor = tries.next();
                // A service that is new is learnt by its first visitor; that takes a moment.
                let mut visitor = visitor.unwrap_or_else(|| panic!("held at visit {visit}"));
                check_talk(&mut visitor, &mut service.accept().unwrap().0);
            }
            daemon.settle();
            assert_eq!(daemon.probe_lines(), [""; 0]);
            check_held(lab, 23, at(ROUTER, 21));
        });
    }
}

/// A connect sensor cannot bind the port of a service, and whoever visits that touches no trap.
#[test]
fn visitors_of_a_service_that_a_connect_sensor_found_are_not_held() {
    Backend::each(&HOLDING, Lab::new, |lab, backend| {
        let service = lab.router.listen((ROUTER, 21));
        let _daemon = lab.start(config(backend).with("TCP_MODE", "connect"));
        lab.log.wait_for_text("could not bind TCP socket: 21");
        for _ in 0..3 {
            lab.check_visit(at(ROUTER, 21), &service);
        }
        assert_eq!(
            lab.log.count(|text| text.contains("from host: 10.66.0.2")),
            0
        );
        // Control: a trap that is one.
        check_held(lab, 11, at(ROUTER, 21));
    });
}

#[test]
fn whoever_is_ignored_may_scan_and_finds_everything() {
    Backend::each(
        &[Backend::Nft, Backend::Ipset, Backend::Iptables],
        Lab::new,
        |lab, backend| {
            let friend = lab.stranger(ROUTER);
            let friends = lab.dir().join("friends");
            fs::write(&friends, format!("{friend}\n")).unwrap();
            let services = [22, 80, 443, 8080, 9099, 32768];
            let _listeners = services.map(|port| lab.router.listen((ROUTER, port)));
            let daemon = lab.start(config(backend).with("IGNORE_FILE", friends.to_str().unwrap()));
            let all = scan::list(&lab.nmap_ports());
            let scan = format!("-sS -T4 -S {friend} -e eth0 -p {all}");
            let found = lab.nmap(&scan, ROUTER);
            assert_eq!(found.open, services, "{}", found.said);
            daemon.settle();
            assert_eq!(daemon.probe_lines(), [""; 0]);
            // Control: somebody else is stopped.
            drop(lab.scanner.connect(SECOND, at(ROUTER, 11)));
            eventually("a ban", || lab.holds(backend, &host(SECOND)));
        },
    );
}
