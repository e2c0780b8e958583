//! The ignore files are followed wherever their names lead.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::Daemon;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use portsentry::limits::FOLLOW_PAUSE;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

const ALL: &str = "10.66.0.0/24\n";

/// Somebody whom the list has from now on is freed, and one whom it has no more is banned; without a packet of his
/// in the first case.
struct Followed<'lab> {
    lab: &'lab Lab,
    daemon: Daemon<'lab>,
}

impl Followed<'_> {
    #[track_caller]
    fn ignores(&self, when: &str) {
        eventually(when, || !self.lab.banned("10.66.0.2/32"));
    }

    #[track_caller]
    fn bans(&self, when: &str) {
        let mut ports = [1, 11, 15, 79, 111].into_iter().cycle();
        eventually(when, || {
            let trap = SocketAddr::new(ROUTER, ports.next().unwrap());
            self.lab.scanner.touch(Tcp, SCANNER, trap);
            self.lab.banned("10.66.0.2/32")
        });
    }
}

/// A daemon whose ignore file is `place/to/ignore` in its home.
fn followed<'lab>(lab: &'lab Lab, prepare: impl Fn(&Path)) -> Followed<'lab> {
    let home = lab.dir().join("daemon");
    fs::create_dir_all(home.join("place/to")).unwrap();
    fs::create_dir_all(home.join("other/far")).unwrap();
    prepare(&home);
    let file = home.join("place/to/ignore");
    let config = Config::blocking(Mode::Stealth).with("IGNORE_FILE", file.to_str().unwrap());
    let daemon = lab.start(config);
    Followed { lab, daemon }
}

#[test]
fn a_link_to_the_list_is_followed() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = followed(&lab, |home| {
        fs::write(home.join("other/far/list"), "").unwrap();
        symlink("../../other/far/list", home.join("place/to/ignore")).unwrap();
    });
    it.bans("nobody is ignored");
    it.daemon.write("other/far/list", ALL);
    it.ignores("the file behind the link is written");
    it.daemon.write("other/far/list", "");
    it.bans("it is emptied");
    // As editors and ln -sfn do.
    let (new, link) = (it.daemon.file("new"), it.daemon.file("place/to/ignore"));
    fs::write(it.daemon.file("other/list"), ALL).unwrap();
    symlink("../../other/list", &new).unwrap();
    fs::rename(&new, &link).unwrap();
    it.ignores("the link leads elsewhere");
}

#[test]
fn a_directory_that_is_replaced_is_followed() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = followed(&lab, |_| {});
    it.bans("there is no list");
    let home = it.daemon.file("");
    // A new version of the directory is put in the place of the old.
    fs::create_dir_all(home.join("fresh/to")).unwrap();
    fs::write(home.join("fresh/to/ignore"), ALL).unwrap();
    fs::rename(home.join("place"), home.join("old")).unwrap();
    fs::rename(home.join("fresh"), home.join("place")).unwrap();
    it.ignores("the directory above is replaced");
    fs::write(home.join("place/to/ignore"), "").unwrap();
    it.bans("its list is emptied");
    fs::remove_dir_all(home.join("place")).unwrap();
    fs::create_dir(home.join("place")).unwrap();
    fs::create_dir(home.join("place/to")).unwrap();
    fs::write(home.join("place/to/ignore.static"), ALL).unwrap();
    it.ignores("the directory is made anew, with the other list");
}

#[test]
fn a_link_in_the_way_is_followed() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = followed(&lab, |home| {
        fs::remove_dir(home.join("place/to")).unwrap();
        symlink(home.join("other/far"), home.join("place/to")).unwrap();
    });
    it.bans("there is no list");
    it.daemon.write("other/far/ignore", ALL);
    it.ignores("a list comes into being behind the link");
    fs::create_dir(it.daemon.file("other/near")).unwrap();
    fs::remove_file(it.daemon.file("place/to")).unwrap();
    symlink("../other/near", it.daemon.file("place/to")).unwrap();
    it.bans("the link leads to where no list is");
}

