//! The provider ends the connection of the night before, and the next one has another address.

use super::{OWNER, at, check_owner, check_owner_at, check_protects, forge, home, start};
use crate::lab::backend::Backend::Nft;
use crate::lab::daemon::Daemon;
use crate::lab::held::host;
use crate::lab::shipped::traps;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, eventually, packet};
use nix::sys::signal::Signal;
use std::net::{IpAddr, Ipv4Addr};

const NEXT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 66, 0, 9));

/// What netifd's event makes of it: the init script writes the devices, and procd signals that the file changed.
fn interface_event(lab: &Lab, daemon: &Daemon, devices: &str, times: usize) {
    lab.write_devices("daemon", devices);
    daemon.signal(Signal::SIGHUP);
    let in_force = |text: &str| text.ends_with("is read again and in force");
    lab.log.wait_for_many(times, in_force);
}

/// The device's number in the kernel, before its name.
fn index(lab: &Lab) -> String {
    let link = lab.router.sh("ip -o link show wan");
    link.split(':').next().unwrap().to_owned()
}

/// The device goes and comes, with another number in the kernel.
#[test]
fn a_redial_with_a_new_address() {
    let Some(lab) = home() else { return };
    let daemon = start(&lab);
    let scanner = lab.stranger(ROUTER);
    forge(&lab, scanner);
    eventually("a ban", || lab.holds(Nft, &host(scanner)));
    let (before, frame) = (index(&lab), lab.frame());

    lab.cut_wire();
    interface_event(&lab, &daemon, "wan -\nwan6 -\n", 1);
    lab.lay_wire_to(NEXT);
    interface_event(&lab, &daemon, "wan wan\nwan6 wan\n", 2);
    assert_ne!(index(&lab), before);
    eventually("all that is ours, on the new device", || {
        lab.frame() == frame
    });
    assert!(lab.holds(Nft, &host(scanner)));
    check_owner_at(&lab, NEXT);
    check_protects(&lab, NEXT);

    // The old address has a new owner, who is a stranger like any other.
    let sender = lab.scanner.sender();
    for port in traps(Tcp) {
        sender.send(&packet::tcp(at(ROUTER, 40000), at(NEXT, port), "S"));
    }
    eventually("its ban", || lab.holds(Nft, &host(ROUTER)));
    assert!(!lab.holds(Nft, &host(OWNER)));
}

/// It is back before anybody wrote a file, or it was so short that nobody did.
#[test]
fn a_redial_of_which_nobody_tells_us() {
    let Some(lab) = home() else { return };
    let _daemon = start(&lab);
    let frame = lab.frame();
    lab.cut_wire();
    lab.lay_wire();
    eventually("all that is ours, on the new device", || {
        lab.frame() == frame
    });
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}
