//! A network and mount namespace, held open by a process that dies with the test.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) struct Namespace {
    holder: Child,
}

impl Namespace {
    pub(crate) fn new() -> Namespace {
        let mut holder = mortal("unshare")
            .args([
                "--net",
                "--mount",
                "sh",
                "-c",
                "echo ready; exec sleep 86400",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(holder.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        assert_eq!(ready, "ready\n", "no namespace");
        Namespace { holder }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A program that will run in here; it keeps its process id through `nsenter`.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = mortal("nsenter");
        command
            .arg("--target")
            .arg(self.pid().to_string())
            .args(["--net", "--mount", "--"]);
        command.arg(program.as_ref());
        command
    }

    /// Runs shell lines, each of which must succeed, and returns what they print. No `&&`: the shell
    /// would go on after a failure in the midst of such a chain.
    #[track_caller]
    pub(crate) fn sh(&self, script: &str) -> String {
        let output = self.command("sh").args(["-euc", script]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a closure in here, mostly to open a socket, which stays here wherever it is used.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let net = File::open(format!("/proc/{}/ns/net", self.pid())).unwrap();
        std::thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                setns(net, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            visitor
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Where a path of this namespace is found from outside.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid()))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended already with its thread; then there is nothing left to do.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A program that the kernel kills when the thread that started it ends, however it ends.
pub(crate) fn mortal(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program.as_ref())
        .stdin(Stdio::null());
    command
}
