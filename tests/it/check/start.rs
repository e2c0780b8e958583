//! Everything that ends before a daemon begins.

use super::{BASE, BROKEN, SOUND, portsentry};
use portsentry::cli::USAGE;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use tempfile::TempDir;

#[test]
fn version_and_help_say_so_and_end() {
    let version = concat!("portsentry ", env!("CARGO_PKG_VERSION"), "\n");
    for args in [&["--version"][..], &["-V"], &["run", "--version"]] {
        let expected = (Some(SOUND), version.to_owned(), String::new());
        assert_eq!(portsentry(args), expected, "{args:?}");
    }
    for args in [&["--help"][..], &["-h"], &["check", "--help"]] {
        let expected = (Some(SOUND), USAGE.to_owned(), String::new());
        assert_eq!(portsentry(args), expected, "{args:?}");
    }
}

#[test]
fn arguments_that_are_not_understood_start_nothing() {
    for (line, expected) in [
        (
            "",
            "say what to do: run, check, status, or a mode such as -stcp",
        ),
        (
            "-c x",
            "say what to do: run, check, status, or a mode such as -stcp",
        ),
        (
            "--tcp-mode stealth",
            "say what to do: run, check, status, or a mode such as -stcp",
        ),
        ("-tcp -stcp", "TCP can be watched in one mode only"),
        ("run -udp -sudp", "UDP can be watched in one mode only"),
        ("walk", "unknown command \"walk\""),
        ("run now", "unexpected argument \"now\""),
        ("run -x", "invalid option '-x'"),
        ("run -atp", "invalid option '-a'"),
        ("run --fast", "invalid option '--fast'"),
        ("run -c", "missing argument for option '-c'"),
        ("run --run-dir", "missing argument for option '--run-dir'"),
        (
            "run --tcp-mode loud",
            "unknown mode \"loud\": stealth, connect, advanced or off",
        ),
        (
            "run --tcp-mode udp",
            "unknown mode \"udp\": stealth, connect, advanced or off",
        ),
        ("check -stcp", "check takes no mode"),
    ] {
        let args: Vec<_> = line.split_whitespace().collect();
        let (status, said, errors) = portsentry(&args);
        assert_eq!((status, said.as_str()), (Some(BROKEN), ""), "{line}");
        assert_eq!(errors, format!("portsentry: {expected}\n{USAGE}"), "{line}");
    }
    let odd = [
        OsStr::new("check"),
        OsStr::new("-c"),
        OsStr::from_bytes(b"x\xff"),
    ];
    let (status, said, errors) = portsentry(&odd);
    assert_eq!((status, said.as_str()), (Some(BROKEN), ""));
    assert!(
        errors.starts_with("portsentry: a path that is no UTF-8 text\n"),
        "{errors}"
    );
}

/// A daemon would make its run directory and the history file, and say that it listens.
#[test]
fn a_broken_file_starts_no_daemon() {
    for (line, expected) in [
        (
            "UDP_MODE=\"loud\"",
            "DIR/conf:5: UDP_MODE \"loud\" is not known; known are: stealth, connect, advanced, off",
        ),
        (
            "BACKEND=\"pf\"",
            "DIR/conf:5: BACKEND \"pf\" is not known; known are: iptables, ipset, nft, auto",
        ),
        (
            "TCP_MODE=\"connect\"",
            "adminalert: ERROR: Could not read TCP_PORTS option from config file",
        ),
        (
            "UDP_MODE=\"off\"",
            "DIR/conf: no ports to watch: set TCP_PORTS or UDP_PORTS",
        ),
        (
            "",
            "adminalert: ERROR: DIR/conf: No such file or directory (os error 2)",
        ),
    ] {
        let dir = TempDir::new().unwrap();
        let here = dir.path().to_str().unwrap();
        let (conf, run) = (format!("{here}/conf"), format!("{here}/run"));
        if !line.is_empty() {
            fs::write(&conf, format!("{BASE}{line}\n").replace("DIR", here)).unwrap();
        }
        let (status, said, errors) = portsentry(&["run", "-c", &conf, "--run-dir", &run]);
        let errors = errors.replace(here, "DIR");
        assert_eq!(
            (status, said.as_str()),
            (Some(BROKEN), ""),
            "{line}: {errors}"
        );
        assert!(
            errors.contains(&format!("{expected}\n")),
            "{line}: {errors}"
        );
        assert!(!errors.contains("listen"), "{line}: {errors}");
        let left: Vec<_> = fs::read_dir(here)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(left.iter().all(|name| name == "conf"), "{left:?}");
    }
}
