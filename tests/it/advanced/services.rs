//! Services of the router that come and go while the daemon runs, on any of its addresses.

use super::{ANY, config};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::flood::{Flood, forged};
use crate::lab::spent::Calls;
use crate::lab::touch::Proto::{self, Tcp, Udp};
use crate::lab::{BOUND, GATEWAY, LAN, Lab, ROUTER, ROUTER6, SCANNER, eventually, packet};
use portsentry::limits::{LISTENERS_AGE, LISTENERS_MAX};
use socket2::{Domain, Socket, Type};
use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// A service of a protocol at an address; it ends when it is dropped.
fn service(lab: &Lab, proto: Proto, at: SocketAddr) -> Box<dyn Any> {
    match proto {
        Tcp => Box::new(lab.router.listen(at)),
        Udp => Box::new(lab.router.receive(at)),
    }
}

/// One that is for IPv6 alone, though it is on every address.
fn service_v6(lab: &Lab, proto: Proto, port: u16) -> Box<dyn Any> {
    let kind = if proto == Tcp {
        Type::STREAM
    } else {
        Type::DGRAM
    };
    Box::new(lab.router.inside(|| {
        let socket = Socket::new(Domain::IPV6, kind, None).unwrap();
        socket.set_only_v6(true).unwrap();
        socket.bind(&SocketAddr::new(ANY, port).into()).unwrap();
        if proto == Tcp {
            socket.listen(5).unwrap();
        }
        socket
    }))
}

/// Whether a stranger's touch of a port is reported.
fn is_trap(lab: &Lab, daemon: &Daemon, proto: Proto, to: SocketAddr) -> bool {
    let from = lab.stranger(to.ip());
    lab.scanner.touch(proto, from, to);
    daemon.settle();
    let line = probed(from, proto, to.port());
    lab.log.count(|text| text.ends_with(&line)) > 0
}

/// A service that has come or gone is noticed within this time.
const NOTICED: Duration = Duration::from_secs(1);

#[test]
fn a_port_is_a_trap_while_no_service_has_it() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(config());
    for proto in [Tcp, Udp] {
        for router in [ROUTER, ROUTER6] {
            let port = SocketAddr::new(router, 1000);
            assert!(is_trap(&lab, &daemon, proto, port), "before {proto} {port}");
            let running = service(&lab, proto, port);
            sleep(NOTICED);
            for _ in 0..3 {
                assert!(
                    !is_trap(&lab, &daemon, proto, port),
                    "during {proto} {port}"
                );
            }
            drop(running);
            sleep(NOTICED);
            assert!(is_trap(&lab, &daemon, proto, port), "after {proto} {port}");
        }
    }
}

/// Which of the router's addresses are traps, by the address that a service has.
#[test]
fn a_service_has_its_port_on_its_own_address_only() {
    let table = [
        ("127.0.0.1", true, true),
        ("::1", true, true),
        ("10.77.0.1", true, true), // in the LAN
        ("10.66.0.1", false, true),
        ("fd66::1", true, false),
        ("0.0.0.0", false, true),
        ("::", false, false),
    ];
    let Some(lab) = Lab::with_lan(&[]) else {
        return;
    };
    let mut running = Vec::new();
    for proto in [Tcp, Udp] {
        for ((addr, ..), port) in table.iter().zip(900..) {
            running.push(service(
                &lab,
                proto,
                SocketAddr::new(addr.parse().unwrap(), port),
            ));
        }
        running.push(service_v6(&lab, proto, 950));
        running.push(service(&lab, proto, SocketAddr::new(GATEWAY, 951)));
    }
    let daemon = lab.start(config());
    let check = |proto, port, name: &str, trap4, trap6| {
        let trap = |router| is_trap(&lab, &daemon, proto, SocketAddr::new(router, port));
        assert_eq!(
            [trap(ROUTER), trap(ROUTER6)],
            [trap4, trap6],
            "{proto} on {name}"
        );
    };
    for proto in [Tcp, Udp] {
        for ((name, trap4, trap6), port) in table.into_iter().zip(900..) {
            check(proto, port, name, trap4, trap6);
        }
        check(proto, 950, ":: without IPv4", true, false);
        // Whoever comes to the LAN's address meets the service there.
        for port in [951, 952] {
            lab.lan().touch(proto, LAN, SocketAddr::new(GATEWAY, port));
        }
        daemon.settle();
        let count = |port| {
            lab.log
                .count(|text| text.ends_with(&probed(LAN, proto, port)))
        };
        assert_eq!([count(951), count(952)], [0, 1]);
    }
}

const PACKETS: u32 = 100_000;

/// Each packet of a flood at a service comes as far as the question whose it is. The kernel is not asked for each,
/// also where there are more services than the daemon has room for.
#[test]
fn a_flood_at_a_service_reads_the_list_now_and_then() {
    for services in [1, u16::try_from(LISTENERS_MAX).unwrap() + 40] {
        let Some(lab) = Lab::new(&["strace"]) else {
            return;
        };
        let _more: Vec<_> = (0..services)
            .map(|n| lab.router.listen((ROUTER, 500 + n)))
            .collect();
        let daemon = lab.start(config());
        // The kernel lists them in an order of its own: all are asked for.
        let syn = |n: u32| {
            let port = 500 + u16::try_from(n % u32::from(services)).unwrap();
            let to = SocketAddr::new(ROUTER, port);
            packet::tcp(SocketAddr::new(forged(n), 40000), to, "S")
        };
        let calls = Calls::by_strace(&lab, daemon.pid()).unwrap();
        Flood::during(&lab, syn, |flood| flood.reaches(PACKETS));
        // What is left of it in the queue goes before the first touch that gets in.
        eventually("the flood has been looked at", || {
            lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 1));
            lab.log
                .count(|text| text.ends_with(&probed(SCANNER, Tcp, 1)))
                > 0
        });
        // One request for each family, and the lines at the end are sent as well.
        let sent = u128::from(calls.end().named("sendto"));
        let most = BOUND.as_millis() / LISTENERS_AGE.as_millis();
        assert!(sent < 2 * most, "{services}: asked {sent} times");
        assert_eq!(daemon.probe_lines().len(), 1, "{services}");
    }
}

#[test]
fn a_list_that_cannot_be_read_makes_no_service_a_trap() {
    let Some(lab) = Lab::new(&["prlimit"]) else {
        return;
    };
    let daemon = lab.start(config());
    let at = |port| SocketAddr::new(ROUTER, port);
    let _service = service(&lab, Tcp, at(1000));
    let _for_v6_alone = service_v6(&lab, Tcp, 1001);
    assert!(is_trap(&lab, &daemon, Tcp, at(1001)));
    // No descriptor is free: the lowest number that is not taken is beyond the limit.
    let open = |n: &u32| Path::new(&format!("/proc/{}/fd/{n}", daemon.pid())).exists();
    let free = (0..).find(|n| !open(n)).unwrap();
    let limit = |most: u32| {
        let pid = daemon.pid();
        lab.router
            .sh(&format!("prlimit --pid {pid} --nofile={most}:4096"));
        sleep(NOTICED);
    };
    limit(free);
    assert!(
        !is_trap(&lab, &daemon, Tcp, at(1000)),
        "the lists are out of reach"
    );
    assert!(is_trap(&lab, &daemon, Tcp, at(999)));
    limit(4096);
    assert!(!is_trap(&lab, &daemon, Tcp, at(1000)));
    // What only sock_diag tells is known again.
    assert!(is_trap(&lab, &daemon, Tcp, at(1001)));
}
