//! Lines in hosts.deny: ours come and go with their bans, those of others stay.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);
const OTHERS: &str = "# the owner's own\n\nsshd: 192.0.2.9\nALL: 10.66.0.3 : DENY\nALL: 192.0.2.1";

fn denying() -> Config {
    Config::blocking(Mode::Stealth).with("KILL_HOSTS_DENY", "ALL: $TARGET$ : DENY")
}

fn hosts_deny(lab: &Lab) -> PathBuf {
    lab.router.path("/etc/hosts.deny")
}

fn denied(lab: &Lab) -> String {
    fs::read_to_string(hosts_deny(lab)).unwrap()
}

#[test]
fn a_line_goes_with_its_ban_and_the_lines_of_others_stay() {
    let Some(lab) = Lab::new(&[]) else { return };
    let path = hosts_deny(&lab);
    fs::write(&path, OTHERS).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    lab.router.sh("chown 0:0 /etc/hosts.deny");
    let before = fs::metadata(&path).unwrap();
    let mut daemon = lab.start(denying());

    // Its last line had no newline.
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log
        .wait_for_text("Host 10.66.0.2 has been blocked via wrappers");
    let one = format!("{OTHERS}\nALL: 10.66.0.2 : DENY\n");
    assert_eq!(denied(&lab), one);
    // What the owner wrote himself is not written twice, and is not ours.
    lab.scanner.touch(Tcp, SECOND, TRAP);
    lab.log
        .wait_for_text("Host 10.66.0.3 has been blocked via wrappers");
    assert_eq!(denied(&lab), one);
    let third = lab.stranger(ROUTER);
    lab.scanner.touch(Tcp, third, TRAP);
    let two = format!("{one}ALL: {third} : DENY\n");
    eventually("the third line", || denied(&lab) == two);

    // Whoever is ignored is free; the others are not.
    daemon.write("ignore", "10.66.0.0/24\n");
    let left = format!("{OTHERS}\nALL: {third} : DENY\n");
    eventually("the line of somebody ignored goes", || denied(&lab) == left);
    daemon.write("ignore", "");
    eventually("it is denied again", || {
        lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 15));
        denied(&lab) == format!("{left}ALL: 10.66.0.2 : DENY\n")
    });
    assert!(daemon.stop().success());
    assert_eq!(denied(&lab), format!("{OTHERS}\n"));
    let after = fs::metadata(&path).unwrap();
    let of = |data: &fs::Metadata| (data.mode(), data.uid(), data.gid());
    assert_eq!(of(&after), of(&before));
    assert!(!lab.router.path("/etc/hosts.deny.portsentry").exists());
}

#[test]
fn a_line_that_a_killed_daemon_left_is_not_written_again() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(denying());
    let line = "ALL: 10.66.0.2 : DENY\n";
    let wrappers = |text: &str| text.contains("Host 10.66.0.2 has been blocked via wrappers");
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for(wrappers);
    assert_eq!(denied(&lab), line);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    let _daemon = lab.start(denying());
    // Whatever the first one left in the firewall.
    eventually("the chain is new", || !lab.banned("10.66.0.2/32"));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for_many(2, wrappers);
    assert_eq!(denied(&lab), line);
}

/// Line 38, both halves, and the reason behind them.
#[test]
fn a_file_that_cannot_be_written_is_said() {
    let link = "mv /etc/hosts.deny /etc/elsewhere; ln -s /etc/elsewhere /etc/hosts.deny";
    let read_only = "mount --bind /etc /etc; mount -o remount,bind,ro /etc";
    for (spoil, why) in [
        (link, "symbolic link"),
        (read_only, "Read-only file system"),
    ] {
        let Some(lab) = Lab::new(&[]) else { return };
        let _daemon = lab.start(denying());
        lab.router.sh(spoil);
        lab.scanner.touch(Tcp, SCANNER, TRAP);
        lab.log
            .wait_for_text("Host 10.66.0.2 has been blocked via dropped route");
        let texts = lab.log.texts();
        let first = "adminalert: cannot open hosts.deny file: /etc/hosts.deny for blocking.";
        let second = "securityalert: ERROR: There was an error trying to block host 10.66.0.2";
        let at = texts.iter().position(|text| text == first).unwrap();
        assert_eq!(texts[at + 1], second);
        assert!(texts[at + 2].contains(why), "{}", texts[at + 2]);
        assert_eq!(lab.log.count(|text| text.contains("via wrappers")), 0);
        assert!(lab.banned("10.66.0.2/32"));
    }
}

#[test]
fn a_line_that_cannot_be_taken_out_is_said_and_the_stop_goes_on() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(denying());
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for_text("via dropped route");
    lab.router
        .sh("mount --bind /etc /etc; mount -o remount,bind,ro /etc");
    assert!(daemon.stop().success());
    lab.log
        .wait_for_text("ERROR: 1 lines of ours stay in /etc/hosts.deny: Read-only file system");
    assert!(denied(&lab).contains("10.66.0.2"));
}

