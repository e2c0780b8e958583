//! scanlogd as Debian packs it: no part of this machine, so the lab has the user and the empty directory for it.

use crate::lab::daemon::children;
use crate::lab::{Lab, ROUTER, packet, skip};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

pub(crate) struct Scanlogd<'lab> {
    lab: &'lab Lab,
    /// The first process of its namespace.
    child: Child,
}

/// Where it is; nothing where it is not, or cannot run.
pub(crate) fn unpacked() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scanlogd/usr/sbin/scanlogd");
    let there = path.exists() || skip("no scanlogd: tests/fetch fetches it");
    // It becomes another user, and gives up root's groups.
    let users = fs::read_to_string("/proc/self/uid_map").unwrap();
    let free =
        users.trim().ends_with("4294967295") || skip("scanlogd does not run in a user namespace");
    (there && free).then_some(path)
}

impl<'lab> Scanlogd<'lab> {
    /// Starts it, and waits until it listens: then it goes to the background.
    #[track_caller]
    pub(crate) fn start(lab: &'lab Lab, path: &Path) -> Self {
        lab.router.sh("mkdir -p /run/scanlogd/empty
             grep -q ^scanlogd: /etc/passwd ||
                 echo scanlogd:x:65533:65533::/run/scanlogd/empty:/bin/false >>/etc/passwd");
        let mut command = lab.router.command("unshare");
        command.args(["--pid", "--fork", "--kill-child", "sh", "-c"]);
        command
            .arg("\"$0\" && echo ready; exec sleep 600")
            .arg(path);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "scanlogd did not start");
        Self { lab, child }
    }

    /// The process that watches, which has left the one that started it.
    pub(crate) fn pid(&self) -> u32 {
        let first = children(self.child.id())[0];
        let watches = |pid: &u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.trim() == "scanlogd")
        };
        children(first).into_iter().find(watches).unwrap()
    }

    /// Returns when all that was sent before has been seen: a stranger's scan, sent later, is logged.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let from = self.lab.stranger(ROUTER);
        let sender = self.lab.scanner.sender();
        for port in 1..=10 {
            let to = SocketAddr::new(ROUTER, port);
            sender.send(&packet::tcp(SocketAddr::new(from, 40000), to, "S"));
        }
        self.lab.log.wait_for(|text| is_about(text, from));
    }

    /// Whether one of the lines is about a scan from there.
    pub(crate) fn has_seen(&self, lines: &[String], from: IpAddr) -> bool {
        lines.iter().any(|line| is_about(line, from))
    }
}

/// `<25>Mmm dd hh:mm:ss scanlogd: 192.0.2.1:40000 to 192.0.2.2 ports 1, 7, …`, the source port only if it was
/// always the same.
fn is_about(line: &str, from: IpAddr) -> bool {
    let source = line
        .split_once(" scanlogd: ")
        .and_then(|(_, text)| text.split_once(" to "));
    let source = source.map(|(source, _)| source.split(':').next());
    source.flatten() == Some(&from.to_string())
}

impl Drop for Scanlogd<'_> {
    fn drop(&mut self) {
        // unshare takes all of its namespace with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
