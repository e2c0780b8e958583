//! A WAN device that comes late, and that is another one after each redial: a PPP device, whose packets have no
//! header of a link.

use super::{check_sleeps, complaints};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::{Daemon, probed};
use crate::lab::held::host;
use crate::lab::touch::Proto::Tcp;
use crate::lab::wire::Wire;
use crate::lab::{Lab, eventually, packet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 1));
const MISSING: &str = "0 of 1 devices that are named exist; one that comes is watched then";

const fn source(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 88, 1, host))
}

/// What pppd does: a device, its address, up. And the kernel's number for it.
fn dial(lab: &Lab) -> Option<(Wire, String)> {
    let link = lab.ppp()?;
    let shown = lab.router.sh(&format!(
        "ip addr add {OWN} peer 10.88.0.2/32 dev ppp0
         ip link set ppp0 up
         ip -o link show ppp0"
    ));
    let index = shown.split(':').next().unwrap().to_owned();
    Some((link, index))
}

fn syn(from: IpAddr, port: u16) -> Vec<u8> {
    packet::tcp(
        SocketAddr::new(from, 40000),
        SocketAddr::new(OWN, port),
        "S",
    )
}

/// Somebody touches traps until one of them is seen; and is banned.
#[track_caller]
fn check_watched(lab: &Lab, link: &mut Wire, backend: Backend, from: IpAddr) {
    eventually("a probe on the device", || {
        link.send(&syn(from, 11));
        let line = probed(from, Tcp, 11);
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
    eventually("the ban", || lab.holds(backend, &host(from)));
}

/// What the banned source sends over the device does not even reach the sensor.
#[track_caller]
fn check_guarded(daemon: &Daemon<'_>, link: &mut Wire, from: IpAddr) {
    eventually("nobody is woken", || {
        let before = daemon.wakeups();
        for port in [15, 79, 111, 512] {
            link.send(&syn(from, port));
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
        daemon.wakeups() == before
    });
}

#[test]
fn a_ppp_device_comes_late_and_is_another_one_after_each_redial() {
    let backends = [Backend::Nft, Backend::Ipset, Backend::Iptables];
    Backend::each(&backends, Lab::new, |lab, backend| {
        let config = Config::blocking(Mode::Stealth).with("BACKEND", backend.word());
        let mut daemon = lab.start(config.with("INTERFACE", "ppp0"));
        check_sleeps(&daemon);
        assert_eq!(complaints(lab), [MISSING]);

        let mut indexes = Vec::new();
        for times in 1..=3 {
            let Some((mut link, index)) = dial(lab) else {
                return;
            };
            assert!(!indexes.contains(&index), "{indexes:?}");
            indexes.push(index);
            let from = source(u8::try_from(times).unwrap());
            check_watched(lab, &mut link, backend, from);
            if backend == Backend::Nft {
                let table = lab.frame().concat();
                assert!(
                    table.contains("hook ingress") && table.contains("ppp0"),
                    "{table}"
                );
                check_guarded(&daemon, &mut link, source(1));
            }
            // Who was banned over the device before is so still.
            assert_eq!(lab.bans(backend).len(), times);
            drop(link);
            lab.log
                .wait_for_many(times + 1, |text| text.ends_with(MISSING));
            check_sleeps(&daemon);
        }
        assert_eq!(complaints(lab), [MISSING; 4]);
        assert_eq!(lab.log.count(|text| text.contains("Somebody else")), 0);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    });
}
