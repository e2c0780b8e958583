//! A watched device that goes and comes again: bans stay, and it is guarded and watched as before.

use super::{at, blocking};
use crate::lab::backend::Backend;
use crate::lab::daemon::probed;
use crate::lab::flood::Flood;
use crate::lab::held::{host, scanner};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually, packet};
use std::fs;
use std::net::IpAddr;

#[test]
fn a_device_that_is_made_anew_is_guarded_and_watched_again() {
    // It is away for a while, and for a moment that is too short to be noticed.
    for long in [true, false] {
        Backend::each(&[Backend::Nft, Backend::Ipset], Lab::new, |lab, backend| {
            let daemon = lab.start(blocking(backend).with("INTERFACE", "wan"));
            let whole = lab.frame();
            lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
            eventually("the ban", || lab.holds(backend, &scanner()));

            lab.cut_wire();
            if long {
                eventually("it is noticed", || lab.frame() != whole);
            }
            lab.lay_wire();
            eventually("what is ours, on the new device", || lab.frame() == whole);
            eventually("the ban is there again", || lab.holds(backend, &scanner()));
            check_watched(lab, backend);
            daemon.settle();
            if backend == Backend::Nft {
                check_guarded(lab, &daemon);
            }
        });
    }
}

/// Without a device there is no hook for nft, and nobody to hold; it is no reason to do without them later.
#[test]
fn a_named_device_may_come_later_than_we_do() {
    Backend::each(&[Backend::Nft, Backend::Ipset], Lab::new, |lab, backend| {
        lab.cut_wire();
        let daemon = lab.start(blocking(backend).with("INTERFACE", "wan"));
        let bare = lab.frame();
        lab.lay_wire();
        eventually("the frame of the device", || lab.frame() != bare);
        check_watched(lab, backend);
        if backend == Backend::Nft {
            let table = lab.frame().concat();
            assert!(
                table.contains("hook ingress") && table.contains("chain hold"),
                "{table}"
            );
        }
        assert!(daemon.said("0 of 1 devices that are named exist"));
        let said = |text| lab.log.count(|line| line.contains(text));
        assert_eq!(
            said("refused") + said("Somebody else"),
            0,
            "{:#?}",
            lab.log.texts()
        );
    });
}

/// What nft is loading is that of before; the next run has to follow.
#[test]
fn a_device_that_comes_while_nft_runs_is_guarded() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    let (hold, held) = (lab.dir().join("hold"), lab.dir().join("held"));
    lab.before_nft(&format!(
        "while [ -e {} ]; do echo > {}; sleep 0.01; done",
        hold.display(),
        held.display()
    ));
    lab.cut_wire();
    let _daemon = lab.start(blocking(Backend::Nft).with("INTERFACE", "wan"));
    fs::write(&hold, "").unwrap();
    // Whatever makes it load its frame anew.
    lab.router.sh("ip addr add 10.68.0.1/32 dev lo");
    eventually("nft runs", || held.exists());
    lab.lay_wire();
    check_seen(&lab);
    fs::remove_file(&hold).unwrap();
    eventually("the hook", || lab.frame().concat().contains("hook ingress"));
}

/// A kernel before the repair of CVE-2024-26808 keeps a chain whose device went, and a pointer to what was it.
#[test]
fn a_kernel_that_forgets_devices_gets_no_hook_on_one() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    let release = lab.dir().join("release");
    fs::write(&release, "5.15.137\n").unwrap();
    let (release, sys) = (release.display(), "/proc/sys/kernel");
    lab.router.sh(&format!(
        "mount --bind {release} {sys}/osrelease; mount --bind /dev/null {sys}/version"
    ));
    let config = |backend| blocking(backend).with("INTERFACE", "wan");
    let mut daemon = lab.start(config(Backend::Iptables));
    check_watched(&lab, Backend::Iptables);
    let warned = || lab.log.count(|line| line.contains("CVE-2024-26808"));
    assert_eq!(warned(), 0, "iptables has no such hook");
    daemon.reload(config(Backend::Nft));
    check_watched(&lab, Backend::Nft);
    lab.cut_wire();
    lab.lay_wire();
    check_watched(&lab, Backend::Nft);
    let table = lab.frame().concat();
    assert!(
        table.contains("chain hold") && !table.contains("ingress"),
        "{table}"
    );
    assert_eq!(warned(), 1);
}

/// Somebody new is seen and banned.
#[track_caller]
fn check_watched(lab: &Lab, backend: Backend) {
    let stranger = check_seen(lab);
    eventually("its ban", || lab.holds(backend, &host(stranger)));
}

/// Somebody new is seen.
#[track_caller]
fn check_seen(lab: &Lab) -> IpAddr {
    let mut stranger = SCANNER;
    eventually("a probe on the new device", || {
        stranger = lab.stranger(ROUTER);
        lab.scanner.touch(Tcp, stranger, at(ROUTER, 15));
        let line = probed(stranger, Tcp, 15);
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
    stranger
}

/// What the banned source sends does not even reach the sensor.
#[track_caller]
fn check_guarded(lab: &Lab, daemon: &crate::lab::daemon::Daemon) {
    eventually("nobody is woken", || {
        let before = daemon.wakeups();
        let syn = |_| packet::tcp(at(SCANNER, 40000), at(ROUTER, 79), "S");
        Flood::paced(lab, 0..500, 5_000, syn);
        daemon.wakeups() == before
    });
}
