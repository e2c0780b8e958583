//! Scans in the name of those whom the owner needs, and in his own.

use super::{HTTPS, OWNER, SSH, at, check_owner, check_protects, forge, home, start, touched};
use crate::lab::backend::Backend::Nft;
use crate::lab::config::Config;
use crate::lab::held::host;
use crate::lab::namespace::Namespace;
use crate::lab::talk::Session;
use crate::lab::{LAN, ROUTER, eventually};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// The lab's default gateway, which is no address of anybody.
const NEXT_HOP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 66, 0, 254));

/// In this copy a ban lasts eight seconds in the place of ten minutes, which nobody can wait for here; that the
/// shipped one lasts so long, and the next one longer, is shown by `storm::day`.
#[test]
fn the_owners_session_lives_through_a_scan_in_his_name() {
    let Some(lab) = home() else { return };
    let (world, router) = (&lab.scanner, &lab.router);
    // Idle since before the start, and not.
    let mut old = Session::open((world, OWNER), (router, ROUTER), SSH);
    let short = Config::shipped().edit("block_time '10m'", "block_time '8s'");
    let daemon = lab.start(short);
    let mut new = Session::open((world, OWNER), (router, ROUTER), SSH);
    // A door that is open, so that whoever does not come in is kept out by us.
    let door = router.listen((ROUTER, HTTPS));
    forge(&lab, OWNER);
    eventually("a forged ban", || lab.holds(Nft, &host(OWNER)));
    old.check_alive();
    new.check_alive();
    assert!(world.connect(OWNER, at(ROUTER, HTTPS)).is_none());
    eventually("the end of the ban", || {
        world.connect(OWNER, at(ROUTER, HTTPS)).is_some()
    });
    drop(door);
    old.check_alive();
    new.check_alive();
    daemon.settle();
    check_owner(&lab);
}

/// A question and its answer, as of a clock.
#[track_caller]
fn ask(router: &Namespace, server: &UdpSocket) {
    let asked = router.query(ROUTER, server.local_addr().unwrap());
    let (_, asker) = server.recv_from(&mut [0; 16]).unwrap();
    server.send_to(b"noon", asker).unwrap();
    assert_eq!(asked.recv(&mut [0; 16]).unwrap(), 4);
}

#[test]
fn scans_in_the_name_of_those_whom_everybody_needs_break_nothing() {
    let Some(lab) = home() else { return };
    let (world, router, lan) = (&lab.scanner, &lab.router, lab.lan());
    let [resolver, clock, mirror] = [(); 3].map(|()| lab.stranger(ROUTER));
    let nameserver = format!("nameserver {resolver}\n");
    fs::write(router.path("/etc/resolv.conf"), nameserver).unwrap();
    let daemon = start(&lab);
    let [names, time] = [(resolver, 53), (clock, 123)].map(|at| world.receive(at));
    let mut download = Session::open((lan, LAN), (world, mirror), 443);
    let asked = router.query(ROUTER, at(clock, 123));
    let (_, asker) = time.recv_from(&mut [0; 16]).unwrap();

    for innocent in [NEXT_HOP, resolver, clock, mirror] {
        forge(&lab, innocent);
    }
    for banned in [clock, mirror] {
        eventually("a forged ban", || lab.holds(Nft, &host(banned)));
    }
    for kept in [NEXT_HOP, resolver] {
        let line = format!("Host: {kept}/{kept} is protected and is not blocked");
        lab.log.wait_for_text(&line);
        assert!(!touched(&daemon, kept).1, "{kept} is banned");
    }
    // The answer to a question that was under way, and new ones.
    time.send_to(b"noon", asker).unwrap();
    assert_eq!(asked.recv(&mut [0; 16]).unwrap(), 4);
    ask(router, &time);
    ask(router, &names);
    download.check_alive();
    Session::open((lan, LAN), (world, mirror), 443).check_alive();
    Session::open((lan, LAN), (world, clock), 80).check_alive();
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}
