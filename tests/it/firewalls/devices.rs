//! A watched device that goes and comes again: bans stay, and it is guarded and watched as before.

use super::{at, blocking};
use crate::lab::backend::Backend;
use crate::lab::daemon::probed;
use crate::lab::flood::Flood;
use crate::lab::held::{host, scanner};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually, packet};

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

/// Somebody new is seen and banned.
#[track_caller]
fn check_watched(lab: &Lab, backend: Backend) {
    let mut stranger = SCANNER;
    eventually("a probe on the new device", || {
        stranger = lab.stranger(ROUTER);
        lab.scanner.touch(Tcp, stranger, at(ROUTER, 15));
        let line = probed(stranger, Tcp, 15);
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
    eventually("its ban", || lab.holds(backend, &host(stranger)));
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
