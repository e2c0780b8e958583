//! The library that lets system calls fail, and the file by which it is told which.

use nix::errno::Errno;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `struct control` of the library: four numbers, then the calls.
const HEAD: usize = 16;
const CALL: usize = 24;
const CALLS_MAX: usize = 8192;

const SOURCES: [&str; 3] = ["inject.c", "sockets.c", "files.c"];

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Point {
    /// Nothing, anywhere: calls are counted.
    Nowhere,
    /// The k-th call fails, with this one of its errors, counted round.
    Fails(u32, u32),
    /// The process is killed at the k-th call.
    Killed(u32),
}

/// The file of one run.
pub(super) struct Faults {
    path: PathBuf,
}

impl Faults {
    pub(super) fn new(path: PathBuf, point: Point) -> Faults {
        let (at, which) = match point {
            Point::Nowhere => (0, 0),
            Point::Fails(at, which) => (at, which),
            Point::Killed(at) => (at, u32::MAX),
        };
        let mut file = File::create(&path).unwrap();
        for number in [at, which] {
            file.write_all(&number.to_ne_bytes()).unwrap();
        }
        let len = HEAD + CALL * CALLS_MAX;
        file.seek(SeekFrom::Start(len as u64 - 1)).unwrap();
        file.write_all(&[0]).unwrap();
        Faults { path }
    }

    /// What stands before the program.
    pub(super) fn words(&self, library: &Path) -> Vec<String> {
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", library.display()),
            format!("FAULTS={}", self.path.display()),
        ]
    }

    fn number(&self, at: usize) -> u32 {
        let bytes = fs::read(&self.path).unwrap();
        u32::from_ne_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap())
    }

    /// The error that was given, if the run came so far.
    pub(super) fn struck(&self) -> Option<i32> {
        let error = self.number(3).cast_signed();
        (error != 0).then_some(error)
    }

    /// The calls that were made.
    pub(super) fn calls(&self) -> Vec<Call> {
        let bytes = fs::read(&self.path).unwrap();
        let count = self.number(2) as usize;
        let calls = bytes[HEAD..].chunks(CALL).take(count).map(|call| Call {
            name: String::from_utf8_lossy(&call[..CALL - 1])
                .trim_end_matches('\0')
                .to_owned(),
            errors: u32::from(call[CALL - 1]),
        });
        calls.collect()
    }

    /// Which call failed, and how, for whoever reads of a failed run.
    pub(super) fn strike(&self) -> String {
        let error = match self.struck() {
            None => return "nothing failed".to_owned(),
            Some(-1) => "SIGKILL".to_owned(),
            Some(error) => Errno::from_raw(error).to_string(),
        };
        let calls = self.calls();
        let k = self.number(0) as usize;
        let before: Vec<&str> = calls[k.saturating_sub(8)..k - 1]
            .iter()
            .map(|call| &*call.name)
            .collect();
        format!(
            "{}: {} (behind {})",
            calls[k - 1].name,
            error,
            before.join(", ")
        )
    }
}

/// A call that can fail.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    /// In how many ways.
    pub(super) errors: u32,
}

/// Builds the library; for Rust to link there is a C compiler wherever this is tested.
pub(super) fn library(dir: &Path) -> PathBuf {
    let path = dir.join("faults.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/faults");
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]);
    compiler.arg("-o").arg(&path);
    compiler.args(SOURCES.map(|name| source.join(name)));
    assert!(compiler.arg("-ldl").status().unwrap().success());
    path
}