/// `ln -s ignore ignore` by mistake, and a directory that is a file for a moment.
#[test]
fn a_way_that_leads_nowhere_for_a_moment_is_followed_on() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = followed(&lab, |_| {});
    it.bans("there is no list");
    let list = it.daemon.file("place/to/ignore");
    symlink("ignore", &list).unwrap();
    let errors = || {
        let path = format!("{}: ", list.display());
        lab.log
            .count(|text| text.contains("ERROR") && text.contains(&path))
    };
    eventually("the circle is said", || errors() == 1);
    fs::remove_file(&list).unwrap();
    fs::write(&list, ALL).unwrap();
    it.ignores("the circle is a file now");
    let (place, away) = (it.daemon.file("place"), it.daemon.file("away"));
    fs::rename(&place, &away).unwrap();
    fs::write(&place, "").unwrap();
    eventually("the file on the way is said", || errors() >= 2);
    fs::write(away.join("to/ignore"), "").unwrap();
    fs::remove_file(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    it.bans("the directory is back, with another list");
}

/// Another program has used up the descriptors, or the watches, for a while.
#[test]
fn a_list_that_could_not_be_followed_for_a_while_is_followed_again() {
    let Some(lab) = Lab::new(&["prlimit"]) else {
        return;
    };
    let it = followed(&lab, |_| {});
    it.bans("there is no list");
    let allow = |files: usize| {
        let pid = it.daemon.pid();
        lab.router
            .sh(&format!("prlimit --pid {pid} --nofile={files}:"));
    };
    // That of what it is followed with is the first that it may not have again.
    allow(inotify(it.daemon.pid()));
    it.daemon.write("place/to/ignore", "10.66.0.77\n");
    lab.log
        .wait_for(|text| text.contains("Too many open files"));
    it.daemon.write("place/to/ignore", ALL);
    allow(1024);
    it.ignores("what changed meanwhile is read");
    it.daemon.write("place/to/ignore", "");
    it.bans("what changes from now on as well");
    let said = "the ignore file cannot be followed: Too many open files";
    assert_eq!(lab.log.count(|text| text.contains(said)), 1);
    assert_eq!(lab.log.count(|text| text.contains("poll call failed")), 0);
}

/// The descriptor that a process has of inotify(7).
fn inotify(pid: u32) -> usize {
    let of = |fd: &usize| fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok();
    let mut fds = 0..64;
    let is_it = |fd: &usize| of(fd).is_some_and(|link| link.ends_with("anon_inode:inotify"));
    fds.find(is_it).unwrap()
}

/// Between an editor's two steps nobody may be banned who is on the list before and after.
#[test]
fn a_list_that_is_away_for_a_moment_stays_in_force() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = followed(&lab, |home| {
        fs::write(home.join("place/to/ignore"), ALL).unwrap();
    });
    let (list, away) = (it.daemon.file("place/to/ignore"), it.daemon.file("away"));
    let logged = || lab.log.count(|text| text.contains("host: 10.66.0.2/"));
    // On a busy machine the moment may become too long; then another.
    for trap in TCP_TRAPS {
        let (before, begun) = (logged(), Instant::now());
        fs::rename(&list, &away).unwrap();
        std::thread::sleep(FOLLOW_PAUSE / 5);
        lab.scanner
            .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, trap));
        std::thread::sleep(FOLLOW_PAUSE / 5);
        fs::rename(&away, &list).unwrap();
        let a_moment = begun.elapsed() < FOLLOW_PAUSE;
        it.daemon.settle();
        if a_moment {
            assert_eq!(logged(), before);
            return;
        }
        it.ignores("the list is back");
    }
    panic!("no moment was short enough");
}

/// The directories above may be busy ones, such as /tmp.
#[test]
fn what_happens_beside_the_way_wakes_nobody() {
    let Some(lab) = Lab::new(&[]) else { return };
    let it = followed(&lab, |_| {});
    it.daemon.settle();
    let before = it.daemon.wakeups();
    for n in 0..500 {
        it.daemon.write(&format!("place/{n}"), "x");
        it.daemon.write(&format!("{n}"), "x");
    }
    assert!(it.daemon.wakeups() < before + 30);
}
