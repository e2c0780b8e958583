//! What the two programs write.

use super::Twin;
use crate::compat::case::{Case, HOME};
use crate::compat::observe::{Seen, masked_file};
use std::fs;
use std::os::unix::fs::PermissionsExt;

impl Twin {
    /// What it has written so far.
    pub(in crate::compat) fn files(&self, case: &Case, seen: &mut Seen) {
        let blocked = format!("blocked.{}", case.mode.name);
        seen.add("history", masked_file(&self.read("history")));
        seen.add("blocked", masked_file(&self.read(&blocked)));
        let deny = fs::read_to_string(self.lab.router.path("/etc/hosts.deny"));
        seen.add("deny", deny.unwrap());
        seen.add("commands", self.read("commands"));
    }

    /// What is left behind, where the theme is that.
    pub(super) fn files_after(&self, case: &Case, seen: &mut Seen) {
        if case.theme == "after the stop" {
            let path = |name: &str| self.lab.router.path(name);
            let deny = fs::read_to_string(path("/etc/hosts.deny"));
            seen.add("deny after the stop", deny.unwrap());
            let history = fs::metadata(path(&format!("{HOME}/history")));
            let mode = history.map(|file| format!("{:o}", file.permissions().mode() & 0o777));
            seen.add("mode of the history", mode.unwrap_or_default());
        }
    }

    /// Takes the blocked file away.
    pub(in crate::compat) fn forget(&self, case: &Case) {
        let home = self.lab.router.path(HOME);
        fs::remove_file(home.join(format!("blocked.{}", case.mode.name))).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        let path = self.lab.router.path(HOME).join(name);
        fs::read_to_string(path).unwrap_or_default()
    }
}
