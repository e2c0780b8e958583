//! The files that others read: history, blocked file, and the ignore file that the owner writes.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use portsentry::limits::HISTORY_BYTES_MAX;
use regex::Regex;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);
const UDP_TRAP: SocketAddr = SocketAddr::new(ROUTER, 161);
const BLOCKED: &str = "has been blocked via dropped route";

/// `{epoch} - {MM}/{DD}/{YYYY} {hh}:{mm}:{ss} Host: …`, nothing before, nothing behind.
#[track_caller]
fn check_line(line: &str, end: &str) {
    let stamp = r"^\d{10} - \d\d/\d\d/\d{4} \d\d:\d\d:\d\d Host: ";
    let whole = format!("{stamp}{}$", regex::escape(end));
    assert!(
        Regex::new(&whole).unwrap().is_match(line),
        "{line:?} does not end with {end:?}"
    );
}

#[test]
fn a_ban_is_one_line_in_the_history_and_one_in_the_blocked_file_of_its_mode() {
    for (mode, tcp, udp) in [
        (Mode::Stealth, "stcp", "sudp"),
        (Mode::Advanced, "atcp", "audp"),
        (Mode::Connect, "tcp", "udp"),
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        let mut daemon = lab.start(Config::blocking(mode));
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        lab.log.wait_for_text(BLOCKED);
        lab.scanner.touch(Udp, SECOND, UDP_TRAP);
        lab.log.wait_for_many(2, |text| text.contains(BLOCKED));
        let ends = [
            "10.66.0.2/10.66.0.2 Port: 11 TCP Blocked",
            "10.66.0.3/10.66.0.3 Port: 161 UDP Blocked",
        ];
        let files = [format!("blocked.{tcp}"), format!("blocked.{udp}")];
        for (file, end) in files.iter().zip(ends) {
            eventually(file, || daemon.read(file).ends_with('\n'));
            check_line(daemon.read(file).trim_end_matches('\n'), end);
        }
        eventually("two lines of history", || {
            daemon.read("history").lines().count() == 2
        });
        for (line, end) in daemon.read("history").lines().zip(ends) {
            check_line(line, end);
        }

        // The next start knows who is blocked; its files tell of who comes from now on, behind the old history.
        assert!(daemon.stop().success());
        let daemon = lab.start(Config::blocking(mode));
        assert_eq!(files.map(|file| daemon.read(&file)), ["", ""], "{mode:?}");
        lab.scanner.touch(Tcp, lab.stranger(ROUTER), TRAP);
        lab.log.wait_for_many(3, |text| text.contains(BLOCKED));
        eventually("a third line", || {
            daemon.read("history").lines().count() == 3
        });
    }
}

/// fail2ban attaches to a file that is there, and runs as another user perhaps.
#[test]
fn the_files_are_there_from_the_start_and_everybody_may_read_them() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_HOSTS_DENY", "ALL: $TARGET$")
        .started_with_umask("077");
    lab.router.sh("rm -f /etc/hosts.deny");
    let home = lab.dir().join("daemon");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("blocked.stcp"), "of the last time\n").unwrap();
    let daemon = lab.start(config);
    let deny = lab.router.path("/etc/hosts.deny");
    for file in ["history", "blocked.stcp", "blocked.sudp"] {
        assert_eq!(daemon.read(file), "");
        assert_eq!(mode(&daemon.file(file)), 0o644, "{file}");
    }
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for_text(BLOCKED);
    assert_eq!(mode(&deny), 0o644);
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn history_and_blocked_file_are_renamed_before_they_are_too_long() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let full = "x".repeat(usize::try_from(HISTORY_BYTES_MAX).unwrap() - 20) + "\n";
    for file in ["history", "blocked.stcp"] {
        daemon.write(file, &full);
    }
    for (source, lines) in [(SCANNER, 1), (SECOND, 2)] {
        lab.scanner.touch(Tcp, source, TRAP);
        for file in ["history", "blocked.stcp"] {
            eventually(file, || {
                let text = daemon.read(file);
                text.ends_with("Blocked\n") && text.lines().count() == lines
            });
            assert_eq!(daemon.read(&format!("{file}.1")), full);
        }
    }
}

/// Who has fail2ban do the blocking sets 2: nothing is stopped or run, and the history tells of it.
#[test]
fn with_2_and_no_command_a_scan_is_written_into_the_history() {
    for (block, lines) in [("2", 1), ("0", 0)] {
        let Some(lab) = Lab::new(&[]) else { return };
        let daemon = lab.start(Config::new(Mode::Stealth).with("BLOCK_TCP", block));
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        let line = probed(SCANNER, Tcp, 11);
        lab.log.wait_for(|text| text.ends_with(&line));
        daemon.settle();
        for file in ["history", "blocked.stcp"] {
            let found = daemon.read(file).matches("Host: 10.66.0.2/").count();
            assert_eq!(found, lines, "{file} {block}");
        }
        assert_eq!(lab.chain(ROUTER), None);
    }
}

#[test]
fn whoever_is_in_one_of_the_ignore_files_is_not_logged_and_not_touched() {
    for file in ["ignore", "ignore.static"] {
        for mode in [Mode::Stealth, Mode::Connect] {
            let Some(lab) = Lab::new(&["nmap"]) else {
                return;
            };
            let mut daemon = lab.start(Config::blocking(mode));
            assert!(daemon.stop().success());
            daemon.write(
                file,
                "# the desk of the owner\n10.66.0.2/32 # nmap runs here\n",
            );
            let daemon = lab.start(Config::blocking(mode));
            let scan = if mode == Mode::Connect { "-sT" } else { "-sS" };
            lab.nmap(&format!("{scan} -p 1,11,15,79"), ROUTER);
            lab.scanner.touch(Udp, SCANNER, UDP_TRAP);
            // Control: a neighbour, who is not ignored.
            lab.scanner.touch(Tcp, SECOND, TRAP);
            lab.log.wait_for_text(BLOCKED);
            daemon.settle();
            assert_eq!(
                lab.log.count(|text| text.contains("10.66.0.2")),
                0,
                "{file} {mode:?}"
            );
            assert!(!lab.banned("10.66.0.2/32"));
            assert!(lab.banned("10.66.0.3/32"));
        }
    }
}

#[test]
fn the_ignore_file_is_read_again_when_it_changes_and_whoever_enters_it_is_freed() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for_text(BLOCKED);
    assert!(lab.banned("10.66.0.2/32"));

    daemon.write("ignore", "10.66.0.2\n");
    // The file is looked at while packets arrive: any will do.
    eventually("the ban of somebody ignored ends", || {
        lab.scanner
            .touch(Udp, lab.stranger(ROUTER), SocketAddr::new(ROUTER, 700));
        !lab.banned("10.66.0.2/32")
    });
    let before = lab.log.count(|text| text.contains("from host: 10.66.0.2/"));
    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 15));
    daemon.settle();
    assert_eq!(
        lab.log.count(|text| text.contains("from host: 10.66.0.2/")),
        before
    );

    daemon.write("ignore", "");
    let line = probed(SCANNER, Tcp, 79);
    eventually("it counts again", || {
        lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 79));
        lab.log.count(|text| text.ends_with(&line)) > 0
    });
    eventually("it is banned again", || lab.banned("10.66.0.2/32"));
}
