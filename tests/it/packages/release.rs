//! What is handed out for a version: the files, the sums over them, and that they are made of a commit.

use super::{ARCH, Workshop, succeeds, version};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A checkout with one commit, of as much as a release is made of.
fn checkout() -> Workshop {
    let workshop = Workshop::new();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["Cargo.lock", "LICENSE", ".gitignore"] {
        fs::copy(project.join(file), workshop.path(file)).unwrap();
    }
    for file in ["src/lib.rs", "src/main.rs"] {
        fs::create_dir_all(workshop.path("src")).unwrap();
        fs::write(workshop.path(file), "").unwrap();
    }
    // Where zig, which a build fetches, has it.
    let musl = workshop.path("target/cross/zig/ziglang/lib/libc/musl");
    fs::create_dir_all(&musl).unwrap();
    fs::write(musl.join("COPYRIGHT"), "musl's own words\n").unwrap();
    git(&workshop, &["init", "--quiet"]);
    commit(&workshop);
    workshop
}

#[track_caller]
fn git(workshop: &Workshop, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(workshop.path(""))
        .args(["-c", "user.name=A Founder", "-c", "user.email=a@b.invalid"])
        .env("GIT_COMMITTER_DATE", "2026-11-25T12:00:00Z")
        .env("GIT_AUTHOR_DATE", "2026-11-25T12:00:00Z")
        .args(arguments);
    succeeds(&git.output().unwrap())
}

fn commit(workshop: &Workshop) {
    git(workshop, &["add", "."]);
    git(workshop, &["commit", "--quiet", "--message", "a version"]);
}

fn release(workshop: &Workshop) -> Command {
    let mut release = Command::new(workshop.path("cross/release"));
    release.args(["--built", ARCH]);
    release
}

/// The names and sums that were written.
fn sums(workshop: &Workshop) -> String {
    fs::read_to_string(workshop.path("dist/SHA256SUMS")).unwrap()
}

/// What the README tells whoever fetched a release.
fn check(dist: &PathBuf) -> bool {
    let mut check = Command::new("sha256sum");
    let check = check
        .current_dir(dist)
        .args(["--check", "--quiet", "SHA256SUMS"]);
    check.output().unwrap().status.success()
}

#[test]
fn a_release_is_what_is_handed_out_and_the_sums_over_it() {
    let workshop = checkout();
    succeeds(&release(&workshop).output().unwrap());
    let version = version();
    let names: Vec<String> = sums(&workshop)
        .lines()
        .map(|line| line.split_once("  ").unwrap().1.to_owned())
        .filter(|name| !name.ends_with(".apk"))
        .collect();
    let expected = [
        format!("portsentry-{version}.tar.gz"),
        "LICENCES".into(),
        format!("portsentry-{version}-{ARCH}"),
        format!("portsentry_{version}-r1_{ARCH}.ipk"),
    ];
    assert_eq!(names, expected);

    // Nothing but what was committed.
    let source = format!("dist/portsentry-{version}.tar.gz");
    let list = Command::new("tar")
        .arg("-tzf")
        .arg(workshop.path(&source))
        .output();
    let list = succeeds(&list.unwrap());
    let files: Vec<&str> = list.lines().filter(|name| !name.ends_with('/')).collect();
    let tracked = git(&workshop, &["ls-files"]);
    let tracked: Vec<String> = tracked
        .lines()
        .map(|name| format!("portsentry-{version}/{name}"))
        .collect();
    assert_eq!(files, tracked);

    let dist = workshop.path("dist");
    assert!(check(&dist));
    fs::write(workshop.program(), "another program").unwrap();
    assert!(!check(&dist), "another program has the same sum");
}

#[test]
fn a_release_names_the_licence_of_each_part_of_a_program() {
    let workshop = checkout();
    succeeds(&release(&workshop).output().unwrap());
    let text = fs::read_to_string(workshop.path("dist/LICENCES")).unwrap();
    let mut parts: Vec<&str> = text
        .lines()
        .zip(text.lines().skip(1))
        .filter(|(_, under)| under.len() > 1 && under.bytes().all(|byte| byte == b'='))
        .map(|(name, _)| name.split(['-', ' ']).next().unwrap())
        .collect();
    parts.sort_unstable();
    let expected = [
        "Rust's",
        "byteorder",
        "hash32",
        "heapless",
        "lexopt",
        "libc",
        "musl",
        "portsentry",
        "stable_deref_trait",
    ];
    assert_eq!(parts, expected);
    // MIT's, of each; musl is the last.
    assert_eq!(text.matches("Permission is hereby granted").count(), 8);
    assert!(text.ends_with("musl's own words\n"), "{text}");
}

#[test]
fn two_releases_of_a_commit_are_the_same_bytes_and_what_is_not_committed_is_refused() {
    let workshop = checkout();
    succeeds(&release(&workshop).output().unwrap());
    let first = sums(&workshop);
    let other = checkout();
    let output = release(&other).env("TZ", "Asia/Tokyo").output();
    succeeds(&output.unwrap());
    assert_eq!(first, sums(&other));

    fs::write(other.path("src/main.rs"), "// not committed\n").unwrap();
    other.refuses(&mut release(&other), "commit first");
    commit(&other);
    succeeds(&release(&other).output().unwrap());
    assert_ne!(first, sums(&other));
}
