//! Children that do what none should: hang, do not listen to SIGTERM, write without end.

use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::held::{host, scanner};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use std::fs;
use std::net::SocketAddr;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

/// What one does, in the words of sh. Each notes its number first.
const MANNERS: [(&str, &str); 3] = [
    ("hangs", "exec sleep 1000"),
    (
        "is deaf to SIGTERM",
        "trap '' TERM; while :; do sleep 1; done",
    ),
    (
        "floods its output",
        "trap '' TERM; while :; do echo too much; echo too much >&2; done",
    ),
];

fn pids(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
}

fn alive(pid: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// The ban waits no longer than until the program works again, and the owner is answered meanwhile.
#[test]
fn a_firewall_program_without_manners_is_ended_and_tried_again() {
    for (name, manner) in MANNERS {
        let Some(lab) = Backend::Nft.lab(Lab::new) else {
            return;
        };
        let (note, bad) = (lab.dir().join("note"), lab.dir().join("bad"));
        lab.before_nft(&format!(
            "if [ -e {} ]; then echo $$ >> {}; {manner}; fi",
            bad.display(),
            note.display()
        ));
        let config = Config::blocking(Mode::Stealth).with("BACKEND", "nft");
        let mut daemon = lab.start(config);
        fs::write(&bad, "").unwrap();
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        lab.log
            .wait_for(|text| text.contains("ERROR: nft failed (signal: 9 (SIGKILL)"));
        assert!(daemon.ask("status").done().contains("nft"), "{name}");
        fs::remove_file(&bad).unwrap();
        eventually("the ban", || lab.holds(Backend::Nft, &scanner()));
        lab.log.wait_for_text("adminalert: nft works again");

        // Once more, and now it is to be stopped meanwhile.
        fs::write(&bad, "").unwrap();
        lab.scanner.touch(Tcp, SECOND, TRAP);
        let known = fs::read_to_string(&note).unwrap().lines().count();
        eventually("the next child", || {
            fs::read_to_string(&note).unwrap().lines().count() > known
        });
        assert_eq!(daemon.stop().code(), Some(1), "{name}: {}", daemon.stderr());
        assert!(
            daemon
                .stderr()
                .contains("could not be taken out of the firewall in time")
        );
        let note = fs::read_to_string(&note).unwrap();
        eventually("the end of all children", || !pids(&note).any(alive));
    }
}

/// Nor do other bans wait for it, and at a stop it goes as well.
#[test]
fn a_command_without_manners_is_ended() {
    for (name, manner) in MANNERS {
        let Some(lab) = Backend::Nft.lab(Lab::new) else {
            return;
        };
        let note = lab.dir().join("note");
        let command = format!("echo $$ >> {}; {manner}", note.display());
        let config = Config::blocking(Mode::Stealth).with("BACKEND", "nft");
        let mut daemon = lab.start(config.with("KILL_RUN_CMD", &command));
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        eventually("the command", || note.exists());
        lab.scanner.touch(Tcp, SECOND, TRAP);
        eventually("a ban beside it", || lab.holds(Backend::Nft, &host(SECOND)));
        lab.log.wait_for(|text| text.contains("SIGKILL"));
        eventually("the next one", || {
            fs::read_to_string(&note).unwrap().lines().count() > 1
        });
        assert!(daemon.stop().success(), "{name}: {}", daemon.stderr());
        let note = fs::read_to_string(&note).unwrap();
        eventually("the end of all commands", || !pids(&note).any(alive));
        assert!(lab.bans(Backend::Nft).is_empty());
    }
}
