//! The daemon as an init script for PortSentry 1.2 starts it: called with a flag, it stays when the call ends.

use super::config::Config;
use super::daemon::binary;
use super::{Lab, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;

/// A home with a configuration and a run directory, and whoever lives there in the background.
pub(crate) struct Background<'lab> {
    pub(crate) lab: &'lab Lab,
    pub(crate) home: PathBuf,
}

/// A call that has not ended yet.
pub(crate) struct Call {
    child: Child,
    output: PathBuf,
}

impl Lab {
    pub(crate) fn background(&self, config: &Config) -> Background<'_> {
        let home = self.home("background", config);
        Background { lab: self, home }
    }
}

impl Background<'_> {
    /// Calls it, and waits for the end of the call: the exit status, and what it wrote.
    #[track_caller]
    pub(crate) fn call(&self, flags: &[&str]) -> (i32, String) {
        self.begin(flags).end()
    }

    pub(crate) fn begin(&self, flags: &[&str]) -> Call {
        self.begin_with(flags, &self.home.join("conf"))
    }

    /// The same with another configuration file. The shell leaves it a file open, as a careless script does.
    pub(crate) fn begin_with(&self, flags: &[&str], config: &Path) -> Call {
        let mut command = self.lab.router.command("sh");
        command
            .args(["-c", "exec \"$@\" 9</dev/zero", "sh"])
            .arg(binary())
            .args(flags)
            .arg("-c")
            .arg(config)
            .arg("--run-dir")
            .arg(self.run());
        let output = self.home.join(format!("said{}", flags.concat()));
        let file = File::create(&output).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        Call { child, output }
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.home.join("run")
    }

    /// Who lives here. The number in the lock stays when they are gone, and may be another's then.
    pub(crate) fn resident(&self) -> Option<u32> {
        let pid = fs::read_to_string(self.run().join("lock")).ok()?;
        let pid = pid.trim().parse().ok()?;
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        line.contains(self.home.to_str().unwrap()).then_some(pid)
    }

    /// The same, who must be there.
    #[track_caller]
    pub(crate) fn pid(&self) -> u32 {
        self.resident().expect("nobody runs in the background")
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    #[track_caller]
    pub(crate) fn stop(&self) {
        self.signal(Signal::SIGTERM);
        eventually("its end", || self.resident().is_none());
    }

    /// Every process that was started for this home, the calls left out.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let home = self.home.to_str().unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        all.filter(|pid: &u32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // Not what is on the way to it; an emulator with it in hand is the program.
            let called = line.split('\0').next().unwrap_or_default();
            !["sh", "setpriv", "nsenter"].contains(&called) && line.contains(home)
        })
        .collect()
    }

    /// Whether whoever lives here has logged a text.
    pub(crate) fn said(&self, text: &str) -> bool {
        let ident = format!("portsentry[{}]: ", self.pid());
        self.lab.log.all().iter().any(|line| {
            let line = String::from_utf8_lossy(&line.datagram).into_owned();
            line.contains(&ident) && line.contains(text)
        })
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL);
        }
    }
}

impl Call {
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    #[track_caller]
    pub(crate) fn end(mut self) -> (i32, String) {
        eventually("the end of the call", || self.has_ended());
        let said = fs::read_to_string(&self.output).unwrap();
        let code = self.child.wait().unwrap().code();
        (code.expect("the call was killed"), said)
    }
}
