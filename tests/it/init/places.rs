//! Where the script stands, by which name it is called, and what the machine around it lacks.

use super::{Init, SHELLS, example};
use crate::lab::daemon::binary;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Where programs are found in the lab.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// As busybox's rcS of Buildroot does: each S??*, in its order, by the name of the link.
#[test]
fn it_is_started_and_stopped_by_the_name_that_rc_s_calls_it() {
    for shell in SHELLS {
        let Some(lab) = Lab::new(&["busybox"]) else {
            return;
        };
        let init = Init::new(&lab, shell);
        let script = init.daemon.home.join("init");
        lab.router.sh(&format!(
            "mkdir -p /etc/init.d
             rm -f /etc/init.d/S*
             chmod 755 {script}
             ln -s {script} /etc/init.d/S50portsentry",
            script = script.display()
        ));
        let rc = |verb: &str| {
            let each = format!("for i in /etc/init.d/S??*; do $i {verb}; done");
            lab.router.sh(&each)
        };
        let said = rc("start");
        assert_eq!(
            said,
            format!("portsentry started (process {})\n", init.pid())
        );
        assert_eq!(rc("stop"), "portsentry stopped\n");
        assert_eq!(init.daemon.processes(), [0; 0]);
        let usage = "usage: /etc/init.d/S50portsentry start|stop|restart|reload|status\n";
        let mut wrong = lab.router.command("/etc/init.d/S50portsentry");
        let wrong = wrong.arg("dance").output().unwrap();
        assert_eq!(wrong.status.code(), Some(2));
        assert_eq!(String::from_utf8(wrong.stderr).unwrap(), usage);
    }
}

/// A start-stop-daemon that knows short options only, as busybox is built for OpenWrt. It notes what it is asked.
#[test]
fn start_stop_daemon_is_called_with_short_options() {
    let Some(lab) = Lab::new(&["start-stop-daemon"]) else {
        return;
    };
    let init = Init::new(&lab, SHELLS[0]);
    let (dir, note) = (lab.dir().join("short"), lab.dir().join("asked"));
    fs::create_dir(&dir).unwrap();
    let script = format!(
        "#!/bin/sh
for word do
    [ \"$word\" != -- ] || break
    echo \"$word\" >> {}
    case $word in --*) exit 1 ;; esac
done
PATH=${{PATH#*:}} exec start-stop-daemon \"$@\"\n",
        note.display()
    );
    fs::write(dir.join("start-stop-daemon"), script).unwrap();
    lab.router
        .sh(&format!("chmod 755 {}/start-stop-daemon", dir.display()));
    let path = format!("{}:{}", dir.display(), PLACES.join(":"));
    let start = init.command("start").env("PATH", path).output().unwrap();
    assert!(start.status.success(), "{start:?}");
    let asked = fs::read_to_string(note).unwrap();
    let options: Vec<&str> = asked.lines().filter(|word| word.starts_with('-')).collect();
    assert_eq!(options, ["-S", "-q", "-p", "-x"], "{asked}");
    init.is_in_hand();
}

#[test]
fn without_start_stop_daemon_and_setsid_it_starts_as_well() {
    let Some(lab) = Lab::new(&[]) else { return };
    let init = Init::new(&lab, SHELLS[0]);
    for program in ["start-stop-daemon", "setsid"] {
        hide(&lab, program);
    }
    let (status, said) = init.run("start");
    assert_eq!(status, Some(0), "{said}");
    init.is_in_hand();
}

/// Nobody can run it any more; `command -v` passes it over.
fn hide(lab: &Lab, program: &str) {
    let mask = lab.dir().join("mask");
    fs::write(&mask, "").unwrap();
    for place in PLACES {
        let there = Path::new(place).join(program);
        if there.exists() {
            let (mask, there) = (mask.display(), there.display());
            lab.router.sh(&format!("mount --bind {mask} {there}"));
        }
    }
    // What mount itself has noted there.
    lab.router.sh("rm -rf /run/mount");
}

/// As on flash that is mounted so: only /run can be written to. Nothing else is, unless the owner asks for it.
#[test]
fn a_root_that_is_read_only_is_no_hindrance() {
    for shell in SHELLS {
        let Some(lab) = Lab::new(&["busybox"]) else {
            return;
        };
        let init = Init::new(&lab, shell);
        fs::write(init.daemon.home.join("conf"), example("1")).unwrap();
        lab.router.sh(READ_ONLY);
        let (status, said) = init.run("start");
        assert_eq!(status, Some(0), "{said}");
        for port in [23, 445] {
            lab.scanner.touch(Tcp, SCANNER, (ROUTER, port).into());
        }
        lab.log.wait_for_text("has been blocked");
        assert_eq!(init.run("reload").0, Some(0));
        lab.log.wait_for_text("is read again");
        let lines = lab.log.texts();
        let error = lines.iter().find(|line| line.contains("ERROR"));
        assert_eq!(error, None);
        init.is_in_hand();
    }
}

/// Everything but /run, /proc and /dev.
const READ_ONLY: &str = "
    for place in / /etc /tmp; do
        mount --rbind $place $place
        mount -o remount,ro,bind $place
        ! touch $place/x 2>/dev/null
    done
    touch /run/x
    rm -rf /run/x /run/mount";

/// `make install` puts it there with the defaults beside it, which are the owner's from then on.
#[test]
fn make_install_never_overwrites_what_is_the_owners() {
    let root = TempDir::new().unwrap();
    let install = || {
        let output = Command::new("make")
            .args(["--no-print-directory", "install", "PREFIX=/usr/local"])
            .arg(format!("PROGRAM={}", binary().display()))
            .arg(format!("DESTDIR={}", root.path().display()))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
    assert!(!install().contains("kept: "));
    let script = read("etc/init.d/portsentry");
    let daemon = script.lines().find(|line| line.starts_with("DAEMON="));
    assert_eq!(daemon, Some("DAEMON=/usr/local/sbin/portsentry"));
    let shipped = include_str!("../../../cross/etc/default/portsentry");
    assert_eq!(read("etc/default/portsentry"), shipped);

    let owners = ["etc/default/portsentry", "etc/portsentry/portsentry.conf"];
    for path in owners {
        fs::write(root.path().join(path), "# mine\n").unwrap();
    }
    fs::write(root.path().join("etc/init.d/portsentry"), "old").unwrap();
    let said = install();
    for path in owners {
        assert_eq!(read(path), "# mine\n");
        assert!(
            said.contains(&format!("kept: {}/{path}", root.path().display())),
            "{said}"
        );
    }
    assert_eq!(read("etc/init.d/portsentry"), script);
}
