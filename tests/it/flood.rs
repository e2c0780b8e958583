//! A hundred thousand forged sources: no memory, no crowd of firewall programs, no blindness.

mod modes;
mod stop;

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::flood::{Flood, forged_syn};
use crate::lab::{Lab, ROUTER, SECOND, eventually, scan};

/// When every table has long been full.
const FULL: u32 = 20_000;
const SOURCES: u32 = 100_000;

/// What the allocator of a process may round up to without having been asked for more.
const SLACK_KB: u64 = 64;

#[test]
fn forged_sources_cost_no_memory_and_hide_no_scanner() {
    let Some(lab) = Lab::new(&["nmap", "bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    let config = Config::blocking(Mode::Stealth);
    let mut daemon = lab.start(config.clone());
    let mut full = 0;
    Flood::during(&lab, forged_syn, |flood| {
        flood.reaches(FULL);
        full = daemon.memory_kb();

        // A signal is answered in the middle of it: the new trap is one.
        let more = [&TCP_TRAPS[..], &[2222]].concat();
        let ports = format!("{},{}", scan::list(&more), Config::control());
        daemon.reload(config.clone().with("TCP_PORTS", &ports));
        lab.log.wait_for_text("is read again and in force");

        // And a real scanner is seen and banned: he touches more traps than a forger spends on a source.
        let ports = scan::list(&more[1..]);
        lab.nmap(&format!("-sS --max-retries 1 -p {ports}"), ROUTER);
        lab.log
            .wait_for_text("Host 10.66.0.2 has been blocked via dropped route");
        eventually("the ban during the flood", || lab.banned("10.66.0.2/32"));
        flood.reaches(SOURCES);
    });
    let ports = scan::list(&TCP_TRAPS);
    lab.nmap(
        &format!("-sS -S {SECOND} -e eth0 --max-retries 1 -p {ports}"),
        ROUTER,
    );
    lab.log
        .wait_for_text("Host 10.66.0.3 has been blocked via dropped route");
    eventually("the ban after the flood", || lab.banned("10.66.0.3/32"));

    let end = daemon.memory_kb();
    assert!(
        end <= full + SLACK_KB,
        "{full} kB when the tables were full, {end} kB at the end"
    );

    assert!(watch.runs() > 10, "only {} firewall programs", watch.runs());
    assert_eq!(
        watch.most_at_once(),
        1,
        "firewall programs at the same time"
    );
    eventually("no child is left", || daemon.children().is_empty());
    assert!(lab.chain(ROUTER).unwrap().len() <= 1024);
    assert!(daemon.stop().success(), "{}", daemon.stderr());
}
