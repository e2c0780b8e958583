//! Without IPv6: switched off, not built into the kernel, or without its lists of sockets.

use super::{check_sleeps, complaints, scan};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::held::host;
use crate::lab::kernel::refusing;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, eventually};
use std::net::SocketAddr;

/// AF_INET6, the first argument of socket(2).
const INET6: [(u32, u32); 1] = [(0, 10)];

/// What a kernel without IPv6 does not list.
const LISTS: [&str; 3] = ["if_inet6", "tcp6", "udp6"];

/// As many owners have it.
#[test]
fn ipv6_that_is_switched_off_is_not_worth_a_word_and_may_come() {
    let backends = [Backend::Nft, Backend::Ipset, Backend::Iptables];
    Backend::each(&backends, Lab::new, |lab, backend| {
        lab.router.sh("for all in all default wan; do
                 echo 1 > /proc/sys/net/ipv6/conf/$all/disable_ipv6
             done");
        let config = Config::blocking(Mode::Stealth).with("BACKEND", backend.word());
        let mut daemon = lab.start(config);
        let four = scan(lab, ROUTER, 11);
        eventually("the ban", || lab.holds(backend, &host(four)));
        check_sleeps(&daemon);

        lab.router.sh(&format!(
            "echo 0 > /proc/sys/net/ipv6/conf/wan/disable_ipv6
             ip addr add {ROUTER6}/64 dev wan nodad"
        ));
        let mut six = ROUTER6;
        eventually("IPv6 is watched", || {
            six = lab.stranger(ROUTER6);
            lab.scanner.sender().send(&crate::lab::packet::tcp(
                SocketAddr::new(six, 40000),
                SocketAddr::new(ROUTER6, 15),
                "S",
            ));
            lab.bans(backend).len() > 1
        });
        assert_eq!(complaints(lab), [""; 0]);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    });
}

#[test]
fn a_kernel_without_ipv6_has_the_half_that_is_left() {
    for (mode, backend) in [
        (Mode::Stealth, Backend::Iptables),
        (Mode::Connect, Backend::Ipset),
        (Mode::Advanced, Backend::Nft),
    ] {
        let (Some(lab), Some(refusing)) = (backend.lab(Lab::new), refusing(&INET6)) else {
            return;
        };
        lab.hide_lists(&LISTS);
        let config = Config::blocking(mode).with("BACKEND", backend.word());
        let mut daemon = lab.start(config.started_by(refusing));
        // Nothing of IPv6 is made, and nobody is asked to.
        let six = |lines: &[String]| lines.iter().any(|line| line.contains("portsentry6"));
        assert!(
            !six(&lab.frame()) && lab.chain(ROUTER6).is_none(),
            "{mode:?}"
        );
        for port in [11, 79] {
            let source = scan(&lab, ROUTER, port);
            eventually("the ban", || lab.holds(backend, &host(source)));
        }
        check_sleeps(&daemon);
        assert_eq!(complaints(&lab), [""; 0], "{mode:?}");
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    }
}

/// The kernel has another way to tell who listens (sock_diag(7)).
#[test]
fn without_proc_net_tcp6_a_service_is_no_trap_and_a_trap_is_one() {
    let Some(lab) = Lab::new(&[]) else { return };
    lab.hide_lists(&["tcp6", "udp6"]);
    let service = lab.router.listen(SocketAddr::new(ROUTER6, 513));
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    for _ in 0..3 {
        let visitor = lab.stranger(ROUTER6);
        lab.scanner
            .touch(Tcp, visitor, SocketAddr::new(ROUTER6, 513));
        service.accept().unwrap();
    }
    scan(&lab, ROUTER, 11);
    scan(&lab, ROUTER6, 11);
    lab.log
        .wait_for_many(2, |text| text.contains("has been blocked"));
    check_sleeps(&daemon);
    assert_eq!(lab.log.count(|text| text.contains("to TCP port: 513")), 0);
    let in_use = "ERROR: Socket 513 is in use and will not be monitored. Attempting to continue";
    assert_eq!(complaints(&lab), [in_use]);
}
