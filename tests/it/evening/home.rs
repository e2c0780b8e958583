//! What the people at home do: scan their own router, try doors that are not open yet, mistype an address.

use super::{HTTPS, OWNER, SSH, VPN, at, check_owner, check_protects, home, start, touch, touched};
use crate::lab::backend::Backend::Nft;
use crate::lab::held::host;
use crate::lab::shipped::traps;
use crate::lab::talk::Session;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{GATEWAY, LAN, ROUTER, ROUTER6, SCANNER6, eventually, scan};

/// By either of its addresses; a LAN is not watched unless it is named.
#[test]
fn a_pc_in_the_lan_scans_the_router() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    let (tcp, udp) = (scan::list(&traps(Tcp)), scan::list(&traps(Udp)));
    for router in [GATEWAY, ROUTER] {
        let _services = [SSH, HTTPS].map(|port| lab.router.listen((router, port)));
        for options in [
            "-sS -T4 --max-retries 1".to_owned(),
            format!("-sT -T4 -p {tcp},{SSH},{HTTPS}"),
            format!("-sU -T4 --max-retries 1 -p {udp}"),
        ] {
            let found = lab.nmap_in(lab.lan(), &options, router);
            if !options.contains("-sU") {
                assert_eq!(found.open, [SSH, HTTPS], "{}", found.said);
            }
        }
    }
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    assert_eq!(touched(&daemon, LAN), (0, false));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}

/// Twenty times each, of a service that does not run yet; then it does.
#[test]
fn the_owner_tries_services_that_are_down() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    for _ in 0..20 {
        touch(&lab, OWNER, Tcp, &[SSH, HTTPS]);
        touch(&lab, OWNER, Udp, &VPN);
    }
    daemon.settle();
    assert_eq!(daemon.probe_lines(), [""; 0]);
    assert_eq!(touched(&daemon, OWNER), (0, false));
    check_owner(&lab);
    let vpn = lab.router.receive(at(ROUTER, VPN[1]));
    lab.scanner.query(OWNER, at(ROUTER, VPN[1]));
    assert_eq!(vpn.recv_from(&mut [0; 16]).unwrap().1.ip(), OWNER);
    check_protects(&lab, ROUTER);
}

/// Telnet in the place of ssh, also when the program tries it again and again. That is counted, and `why` tells
/// it; a second trap would be a scan.
#[test]
fn the_owner_mistypes_a_port() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    touch(&lab, OWNER, Tcp, &[23]);
    eventually("it is counted", || touched(&daemon, OWNER) == (1, false));
    check_owner(&lab);
    touch(&lab, OWNER, Tcp, &[23; 9]);
    daemon.settle();
    assert_eq!(touched(&daemon, OWNER), (1, false));
    let why = daemon.ask(&format!("why {OWNER}")).done();
    assert!(why.contains("\n10 of 1 hits, 1 of 2 traps; "), "{why}");
    assert_eq!(daemon.probe_lines(), [""; 0]);
    check_owner(&lab);
    // Control: somebody whose mistakes are two.
    let other = lab.stranger(ROUTER);
    touch(&lab, other, Tcp, &[23, 21]);
    eventually("a ban", || lab.holds(Nft, &host(other)));
}

/// The other network of the file, `wan6`. A neighbour in the router's own /64 is banned alone.
#[test]
fn a_scan_over_ipv6_is_cut_off_and_the_owner_gets_in() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    let owner = lab.stranger(ROUTER6);
    lab.nmap("-sS -T4 --max-retries 0 -F", ROUTER6);
    eventually("the ban", || lab.holds(Nft, &host(SCANNER6)));
    let (world, router) = (&lab.scanner, &lab.router);
    Session::open((world, owner), (router, ROUTER6), SSH).check_alive();
    assert_eq!(touched(&daemon, owner), (0, false));
    let _door = router.listen((ROUTER6, HTTPS));
    assert!(world.connect(SCANNER6, at(ROUTER6, HTTPS)).is_none());
    check_owner(&lab);
}
