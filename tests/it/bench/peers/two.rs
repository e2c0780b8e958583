//! PortSentry 2.x, which stays in the foreground and needs a configuration of its own.

use super::KILL_ROUTE;
use crate::lab::Lab;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

pub(in crate::bench) struct Two(Child);

impl Two {
    /// Its grammar is strict: keys of its own only, each value in quotes.
    #[track_caller]
    pub(super) fn start(lab: &Lab, list: &str, path: &Path) -> Self {
        let home = lab.dir().join("daemon");
        fs::create_dir_all(&home).unwrap();
        let conf = format!(
            "TCP_PORTS=\"{list}\"\nBLOCK_TCP=\"1\"\nBLOCKED_FILE=\"{home}/blocked\"\n\
             HISTORY_FILE=\"{home}/history\"\nKILL_ROUTE=\"{KILL_ROUTE}\"\n",
            home = home.display()
        );
        fs::write(home.join("conf"), conf).unwrap();
        let before = lab.log.count(is_active);
        let mut command = lab.router.command(path);
        command.args(["--stealth", "-l", "syslog", "-c"]);
        command.arg(home.join("conf"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.spawn().unwrap();
        lab.log.wait_for_many(before + 1, is_active);
        Self(child)
    }

    pub(in crate::bench) fn pid(&self) -> u32 {
        self.0.id()
    }
}

fn is_active(text: &str) -> bool {
    text.contains("Portsentry is now active and listening.")
}

impl Drop for Two {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
