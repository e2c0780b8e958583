//! What a ban stops, and what passes.

use super::{SERVICE, at, ban_three, blocking};
use crate::lab::backend::Backend;
use crate::lab::held::scanner;
use crate::lab::namespace::Namespace;
use crate::lab::talk::check_talk;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{GATEWAY, LAN, Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, SECOND, eventually};
use std::net::{SocketAddr, UdpSocket};

#[test]
fn a_touch_becomes_a_ban_that_the_firewall_shows_and_a_stop_leaves_nothing() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        lab.furnish();
        let (before, others) = (lab.firewall(), lab.others());
        let mut daemon = lab.start(blocking(backend));
        assert!(!lab.frame().is_empty(), "nothing is loaded at the start");
        let three = ban_three(lab, backend);
        for (ban, command) in three.iter().zip(commands(backend)) {
            let command =
                command.replace('@', ban.trim_end_matches("/32").trim_end_matches("/128"));
            let command = match backend {
                Backend::Nft => command.replace("/64", ""),
                _ => command,
            };
            lab.log
                .wait_for_text(&format!("using command: \"{command}\""));
        }
        assert_eq!(lab.others(), others);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.firewall(), before);
    });
}

/// The single commands that equal the three bans; @ is the source.
fn commands(backend: Backend) -> [&'static str; 3] {
    match backend {
        Backend::Nft => [
            "nft add element inet portsentry ban4 { @ }",
            "nft add element inet portsentry ban6 { @ }",
            "nft add element inet portsentry host6 { @ }",
        ],
        Backend::Ipset => [
            "ipset add portsentry4 @ timeout 0",
            "ipset add portsentry6 @ timeout 0",
            "ipset add portsentry6 @ timeout 0",
        ],
        Backend::Iptables | Backend::Legacy => [
            "iptables -A PORTSENTRY -s @ -j DROP",
            "ip6tables -A PORTSENTRY -s @ -j DROP",
            "ip6tables -A PORTSENTRY -s @ -j DROP",
        ],
    }
}

#[test]
fn a_real_scan_is_cut_off() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        let _services = [ROUTER, ROUTER6].map(|router| lab.router.listen((router, SERVICE)));
        let _daemon = lab.start(blocking(backend));
        for (router, ban) in [(ROUTER, "10.66.0.2/32"), (ROUTER6, "fd66::2/128")] {
            // Without a least rate nmap takes the silence for a crowded network, and minutes for the scan.
            let scan = "-sS --min-rate 300 --max-rate 300 --max-retries 1";
            let found = lab.nmap(scan, router);
            assert_eq!(found.open, [0; 0], "{}", found.said);
            assert!(lab.holds(backend, ban));
        }
    });
}

#[test]
fn a_ban_stops_what_its_source_begins_to_the_router_and_through_it() {
    Backend::each(&Backend::ALL, Lab::with_lan, |lab, backend| {
        let _daemon = lab.start(blocking(backend));
        let doors = [at(ROUTER, SERVICE), at(LAN, SERVICE)];
        let places = [&lab.router, lab.lan()];
        let listeners: Vec<_> = doors
            .iter()
            .zip(places)
            .map(|(door, place)| place.listen(door))
            .collect();
        let mut sessions: Vec<_> = doors
            .iter()
            .zip(&listeners)
            .map(|(door, listener)| {
                let session = lab.scanner.connect(SCANNER, *door).unwrap();
                (session, listener.accept().unwrap().0)
            })
            .collect();
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
        eventually("the ban", || lab.holds(backend, &scanner()));

        for door in doors {
            let begun = |from| lab.scanner.connect(from, door).is_some();
            assert!(!begun(SCANNER), "a new connection to {door}");
            assert!(begun(SECOND), "somebody else to {door}");
        }
        check_no_datagram(lab, &lab.router, at(ROUTER, SERVICE));
        check_no_datagram(lab, lab.lan(), at(LAN, SERVICE));
        for (session, served) in &mut sessions {
            check_talk(session, served);
        }
    });
}

/// A datagram of the banned source does not arrive, one of somebody else does.
#[track_caller]
fn check_no_datagram(lab: &Lab, place: &Namespace, door: SocketAddr) {
    let receiver = place.receive(door);
    lab.scanner.say(b"banned", at(SCANNER, 0), door);
    lab.scanner.say(b"free", at(SECOND, 0), door);
    let mut buffer = [0; 16];
    let (length, from) = receiver.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from.ip()), (&b"free"[..], SECOND));
}

#[test]
fn a_ban_lets_the_answers_to_what_router_and_lan_begin_pass() {
    Backend::each(&Backend::ALL, Lab::with_lan, |lab, backend| {
        let _daemon = lab.start(blocking(backend));
        ban_three(lab, backend);
        let asks = [
            (&lab.router, ROUTER, SCANNER),
            (&lab.router, ROUTER6, SCANNER6),
            (lab.lan(), LAN, SCANNER),
        ];
        for (place, from, banned) in asks {
            let web = lab.scanner.listen((banned, 443));
            let mut page = place
                .connect(from, at(banned, 443))
                .expect("no way to a banned source");
            check_talk(&mut page, &mut web.accept().unwrap().0);
            check_answer(
                &lab.scanner.receive((banned, 443)),
                &place.query(from, at(banned, 443)),
            );
        }
        // Control: what it begins is stopped all the same.
        let _door = lab.router.listen((GATEWAY, SERVICE));
        assert!(lab.scanner.connect(SCANNER, at(ROUTER, SERVICE)).is_none());
    });
}

/// The answer to a query that was just sent arrives, and so does a second one.
#[track_caller]
fn check_answer(server: &UdpSocket, client: &UdpSocket) {
    let mut buffer = [0; 16];
    let (_, asker) = server.recv_from(&mut buffer).unwrap();
    for _ in 0..2 {
        server.send_to(b"answer", asker).unwrap();
        let length = client.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"answer");
    }
}
