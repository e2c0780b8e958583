//! `cross/`: what goes wrong on somebody else's machine is said in one line that tells what to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A copy of what `make cross` reads, which has fetched nothing yet.
fn fresh() -> TempDir {
    let copy = TempDir::new().unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir(copy.path().join("cross")).unwrap();
    let scripts = fs::read_dir(project.join("cross")).unwrap().flatten();
    for script in scripts.filter(|entry| entry.path().is_file()) {
        fs::copy(
            script.path(),
            copy.path().join("cross").join(script.file_name()),
        )
        .unwrap();
    }
    fs::copy(project.join("Cargo.toml"), copy.path().join("Cargo.toml")).unwrap();
    copy
}

/// Runs a script of the copy, without a network; it fails, and its last line is its only complaint.
#[track_caller]
fn check(copy: &TempDir, script: &[&str], path: &str, expected: &str) {
    let output = Command::new("unshare")
        .args(["--net", "--"])
        .arg(copy.path().join("cross").join(script[0]))
        .args(&script[1..])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{script:?} should fail: {said}");
    let about = |line: &&str| line.contains("fetching");
    let complaints: Vec<&str> = said.lines().filter(|line| !about(line)).collect();
    assert_eq!(complaints.len(), 1, "{script:?}: {said}");
    assert!(complaints[0].contains(expected), "{script:?}: {said}");
}

fn path() -> String {
    std::env::var("PATH").unwrap()
}

#[test]
fn an_unknown_target_is_answered_with_those_there_are() {
    let copy = fresh();
    check(
        &copy,
        &["build", "mips_25kc"],
        &path(),
        "unknown target 'mips_25kc', known are: mips_24kc mipsel_24kc",
    );
    check(
        &copy,
        &["test-cross", "pdp11"],
        &path(),
        "unknown target 'pdp11'",
    );
}

#[test]
fn without_a_network_the_reason_is_said() {
    check(
        &fresh(),
        &["build", "mips_24kc"],
        &path(),
        "is there a network?",
    );
}

#[test]
fn a_missing_tool_is_named() {
    // Everything that the machine has, but for one program.
    let tools = TempDir::new().unwrap();
    let places = path();
    for place in places.split(':').rev() {
        for program in fs::read_dir(place).into_iter().flatten().flatten() {
            let link = tools.path().join(program.file_name());
            let _ = fs::remove_file(&link);
            symlink(program.path(), &link).unwrap();
        }
    }
    for program in ["rustc", "cargo"] {
        fs::remove_file(tools.path().join(program)).unwrap();
        let path = tools.path().to_str().unwrap();
        check(
            &fresh(),
            &["build", "mips_24kc"],
            path,
            "install a Rust toolchain",
        );
    }
}

#[test]
fn nothing_to_measure_or_to_test_is_said() {
    let copy = fresh();
    check(&copy, &["size"], &path(), "run make cross first");
    check(
        &copy,
        &["test-router"],
        &path(),
        "make cross TARGET=mipsel_24kc",
    );
}
