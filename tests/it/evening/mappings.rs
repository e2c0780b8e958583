//! Ports of the router that lead into the LAN, and are traps all the same by their number.

use super::{OWNER, at, check_owner, check_protects, home, start, touched};
use crate::lab::{LAN, ROUTER, SCANNER};

/// Two forwarded ports, which is as many traps as ban: eight visits, the first one right behind the start.
#[test]
fn visitors_of_forwarded_traps_come_in_after_a_restart() {
    let Some(lab) = home() else { return };
    let doors =
        [(3389, 3389), (5900, 80)].map(|(port, door)| (port, lab.lan().listen((LAN, door))));
    assert!(start(&lab).stop().success());
    let daemon = start(&lab);
    for (port, door) in doors.iter().cycle().take(8) {
        lab.check_visit(at(ROUTER, *port), door);
    }
    assert_eq!(touched(&daemon, SCANNER), (0, false));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}

/// The machine in the LAN is up and its service down. Then it resets each connection, which the kernel forgets at
/// once (nf_conntrack_proto_tcp.c: a reset is the only answer). We ask too late and take it for a probe: of one
/// trap, however often he tries.
#[test]
fn a_visitor_of_a_forwarded_trap_that_nobody_serves_is_not_banned() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    for _ in 0..20 {
        assert!(lab.scanner.connect(OWNER, at(ROUTER, 3389)).is_none());
    }
    daemon.settle();
    let (traps, banned) = touched(&daemon, OWNER);
    assert!(traps <= 1 && !banned, "{traps} traps");
    assert_eq!(daemon.probe_lines(), [""; 0]);
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}

/// A mail server at home, which the owner's phone asks for two of its ports, and which goes down for an evening.
#[test]
fn visitors_of_forwarded_traps_that_were_served_before_are_not_banned() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    let visit = |port| lab.scanner.connect(OWNER, at(ROUTER, port));
    for (port, served) in [(3389, 3389), (5900, 80)] {
        let _door = lab.lan().listen((LAN, served));
        assert!(visit(port).is_some());
    }
    for port in [3389, 5900].into_iter().cycle().take(20) {
        assert!(visit(port).is_none());
    }
    daemon.settle();
    assert_eq!(touched(&daemon, OWNER), (0, false));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}

/// As miniupnpd maps ports while we run, for a console or a torrent. Peers come even when the mapping is gone.
#[test]
fn visitors_of_ports_that_are_mapped_while_we_run_come_in() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    let door = lab.lan().listen((LAN, 6881));
    for port in [8888, 1723] {
        lab.router.sh(&format!(
            "nft add rule inet fw4 upnp iifname wan tcp dport {port} dnat ip to {LAN}:6881"
        ));
    }
    for port in [8888, 1723].into_iter().cycle().take(8) {
        lab.check_visit(at(ROUTER, port), &door);
    }
    assert_eq!(touched(&daemon, SCANNER), (0, false));
    lab.router.sh("nft flush chain inet fw4 upnp");
    for _ in 0..8 {
        assert!(lab.scanner.connect(SCANNER, at(ROUTER, 8888)).is_none());
    }
    daemon.settle();
    assert_eq!(touched(&daemon, SCANNER), (0, false));
    assert_eq!(daemon.probe_lines(), [""; 0]);
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}
