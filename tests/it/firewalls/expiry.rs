//! Bans end, by the kernel's own hand where it has one, and the next one lasts longer.

use super::{SERVICE, at, blocking, hold};
use crate::lab::backend::Backend;
use crate::lab::held::scanner;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use regex::Regex;

fn over(source: &str) -> String {
    format!("adminalert: Host {source} is no longer blocked")
}

#[test]
fn a_ban_ends_by_itself_and_its_source_may_come_again() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        let _service = lab.router.listen((ROUTER, SERVICE));
        let _daemon = lab.start(blocking(backend).with("BLOCK_TIME", "3s"));
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
        eventually("the ban", || lab.holds(backend, &scanner()));
        let line = over(&scanner().replace("/32", ""));
        assert_eq!(lab.log.count(|text| text == line), 0);
        eventually("its end", || hold(lab, backend, &[]));
        lab.log.wait_for(|text| text == line);
        // The hold of its touch, where there is one, outlasts so short a ban.
        let again = || lab.scanner.connect(SCANNER, at(ROUTER, SERVICE)).is_some();
        eventually("it may come again", again);
        assert_eq!(lab.log.count(|text| text == line), 1);
    });
}

#[test]
fn the_kernel_ends_a_ban_also_when_nobody_is_there_to_do_it() {
    Backend::each(&[Backend::Nft, Backend::Ipset], Lab::new, |lab, backend| {
        let _service = lab.router.listen((ROUTER, SERVICE));
        let daemon = lab.start(blocking(backend).with("BLOCK_TIME", "3s"));
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
        eventually("the ban", || lab.holds(backend, &scanner()));
        daemon.signal(Signal::SIGSTOP);
        eventually("its end", || hold(lab, backend, &[]));
        let again = || lab.scanner.connect(SCANNER, at(ROUTER, SERVICE)).is_some();
        eventually("it may come again", again);
        assert_eq!(lab.log.count(|text| text.contains("no longer blocked")), 0);
        daemon.signal(Signal::SIGCONT);
        lab.log.wait_for_text("is no longer blocked");
    });
}

#[test]
fn the_second_ban_lasts_twice_as_long() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        let _daemon = lab.start(blocking(backend).with("BLOCK_TIME", "5s"));
        let [one, other] = ["10.66.0.2", "10.66.0.3"].map(over);
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
        lab.log.wait_for(|text| text == one);
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
        lab.log
            .wait_for_many(2, |text| text.contains("Host 10.66.0.2 has been blocked"));
        lab.scanner.touch(Tcp, SECOND, at(ROUTER, 11));
        // Begun later, and over sooner.
        lab.log.wait_for(|text| text == other);
        assert_eq!(lab.log.count(|text| text == one), 1);
        lab.log.wait_for_many(2, |text| text == one);
        if backend.has_timeouts() {
            check_timeouts(lab);
        }
    });
}

/// What the kernel was told, as the lines about the bans say it.
#[track_caller]
fn check_timeouts(lab: &Lab) {
    let told = Regex::new(r"Host (\S+) has been blocked .* timeout (\d+)").unwrap();
    let texts = lab.log.texts();
    let told = texts.iter().filter_map(|text| told.captures(text));
    let told: Vec<_> = told
        .map(|told| (told[1].to_owned(), told[2].parse::<u64>().unwrap()))
        .collect();
    let sources: Vec<_> = told.iter().map(|(source, _)| source.as_str()).collect();
    assert_eq!(sources, ["10.66.0.2", "10.66.0.2", "10.66.0.3"]);
    // Whole seconds, up or down by one.
    assert!(
        told[0].1 <= 6 && (9..=11).contains(&told[1].1) && told[2].1 <= 6,
        "{told:?}"
    );
}
