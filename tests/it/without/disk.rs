//! Without a disk that can be written: a read-only root, and flash that nothing is written to.

use super::{check_sleeps, complaints, scan};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::binary;
use crate::lab::held::host;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, eventually};
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Stdio};

const SHIPPED: &str = include_str!("../../../cross/openwrt/files/portsentry.config");

/// Nothing can be written but /run, and the directory of the lab, which stands for /tmp.
fn read_only(lab: &Lab) {
    lab.router.sh(&format!(
        "mount --rbind {dir} {dir}
         mount -o remount,bind,ro /
         mount --bind /etc /etc
         mount -o remount,bind,ro /etc
         ! touch /etc/new /new 2>/dev/null
         touch /run/new {dir}/new
         rm /run/new",
        dir = lab.dir().display()
    ));
}

#[test]
fn files_that_cannot_be_written_are_said_once_and_bans_go_on() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        read_only(lab);
        let config = Config::blocking(Mode::Stealth)
            .with("BACKEND", backend.word())
            .with("HISTORY_FILE", "/etc/portsentry.history")
            .with("BLOCKED_FILE", "/etc/portsentry.blocked");
        let mut daemon = lab.start(config.clone());
        for port in [11, 15, 79] {
            let source = scan(lab, ROUTER, port);
            eventually("the ban", || lab.holds(backend, &host(source)));
        }
        check_sleeps(&daemon);
        let start = [
            "ERROR: Cannot delete blocked file on startup: /etc/portsentry.blocked.stcp.",
            "ERROR: Cannot delete blocked file on startup: /etc/portsentry.blocked.sudp.",
            "ERROR: Cannot open history file: /etc/portsentry.history.",
        ];
        let ban = "ERROR: Cannot open blocked file: /etc/portsentry.blocked.stcp.";
        assert_eq!(complaints(lab), [&start[..], &[ban]].concat());

        // What counts is in the run directory.
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.bans(backend).len(), 0);
        let mut daemon = lab.start(config);
        lab.log
            .wait_for_text("3 of 3 bans of before are in force again");
        eventually("the bans", || lab.bans(backend).len() == 3);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    });
}

/// Ends with the test.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// With the file that the package brings, from the start to the end.
#[test]
fn nothing_is_written_but_in_the_run_directory() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    let conf = lab.router.path("/etc/config/portsentry");
    fs::create_dir_all(conf.parent().unwrap()).unwrap();
    fs::write(&conf, SHIPPED.replace("enabled '0'", "enabled '1'")).unwrap();
    lab.router.sh("mkdir -m 755 /run/portsentry
         printf 'wan wan\\nwan6 wan\\n' > /run/portsentry/devices
         mount -o remount,bind,ro /");
    // All that is written to /etc is in the first; elsewhere nothing can be, unless /tmp is a mount.
    let written = || {
        let find = format!(
            "find {}/world/changes /run -type f -o -type s",
            lab.dir().display()
        );
        lab.router.sh(&find)
    };
    let before = written();
    let mut program = lab.router.command(binary());
    program.args(["run", "-c", "/etc/config/portsentry"]);
    program.stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = Mortal(program.spawn().unwrap());
    lab.log
        .wait_for_text("PortSentry is now active and listening.");
    let source = lab.stranger(ROUTER);
    for port in [23, 3389] {
        lab.scanner
            .touch(Tcp, source, SocketAddr::new(ROUTER, port));
    }
    eventually("the ban", || lab.holds(Backend::Nft, &host(source)));
    let journal = lab.router.path("/run/portsentry/journal");
    eventually("the journal", || {
        fs::read_to_string(&journal).unwrap().contains(" done ")
    });
    let pid = nix::unistd::Pid::from_raw(daemon.0.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(daemon.0.wait().unwrap().success());

    let after = written();
    let mut new: Vec<_> = after
        .lines()
        .filter(|file| !before.contains(file))
        .collect();
    new.sort_unstable();
    assert_eq!(new, ["/run/portsentry/journal", "/run/portsentry/lock"]);
    assert_eq!(complaints(&lab), [""; 0]);
}
