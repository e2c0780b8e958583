//! How the two programs are started, and which of their processes is meant.

use super::{Program, Running, Twin};
use crate::compat::case::{CONF, Case, HOME};
use crate::lab::ROUTER;
use crate::lab::daemon::{binary, children};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Plays init for a program that goes to the background: says how the process ended that was started,
/// and then how each ended that it left behind.
const INIT: &str = "
    open(my $note, '>', shift); select($note); $| = 1;
    system(@ARGV); print 'parent ', $? >> 8, qq(\\n);
    while (wait > 0) { print 'daemon ', $? & 127 ? 'signal ' . ($? & 127) : $? >> 8, qq(\\n) }";

/// The owner's command: a script that writes its arguments.
const NOTE: &str = "#!/bin/sh\necho \"$*\" >>/run/compat/commands\n";

impl Twin {
    /// Starts the program on a case, without waiting.
    pub(in crate::compat) fn launch(&mut self, case: &Case) {
        let path = |name: &str| self.lab.router.path(name);
        let home = path(HOME);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir(&home).unwrap();
        let _ = fs::remove_file(path(CONF));
        if !case.keys.is_empty() {
            fs::write(path(CONF), case.conf()).unwrap();
        }
        let listen = |port| self.lab.router.listen(SocketAddr::new(ROUTER, port));
        self.service = case.service.map(listen);
        fs::write(path("/etc/hosts.deny"), "").unwrap();
        fs::write(home.join("ignore"), &case.ignore).unwrap();
        for name in ["note", "route"] {
            fs::write(home.join(name), NOTE).unwrap();
            fs::set_permissions(home.join(name), PermissionsExt::from_mode(0o755)).unwrap();
        }
        let mut command = self.command(case);
        let output = File::create(home.join("output")).unwrap();
        command.stderr(output.try_clone().unwrap()).stdout(output);
        let child = command.spawn().unwrap();
        self.running = Some(Running { child, pid: None });
    }

    fn command(&self, case: &Case) -> Command {
        let mut command = self.lab.router.command("unshare");
        command.args(["--pid", "--fork", "--kill-child", "perl", "-e", INIT]);
        command.arg(format!("{HOME}/status"));
        match &self.program {
            Program::Original(program) => command.arg(program),
            Program::Ours => {
                command.arg(binary()).args(["-c", CONF]);
                command.args(["--run-dir", &format!("{HOME}/run")])
            }
        };
        command.arg(case.flag);
        command
    }

    /// The process that stays: it is taken over by INIT, once the one that started it is gone.
    pub(super) fn find(&self) -> Option<u32> {
        let started = self.running.as_ref().unwrap().child.id();
        self.read("status").contains("parent").then_some(())?;
        let init = *children(started).first()?;
        children(init).first().copied()
    }
}
