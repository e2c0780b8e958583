//! Killed at any of its calls: whoever is started behind it finds everything and leaves nothing.

use super::inject::{self, Point};
use super::rest;
use super::script::{End, Outcome, Script};
use super::{all, number, usual};
use crate::lab::backend::Backend;
use crate::lab::held::host;
use crate::lab::{Lab, report};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A ban that is older than this is known behind a kill.
const KNOWN: Duration = Duration::from_secs(2);

/// One of so many points is tried where not all are.
const EACH: u32 = 12;

/// One run in which it is killed. True if it came to that call.
fn killed(lab: &Lab, backend: Backend, library: &Path, point: Point) -> Outcome<bool> {
    let mut script = Script::new(lab, backend, library, point);
    let (mut daemon, struck) = match script.play()? {
        // The call comes at the stop, or in this run not at all.
        End::Lives(mut daemon) => {
            // Some of the stop comes behind bans that have to be known.
            std::thread::sleep(KNOWN);
            daemon.stop();
            let struck = daemon.ended().is_some_and(|status| status.code().is_none());
            (daemon, struck)
        }
        End::Ended(daemon) => (daemon, true),
    };
    let died = Instant::now();
    daemon.wait();
    if struck {
        begin_again(&script, died).map_err(|why| format!("{}: {why}", script.faults.strike()))?;
    }
    Ok(struck)
}

/// The next one comes up, with every ban that has to be known, each once; and it can take everything away.
fn begin_again(script: &Script<'_>, died: Instant) -> Outcome<()> {
    forgive_young_lines(script);
    let mut daemon = script.start_again();
    if daemon.ended().is_some() {
        return Err(format!("it does not start: {}", daemon.stderr()));
    }
    let old = script
        .lasting
        .iter()
        .filter(|(_, since)| died - *since > KNOWN);
    let known: Vec<String> = old.map(|(who, _)| host(*who)).collect();
    script.wait(&mut daemon, &format!("the bans {known:?}"), |_| {
        let held = script.lab.bans(script.backend);
        known.iter().all(|ban| held.contains_key(ban))
    })?;
    script.wait(&mut daemon, "what list shows", |daemon| {
        let held = script
            .lab
            .bans(script.backend)
            .into_keys()
            .collect::<Vec<_>>();
        rest::listed(daemon) == Some(held)
    })?;
    rest::at_rest(script, &mut daemon, None)?;
    let here = rest::processes(script);
    if here.len() != 1 {
        return Err(format!("who runs is {here:?}"));
    }
    script.stop(&mut daemon)
}

/// Whoever is killed in the second of a ban, before the journal says so, has not written down whose line that in
/// hosts.deny is, and nobody can tell it from the owner's.
fn forgive_young_lines(script: &Script<'_>) {
    let journal = script.journal();
    let written_down = |line: &String| {
        let who = line.split_whitespace().nth(1).unwrap_or_default();
        let ban = format!("ban {who} ");
        let ban = journal.lines().find(|line| line.starts_with(&ban));
        ban.is_some_and(|ban| ban.ends_with("denied"))
    };
    let kept = rest::denied(script).into_iter().filter(written_down);
    let text: String = kept.map(|line| line + "\n").collect();
    let file = script.lab.router.path("/etc/hosts.deny");
    std::fs::write(file, text).unwrap();
}

#[test]
fn killed_at_every_system_call() {
    let Some(lab) = Lab::new(&["nft", "cc"]) else {
        return;
    };
    let library = inject::library(lab.dir());
    let calls = usual(Backend::Nft, &library).unwrap().calls;
    let step = match std::env::var("FAULTS").is_ok() {
        true => 1,
        false => EACH,
    };
    let count = u32::try_from(calls.len()).unwrap();
    let seed = number("SEED").unwrap_or(0);
    let at = (1..=count).filter(|k| k % step == seed % step);
    let points: Vec<_> = at.map(Point::Killed).collect();
    let reached = AtomicUsize::new(0);
    let failed = all(&points, |lab, point| {
        let struck = killed(lab, Backend::Nft, &library, point)?;
        reached.fetch_add(usize::from(struck), Ordering::Relaxed);
        Ok(())
    });
    let (runs, reached) = (points.len(), reached.load(Ordering::Relaxed));
    report(&format!(
        "killed at {reached} calls of {count}, in {runs} runs"
    ));
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
