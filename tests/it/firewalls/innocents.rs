//! Forged scans in the name of those whom the router and its LAN need: nothing that these began breaks, and no
//! session dies.

use super::{SERVICE, at, blocking};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, TCP_TRAPS, UDP_TRAPS};
use crate::lab::held::{host, scanner};
use crate::lab::talk::Session;
use crate::lab::{LAN, Lab, ROUTER, SCANNER, eventually, packet};
use std::net::{IpAddr, Ipv4Addr};

const FIREWALLS: [Backend; 3] = [Backend::Nft, Backend::Ipset, Backend::Iptables];

/// The lab's default gateway, which is no address of anybody.
const NEXT_HOP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 66, 0, 254));

fn config(backend: Backend) -> Config {
    blocking(backend).with("BLOCK_TIME", "10m")
}

/// A scan of all traps that says it comes from somebody else.
fn forge(lab: &Lab, from: IpAddr) {
    let sender = lab.scanner.sender();
    for port in TCP_TRAPS {
        sender.send(&packet::tcp(at(from, 40000), at(ROUTER, port), "S"));
    }
    if from != NEXT_HOP {
        for port in UDP_TRAPS {
            lab.scanner.query(from, at(ROUTER, port));
        }
    }
}

#[test]
fn forged_scans_break_nothing_that_router_and_lan_began() {
    Backend::each(&FIREWALLS, Lab::with_lan, |lab, backend| {
        let [clock, mirror, owner] = [(); 3].map(|()| lab.stranger(ROUTER));
        let (router, lan, world) = (&lab.router, lab.lan(), &lab.scanner);
        // Idle since before the start, and not.
        let mut old = Session::open((world, owner), (router, ROUTER), 22);
        let _daemon = lab.start(config(backend));
        let mut new = Session::open((world, owner), (router, ROUTER), 2222);
        let mut download = Session::open((lan, LAN), (world, mirror), 80);
        let time = world.receive((clock, 123));
        let asked = router.query(ROUTER, at(clock, 123));
        let (_, asker) = time.recv_from(&mut [0; 16]).unwrap();

        for innocent in [clock, mirror, owner, NEXT_HOP] {
            forge(lab, innocent);
        }
        for banned in [clock, mirror, owner] {
            eventually("a forged ban", || lab.holds(backend, &host(banned)));
        }
        lab.log
            .wait_for_text("Host: 10.66.0.254/10.66.0.254 is protected and is not blocked");
        assert!(!lab.holds(backend, &host(NEXT_HOP)));

        // The answer to a question that was under way, and a new question.
        time.send_to(b"noon", asker).unwrap();
        let mut answer = [0; 16];
        assert_eq!(asked.recv(&mut answer).unwrap(), 4);
        let asked = router.query(ROUTER, at(clock, 123));
        let (_, asker) = time.recv_from(&mut [0; 16]).unwrap();
        time.send_to(b"noon", asker).unwrap();
        assert_eq!(asked.recv(&mut answer).unwrap(), 4);
        for session in [&mut old, &mut new, &mut download] {
            session.check_alive();
        }
        Session::open((lan, LAN), (world, mirror), 8080).check_alive();
        Session::open((router, ROUTER), (world, owner), 443).check_alive();
        // Control: the bans are real.
        let _door = router.listen((ROUTER, SERVICE));
        assert!(world.connect(owner, at(ROUTER, SERVICE)).is_none());
    });
}

#[test]
fn a_session_lives_that_is_older_than_all_tracking_of_connections() {
    Backend::each(&FIREWALLS, Lab::new, |lab, backend| {
        let owner = lab.stranger(ROUTER);
        let mut old = Session::open((&lab.scanner, owner), (&lab.router, ROUTER), 22);
        let _daemon = lab.start(config(backend));
        forge(lab, owner);
        eventually("a forged ban", || lab.holds(backend, &host(owner)));
        old.check_alive();
    });
}

#[test]
fn decoys_of_a_scan_lose_no_session() {
    Backend::each(&FIREWALLS, Lab::with_lan, |lab, backend| {
        let (router, lan, world) = (&lab.router, lab.lan(), &lab.scanner);
        let decoys: Vec<IpAddr> = (0..6).map(|_| lab.stranger(ROUTER)).collect();
        let _daemon = lab.start(config(backend));
        let mut sessions: Vec<Session> = decoys
            .iter()
            .zip(1000..)
            .flat_map(|(decoy, port)| {
                let to = Session::open((lan, LAN), (world, *decoy), port);
                [
                    to,
                    Session::open((world, *decoy), (router, ROUTER), 2 * port),
                ]
            })
            .collect();
        let names: Vec<String> = decoys.iter().map(IpAddr::to_string).collect();
        let scan = format!(
            "-sS --max-retries 1 -p 1,11,15,79,111 -D {},ME",
            names.join(",")
        );
        lab.nmap(&scan, ROUTER);
        eventually("seven bans", || lab.bans(backend).len() == 7);
        let bans = lab.bans(backend);
        assert!(bans.contains_key(&scanner()));
        for decoy in &decoys {
            let left = bans[&host(*decoy)];
            let limited = left.is_some_and(|left| (1..=600).contains(&left));
            assert_eq!(limited, backend.has_timeouts(), "{decoy}: {left:?}");
        }
        for session in &mut sessions {
            session.check_alive();
        }
        for decoy in decoys {
            Session::open((router, ROUTER), (world, decoy), 443).check_alive();
        }
        let _door = router.listen((ROUTER, SERVICE));
        assert!(world.connect(SCANNER, at(ROUTER, SERVICE)).is_none());
    });
}
