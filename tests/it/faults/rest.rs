//! What must be so when everything is at rest, and when the daemon has ended.

use super::script::{Outcome, Script};
use crate::lab::daemon::Daemon;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// Whoever reads it is told by a line that the rest stays; 1.2's words for a start that failed are among them.
const WHY: &str = "ERROR";

/// How soon what the daemon has started has ended.
const SOON: Duration = Duration::from_secs(10);

/// What it has open.
pub(super) type Open = Vec<String>;

/// The bans that `list` shows, if all of them are in force.
pub(super) fn listed(daemon: &Daemon<'_>) -> Option<Vec<String>> {
    let asked = daemon.ask("list --json");
    let told: serde_json::Value = serde_json::from_str(&asked.said).ok()?;
    let bans = told["bans"].as_array().unwrap().iter();
    let ban = |ban: &serde_json::Value| {
        let source = ban["source"].as_str().unwrap();
        (ban["state"] == "enforced").then(|| format!("{source}/32"))
    };
    let mut bans: Vec<String> = bans.map(ban).collect::<Option<_>>()?;
    bans.sort();
    Some(bans)
}

/// No child is left, and what is open; `usual` is what a run has open in which nothing fails.
pub(super) fn at_rest(
    script: &Script<'_>,
    daemon: &mut Daemon<'_>,
    usual: Option<&Open>,
) -> Outcome<Open> {
    script.wait(daemon, "the end of all children", |daemon| {
        daemon.children().is_empty()
    })?;
    let Some(usual) = usual else {
        return Ok(open(daemon));
    };
    // Less is open where it was said that something could not be had.
    let told = |daemon: &Daemon<'_>| script.texts(daemon).iter().any(|text| text.contains(WHY));
    let waited = script.wait(daemon, "", |daemon| {
        let open = open(daemon);
        open == *usual || (is_part(&open, usual) && told(daemon))
    });
    match waited {
        Ok(()) => Ok(open(daemon)),
        Err(_) => Err(format!("open are {:?}, not {usual:?}", open(daemon))),
    }
}

/// Whether one is the other without something; both are in order.
fn is_part(less: &Open, more: &Open) -> bool {
    let mut more = more.iter();
    less.iter().all(|one| more.any(|other| one == other))
}

/// The kinds of all that it has open: "socket", "pipe", "anon_inode:inotify", a path.
fn open(daemon: &Daemon<'_>) -> Open {
    let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", daemon.pid())) else {
        return Open::new();
    };
    let links = entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    let kind = |link: std::path::PathBuf| {
        let link = link.to_string_lossy().into_owned();
        match link.starts_with('/') {
            true => link.rsplit('/').next().unwrap().to_owned(),
            false => link.split(":[").next().unwrap().to_owned(),
        }
    };
    let mut kinds: Open = links.map(kind).collect();
    kinds.sort();
    kinds
}

/// It has ended, or shall: of ours nothing is there any more, or its status and a line tell.
pub(super) fn check_left(script: &Script<'_>, daemon: &mut Daemon<'_>) -> Outcome<()> {
    let end = Instant::now() + SOON;
    while daemon.ended().is_none() {
        if Instant::now() > end {
            return Err("it does not stop".to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let status = daemon.ended().unwrap();
    let texts = script.texts(daemon);
    let told = format!("{status}:\n    {}", texts.join("\n    "));
    let excused = texts.iter().any(|text| text.contains(WHY));
    match status.code() {
        Some(0) => {}
        Some(1 | 2) if excused => {}
        _ => return Err(told),
    }
    let left = left(script, daemon);
    // What cannot be removed is said, and the status is 1.
    let removed = |text: &String| text.contains("could not be taken out") || text.contains("stays");
    let said = status.code() == Some(1) && texts.iter().any(removed);
    match left.is_empty() || said {
        true => Ok(()),
        false => Err(format!("left is {left:?}; {told}")),
    }
}

/// What is there of ours: waited for, because a child that was told to end needs a moment.
pub(super) fn left(script: &Script<'_>, daemon: &Daemon<'_>) -> BTreeSet<String> {
    let end = Instant::now() + Duration::from_secs(3);
    loop {
        let left = left_now(script, daemon);
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn left_now(script: &Script<'_>, daemon: &Daemon<'_>) -> BTreeSet<String> {
    let mut left = BTreeSet::new();
    left.extend(script.frame());
    // A socket that could not be removed does no harm: nobody answers there.
    let strike = script.faults.strike();
    let excused = ["unlink", "statx"]
        .iter()
        .any(|name| strike.starts_with(name));
    if daemon.file("run/control").exists() && !excused {
        left.insert("run/control".to_owned());
    }
    if daemon.file("run/journal.new").exists() {
        left.insert("run/journal.new".to_owned());
    }
    left.extend(denied(script));
    left.extend(processes(script));
    left
}

/// The lines in hosts.deny.
pub(super) fn denied(script: &Script<'_>) -> Vec<String> {
    let file = script.lab.router.path("/etc/hosts.deny");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Whoever lives in the router's network, but for the one that holds it.
pub(super) fn processes(script: &Script<'_>) -> Vec<String> {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let holder = script.lab.router.pid().to_string();
    let ours = namespace(&holder);
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().into_string().ok());
    let others = pids.filter(|pid| *pid != holder && pid.parse::<u32>().is_ok());
    let here = others.filter(|pid| namespace(pid) == ours);
    let line = |pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
    let lines = here.filter_map(line).map(|line| line.replace('\0', " "));
    lines.filter(|line| !line.is_empty()).collect()
}
