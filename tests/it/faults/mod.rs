//! System calls that fail, one in each run, and a daemon that is killed at any of them.
//!
//! A run is the life of the daemon in a few seconds: `script`. It is counted how many calls it makes that can
//! fail; then there is a run for each of them in which this one does. `make faults` goes through every error of
//! each; otherwise it is every third call with one of its errors, others with another SEED.

mod children;
mod inject;
mod kill;
mod rest;
mod script;

use crate::lab::backend::Backend;
use crate::lab::{Lab, report};
use inject::{Call, Point};
use script::{End, Outcome, Script};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls of the script that can fail. It may become more; less means that something is not reached any more.
const REACHED: usize = 600;

/// One of so many calls fails where not all are tried.
const EACH: u32 = 3;

/// Runs at a time. Most of a run is waiting.
const AT_ONCE: usize = 12;

/// The tests here are not in one another's way.
static ONE: Mutex<()> = Mutex::new(());

/// What a run in which nothing fails shows.
struct Usual {
    calls: Vec<Call>,
    open: rest::Open,
    frame: Vec<String>,
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

fn usual(backend: Backend, library: &Path) -> Option<Usual> {
    let lab = Lab::new(&["nft", "cc"])?;
    let mut script = Script::new(&lab, backend, library, Point::Nowhere);
    let played = script.play().and_then(|end| match end {
        End::Lives(daemon) => Ok(daemon),
        End::Ended(_) => Err("it has ended".to_owned()),
    });
    let mut daemon = played.unwrap();
    let open = script.check_even(&mut daemon, None).unwrap();
    let frame = script.frame();
    assert!(!frame.is_empty());
    script.stop(&mut daemon).unwrap();
    let calls = script.faults.calls();
    Some(Usual { calls, open, frame })
}

/// Makes the runs, several at a time, and gives what went wrong in which.
fn all(points: &[Point], run: impl Fn(&Lab, Point) -> Outcome<()> + Sync) -> Vec<String> {
    let _alone = ONE.lock();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    // One lab for many runs: to make and to end networks is what takes the kernel longest.
    let chunks: Vec<_> = points.chunks(points.len().div_ceil(AT_ONCE)).collect();
    std::thread::scope(|scope| {
        for _ in &chunks {
            scope.spawn(|| {
                while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let lab = Lab::new(&[]).unwrap();
                    for point in *chunk {
                        if let Err(why) = run(&lab, *point) {
                            script::clean(&lab);
                            let line = format!("{point:?}: {why}");
                            report(&line);
                            failed.lock().unwrap().push(line);
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

/// One run in which a call fails. True if it came to that call.
fn fails(
    lab: &Lab,
    backend: Backend,
    library: &Path,
    point: Point,
    usual: &Usual,
) -> Outcome<bool> {
    let mut script = Script::new(lab, backend, library, point);
    let named = |script: &Script<'_>, why| format!("{}: {why}", script.faults.strike());
    let (mut daemon, lives) = match script.play().map_err(|why| named(&script, why))? {
        End::Lives(daemon) => (daemon, true),
        End::Ended(daemon) => (daemon, false),
    };
    let started = script
        .texts(&daemon)
        .iter()
        .any(|text| text.contains("is now active and listening"));
    if started && !lives {
        let said = script.texts(&daemon).join("\n    ");
        return Err(named(
            &script,
            format!("it has ended: {:?}\n    {said}", daemon.ended()),
        ));
    }
    if lives {
        let even = script.check_even(&mut daemon, Some(usual));
        even.map_err(|why| named(&script, why))?;
    }
    script
        .stop(&mut daemon)
        .map_err(|why| named(&script, why))?;
    Ok(script.faults.struck().is_some())
}

/// Every call with each of its errors; or some, each with one.
fn points(usual: &Usual) -> Vec<Point> {
    let seed = number("SEED").unwrap_or(0);
    let calls = (1..).zip(&usual.calls);
    match std::env::var("FAULTS").is_ok() {
        true => calls
            .flat_map(|(k, call)| (0..call.errors).map(move |which| Point::Fails(k, which)))
            .collect(),
        false => calls
            .filter(|(k, _)| k % EACH == seed % EACH)
            .map(|(k, _)| Point::Fails(k, (k / EACH).wrapping_add(seed / EACH)))
            .collect(),
    }
}

#[test]
fn every_system_call_may_fail() {
    let Some(lab) = Lab::new(&["nft", "cc"]) else {
        return;
    };
    let library = inject::library(lab.dir());
    let usual = usual(Backend::Nft, &library).unwrap();
    let points = points(&usual);
    let reached = AtomicUsize::new(0);
    let failed = all(&points, |lab, point| {
        let struck = fails(lab, Backend::Nft, &library, point, &usual)?;
        reached.fetch_add(usize::from(struck), Ordering::Relaxed);
        Ok(())
    });
    let calls = usual.calls.len();
    let (runs, reached) = (points.len(), reached.into_inner());
    report(&format!(
        "k reached: {calls}; {runs} runs, in {reached} of which a call failed"
    ));
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(calls >= REACHED, "only {calls} calls are reached");
    // A run is not quite like another: one that ends earlier may not come to the last calls.
    assert!(reached >= runs * 4 / 5, "{reached} of {runs}");
}
