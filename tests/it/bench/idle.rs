//! What is there while nothing happens: memory, wake-ups, descriptors; and how long a start takes.

use super::loads::PLAIN;
use super::programs::Program;
use super::table::{Figure, Table};
use crate::lab::Lab;
use crate::lab::spent::Spent;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

const RUNS: usize = 3;

/// So long it is watched doing nothing.
const WATCHED: Duration = Duration::from_secs(5);

#[test]
#[ignore = "a measurement; `make bench` runs it"]
fn idle() {
    let columns = [
        "resident kB",
        "of that its own",
        "wake-ups in 5 s",
        "descriptors",
        "milliseconds to start",
        "kB of the file",
    ];
    let mut table = Table::new("idle", columns);
    let programs = Program::all();
    let (ours, others) = programs.split_at(2);
    let fixed = released("x86_64").map(Program::Static);
    for program in fixed.iter().chain(&ours[..1]).chain(others) {
        if let Some(figures) = measure(program) {
            table.row(program.name(), figures.map(Some));
        }
    }
    if fixed.is_none() {
        table.note("Without `make cross TARGET=x86_64` the static program has no row.");
    }
    table.note(
        "A start lasts from the shell that execs it to \"now active and listening\" in the log.",
    );
    for (name, bytes) in sizes() {
        table.note(format!("{name}: {bytes} bytes"));
    }
    table.end();
}

fn measure(program: &Program) -> Option<[Figure; 6]> {
    let mut starts = Vec::new();
    for _ in 0..RUNS {
        let lab = Lab::new(&["perl"])?;
        let begun = Instant::now();
        drop(program.start(&lab, &PLAIN)?);
        starts.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let lab = Lab::new(&["perl"])?;
    let running = program.start(&lab, &PLAIN)?;
    // Until the kernel has found the lab's addresses to be unique (RFC 4862), which is news.
    sleep(Duration::from_secs(4));
    let before = Spent::by(running.pid());
    sleep(WATCHED);
    let woken = Spent::by(running.pid()).since(before).wakeups;
    let one = |count: u64| Figure::new([f64::from(u32::try_from(count).unwrap())]);
    let descriptors = fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap();
    Some([
        one(kilobytes(running.pid(), "VmRSS:")),
        one(kilobytes(running.pid(), "RssAnon:")),
        one(woken),
        one(descriptors.count() as u64),
        Figure::new(starts),
        one(fs::metadata(program.path()).unwrap().len() / 1000),
    ])
}

fn kilobytes(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// The program for an architecture, where `make cross` has left it.
fn released(arch: &str) -> Option<PathBuf> {
    let name = format!("portsentry-{}-{arch}", env!("CARGO_PKG_VERSION"));
    let path = dist().join(name);
    path.exists().then_some(path)
}

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dist")
}

/// Of all programs for routers that are there.
fn sizes() -> Vec<(String, u64)> {
    let mut sizes: Vec<_> = fs::read_dir(dist())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                entry.metadata().unwrap().len(),
            )
        })
        .filter(|(name, _)| name.starts_with("portsentry-") && !name.contains(".tar"))
        .collect();
    sizes.sort();
    sizes
}