/// Ignores the scanner and waits for the end of its line.
fn freed(lab: &Lab, daemon: &Daemon) {
    daemon.write("ignore", "10.66.0.2\n");
    eventually("the line goes", || !denied(lab).contains("10.66.0.2"));
}

#[test]
fn a_line_that_cannot_be_taken_out_yet_is_taken_out_later() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(denying());
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for_text("via dropped route");
    lab.router
        .sh("mount --bind /etc /etc; mount -o remount,bind,ro /etc");
    daemon.write("ignore", "10.66.0.2\n");
    let stays = "1 lines of ours stay in /etc/hosts.deny: Read-only file system";
    lab.log.wait_for(|text| text.contains(stays));
    lab.router.sh("umount /etc");
    freed(&lab, &daemon);
}

/// Ends what another thread does in a loop, when the test fails too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Another program, as denyhosts, adds its own lines all the time.
#[test]
fn what_others_add_meanwhile_stays_and_ours_goes() {
    let Some(lab) = Lab::new(&[]) else { return };
    // Not read in no time.
    let long: String = (0..30_000)
        .map(|n| format!("ALL: host-{n}.test\n"))
        .collect();
    fs::write(hosts_deny(&lab), &long).unwrap();
    let mut daemon = lab.start(denying());
    let (path, over) = (hosts_deny(&lab), AtomicBool::new(false));
    let add = || {
        (0..)
            .take_while(|_| !over.load(Ordering::Relaxed))
            .inspect(|n| {
                let mut file = File::options().append(true).open(&path).unwrap();
                file.write_all(format!("sshd: other-{n}.test\n").as_bytes())
                    .unwrap();
                drop(file);
                sleep(Duration::from_millis(2));
            })
            .count()
    };
    let added = std::thread::scope(|scope| {
        let others = scope.spawn(add);
        let until = Over(&over);
        for _ in 0..5 {
            freed(&lab, &daemon);
            daemon.write("ignore", "");
            eventually("the scanner is denied", || {
                lab.scanner.touch(Tcp, SCANNER, TRAP);
                denied(&lab).contains("10.66.0.2")
            });
        }
        assert!(daemon.stop().success());
        drop(until);
        others.join().unwrap()
    });
    let all: String = (0..added)
        .map(|n| format!("sshd: other-{n}.test\n"))
        .collect();
    let now = denied(&lab);
    let lost = all.lines().filter(|line| !now.contains(line)).count();
    assert_eq!(lost, 0, "of {added} lines of others");
    assert_eq!(now, long + &all);
}

/// Starts it anew behind a kill, once its journal knows of a ban with `words` at the end.
fn killed_and_back<'a>(
    lab: &'a Lab,
    config: &Config,
    words: &str,
    meanwhile: Duration,
) -> Daemon<'a> {
    let mut daemon = lab.start(config.clone());
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the journal", || daemon.read("run/journal").contains(words));
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    sleep(meanwhile);
    lab.start(config.clone())
}

/// Nobody wrote it since, and it is ours all the same.
#[test]
fn a_line_of_a_ban_that_ended_while_nobody_was_there_goes() {
    let Some(lab) = Lab::new(&[]) else { return };
    fs::write(hosts_deny(&lab), OTHERS).unwrap();
    let config = denying().with("BLOCK_TIME", "3s");
    let _daemon = killed_and_back(&lab, &config, " done denied\n", Duration::from_secs(4));
    eventually("the line goes", || denied(&lab) == format!("{OTHERS}\n"));
}

/// KILL_ROUTE comes behind the line, so what a journal says of it is that it was begun.
#[test]
fn a_line_of_a_ban_that_was_only_begun_goes_with_it() {
    let Some(lab) = Lab::new(&[]) else { return };
    let gate = lab.dir().join("gate");
    fs::write(&gate, "").unwrap();
    let route = format!(
        "echo $TARGET$; while test -e {}; do sleep 0.05; done",
        gate.display()
    );
    let config = denying().with("KILL_ROUTE", &route);
    let daemon = killed_and_back(&lab, &config, " begun denied\n", Duration::ZERO);
    assert_eq!(denied(&lab), "ALL: 10.66.0.2 : DENY\n");
    fs::remove_file(&gate).unwrap();
    freed(&lab, &daemon);
}

/// KILL_RUN_CMD is all that is done with 2, before a restart and behind it.
#[test]
fn a_ban_that_has_no_line_gets_none_behind_a_restart() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = denying().with("BLOCK_TCP", "2");
    let daemon = killed_and_back(
        &lab,
        &config,
        " nothing stcp 10.66.0.2 11 done ",
        Duration::ZERO,
    );
    daemon.ask("list").done();
    assert!(!lab.router.path("/etc/hosts.deny").exists() || denied(&lab).is_empty());
    assert_eq!(lab.log.count(|text| text.contains("via wrappers")), 0);
}
