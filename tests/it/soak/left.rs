//! What a daemon holds: descriptors, memory, children, and what is in its tables.

use crate::lab::daemon::Daemon;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;

/// Once used, room is used again: the lines that wait for syslog, an answer as long as it is sent.
const SLACK_KB: u64 = 512;

pub(super) struct Left {
    /// By kind: `socket:`, `pipe:`, `/dev/null`.
    descriptors: BTreeMap<String, usize>,
    children: usize,
    tables: Value,
    resident_kb: u64,
    data_kb: u64,
}

impl Left {
    pub(super) fn by(daemon: &Daemon) -> Left {
        let status = daemon.ask("status --json").json();
        let sources = &status["sources"];
        let tables = serde_json::json!({
            "bans": status["bans"],
            "on probation": sources["on_probation"],
            "known": sources["known"],
            "offenders": sources["offenders"],
            "firewall": status["firewall"],
        });
        Left {
            descriptors: descriptors(daemon.pid()),
            children: daemon.children().len(),
            tables,
            resident_kb: daemon.memory_kb(),
            data_kb: daemon.data_kb(),
        }
    }

    #[track_caller]
    pub(super) fn check_same_as(&self, before: &Left) {
        assert_eq!(self.descriptors, before.descriptors);
        assert_eq!((self.children, before.children), (0, 0));
        assert_eq!(self.tables, before.tables);
        assert!(
            self.resident_kb <= before.resident_kb + SLACK_KB,
            "{before}, then {self}"
        );
        assert!(
            self.data_kb <= before.data_kb + SLACK_KB,
            "{before}, then {self}"
        );
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open: usize = self.descriptors.values().sum();
        let Left {
            children,
            tables,
            resident_kb,
            data_kb,
            ..
        } = self;
        write!(
            f,
            "{open} descriptors, {children} children, {resident_kb} kB resident, {data_kb} kB of data, {tables}"
        )
    }
}

fn descriptors(pid: u32) -> BTreeMap<String, usize> {
    let number = Regex::new(r"\[\d+\]$").unwrap();
    let mut kinds = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let target = target.display().to_string();
        *kinds
            .entry(number.replace(&target, "").into_owned())
            .or_default() += 1;
    }
    kinds
}
