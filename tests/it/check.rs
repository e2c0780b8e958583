//! `portsentry check`, from outside: what it says of every kind of mistake. No network is needed.

mod examples;
mod kinds;
mod start;
mod uci;

use crate::lab::daemon::binary;
use portsentry::limits::{CONFIG_BYTES_MAX, CONNECT_PORTS_MAX, PROBLEMS_MAX, RANGES_MAX};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const LINES: &str = include_str!("../data/check-lines.txt");
const SOUND: i32 = 0;
const BROKEN: i32 = 2;

/// Four sound lines; what is tested stands in the fifth.
const BASE: &str = "UDP_PORTS=\"7,161\"
IGNORE_FILE=\"DIR/ignore\"
HISTORY_FILE=\"DIR/history\"
BLOCKED_FILE=\"DIR/blocked\"
";

/// How it ended, and what it wrote. It has ten seconds: a daemon that should not have started is killed.
fn portsentry(args: &[impl AsRef<OsStr>]) -> (Option<i32>, String, String) {
    let mut command = Command::new("timeout");
    command
        .args(["--signal=KILL", "10"])
        .arg(binary())
        .args(args);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Writes files and checks the one named "conf": what is said, with "DIR" for the directory.
#[track_caller]
fn checked(files: &[(&str, &[u8])]) -> (Option<i32>, String) {
    let dir = TempDir::new().unwrap();
    let here = dir.path().to_str().unwrap();
    for (name, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        let bytes = match text.contains("DIR/") {
            true => text.replace("DIR", here).into_bytes(),
            false => bytes.to_vec(),
        };
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let path = dir.path().join("conf");
    let (status, said, errors) = portsentry(&["check".as_ref(), "-c".as_ref(), path.as_os_str()]);
    assert_eq!(errors, "");
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, files.len(), "it has left something behind");
    (status, said.replace(here, "DIR"))
}

fn with(more: &str) -> String {
    format!("{BASE}{more}")
}

#[track_caller]
fn check_line(line: &str, expected: &str, status: i32) {
    let (found, said) = checked(&[("conf", format!("{BASE}{line}\n").as_bytes())]);
    let expected = format!("DIR/conf:5: {expected}");
    let all: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("DIR/conf:5:"))
        .collect();
    assert_eq!(all, [expected], "{line}: {said}");
    check_end(found, status, &said);
}

/// The last line sums it up, and the status says the same.
#[track_caller]
fn check_end(found: Option<i32>, status: i32, said: &str) {
    assert_eq!(found, Some(status), "{said}");
    let sum = if status == SOUND {
        "DIR/conf: sound"
    } else {
        "DIR/conf: has mistakes"
    };
    assert_eq!(said.lines().last(), Some(sum), "{said}");
}

#[test]
fn a_line_is_named_with_its_number_and_why() {
    let lines: Vec<_> = LINES.lines().collect();
    let mut tried = 0;
    for pair in lines.windows(2) {
        let Some(expected) = pair[1].strip_prefix("  => ") else {
            continue;
        };
        let note = expected.starts_with("note: ");
        check_line(pair[0], expected, if note { SOUND } else { BROKEN });
        tried += 1;
    }
    assert_eq!(tried, LINES.matches("=>").count());
    let many: String = (0..=RANGES_MAX)
        .map(|n| format!("{},", 2 * n + 1))
        .collect();
    let expected = format!("TCP_PORTS: more than {RANGES_MAX} separate ranges");
    check_line(&format!("TCP_PORTS=\"{many}\""), &expected, BROKEN);
}

/// What no single line is to blame for.
#[test]
fn a_file_as_a_whole_is_judged() {
    let ports = format!(
        "TCP_MODE=\"connect\"\nTCP_PORTS=\"1-{}\"\n",
        CONNECT_PORTS_MAX + 1
    );
    let too_many = format!(
        "DIR/conf: {} TCP ports are too many for connect sensors, which bind each of them: at most \
         {CONNECT_PORTS_MAX}",
        CONNECT_PORTS_MAX + 1
    );
    for (text, expected, status) in [
        (
            with(""),
            "DIR/conf: note: TCP_PORTS has no ports: TCP is not watched",
            SOUND,
        ),
        (
            with("").replace('\n', "\r\n"),
            "UDP: 2 trap ports, stealth; a scan is logged and not blocked",
            SOUND,
        ),
        (with("").trim_end().into(), "DIR/conf: sound", SOUND),
        (
            with("TCP_PORTS=\"1-3\"\nBLOCK_TCP=\"1\""),
            "TCP: 3 trap ports, stealth; a scanner is blocked by iptables",
            SOUND,
        ),
        (
            with("TCP_PORTS=\"1-3\"\nTRIGGER_PORTS=\"6\""),
            "DIR/conf: TRIGGER_PORTS is 6, and there are 5 traps: nobody can touch as many",
            BROKEN,
        ),
        (
            with("TCP_PORTS=\"1-3\"\nTRIGGER_PORTS=\"5\""),
            "DIR/conf: sound",
            SOUND,
        ),
        (
            with("TCP_PORTS=\"\"\n"),
            "DIR/conf: note: TCP_PORTS has no ports: TCP is not watched",
            SOUND,
        ),
        (
            String::new(),
            "DIR/conf: no ports to watch: set TCP_PORTS or UDP_PORTS",
            BROKEN,
        ),
        (
            with("UDP_MODE=\"off\"\n"),
            "DIR/conf: no ports to watch: set TCP_PORTS or UDP_PORTS",
            BROKEN,
        ),
        (
            with("TCP_MODE=\"stealth\"\n"),
            "DIR/conf: Could not read TCP_PORTS option from config file",
            BROKEN,
        ),
        (with(&ports), &too_many, BROKEN),
        (
            with("INTERFACE=\"eth0\"\nUDP_MODE=\"connect\""),
            "DIR/conf: note: INTERFACE is for the stealth sensors; connect sensors listen everywhere",
            SOUND,
        ),
    ] {
        let (found, said) = checked(&[("conf", text.as_bytes())]);
        assert!(said.lines().any(|line| line == expected), "{text}: {said}");
        check_end(found, status, &said);
    }
}

/// What is watched, and why.
#[test]
fn an_advanced_mode_is_judged() {
    for (text, expected, status) in [
        (
            with("TCP_MODE=\"advanced\"\nADVANCED_EXCLUDE_TCP=\"113,139\"\n"),
            "TCP: watched is 0-112,114-138,140-1023 (ADVANCED_PORTS_TCP is not set: 1024 is assumed), and of \
             that no port on which a service listens",
            SOUND,
        ),
        (
            with("TCP_MODE=\"atcp\"\nADVANCED_PORTS_TCP=\"2048\"\n"),
            "TCP: 2048 trap ports, advanced; a scan is logged and not blocked",
            SOUND,
        ),
        (
            with("TCP_MODE=\"advanced\"\nTCP_PORTS=\"1-99,1524\"\n"),
            "TCP: watched is 1-99,1524 (from TCP_PORTS), and of that no port on which a service listens",
            SOUND,
        ),
        (
            with("TCP_MODE=\"advanced\"\nADVANCED_PORTS_TCP=\"9\"\nADVANCED_EXCLUDE_TCP=\"1-9\"\n"),
            "TCP: watched is 0 (from ADVANCED_PORTS_TCP), and of that no port on which a service listens",
            SOUND,
        ),
        (
            with("TCP_MODE=\"advanced\"\nTCP_PORTS=\"1-9\"\nADVANCED_EXCLUDE_TCP=\"1-9\"\n"),
            "DIR/conf: ADVANCED_EXCLUDE_TCP: no port is left",
            BROKEN,
        ),
    ] {
        let (found, said) = checked(&[("conf", text.as_bytes())]);
        assert!(said.lines().any(|line| line == expected), "{text}: {said}");
        check_end(found, status, &said);
    }
}

#[test]
fn rubbish_is_named_line_by_line() {
    let (found, said) = checked(&[("conf", b"\x7fELF\0\xff\n\0\0=\"\"\n\x1b[2J\n")]);
    let expected =
        (1..=3).map(|line| format!("DIR/conf:{line}: not a line of the form KEY=\"value\"\n"));
    assert!(said.starts_with(&expected.collect::<String>()), "{said}");
    check_end(found, BROKEN, &said);
    let (found, said) = checked(&[("conf", "x\n".repeat(PROBLEMS_MAX + 36).as_bytes())]);
    let more = "DIR/conf: there is more like that, ";
    assert!(said.contains(more), "{said}");
    assert!(said.lines().count() < PROBLEMS_MAX + 10, "{said}");
    check_end(found, BROKEN, &said);
    let long = "# too long\n".repeat(usize::try_from(CONFIG_BYTES_MAX).unwrap() / 11 + 1);
    let (found, said) = checked(&[("conf", long.as_bytes())]);
    assert_eq!(
        (found, said.as_str()),
        (Some(BROKEN), "DIR/conf: too long\n")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().to_str().unwrap();
    for (path, why) in [
        (dir.to_owned(), "not a regular file"),
        (format!("{dir}/none"), "No such file or directory"),
        (format!("{dir}/none/conf"), "No such file or directory"),
    ] {
        let (status, said, errors) = portsentry(&["check", "-c", &path]);
        assert_eq!((status, errors.as_str()), (Some(BROKEN), ""));
        assert!(said.starts_with(&format!("{path}: {why}")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn bad_lines_of_the_ignore_files_are_named() {
    let ignore = b"# desk\n10.7.7.2\nrouter.lan\n\n10.0.0.0/33 # lab\n";
    let fixed = b"2001:db8::/32\r\n10.7\r\n";
    let files: [(&str, &[u8]); 3] = [
        ("conf", BASE.as_bytes()),
        ("ignore", ignore),
        ("ignore.static", fixed),
    ];
    let (found, said) = checked(&files);
    let all: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("DIR/ignore"))
        .collect();
    let expected = [
        "DIR/ignore:3: \"router.lan\" is no address such as 192.0.2.7 or 2001:db8::/32; it is left out",
        "DIR/ignore:5: \"10.0.0.0/33 # lab\" has no length that its address can have, such as /24; it is left out",
        "DIR/ignore.static:2: \"10.7\" is no address such as 192.0.2.7 or 2001:db8::/32; it is left out",
    ];
    assert_eq!(all, expected);
    check_end(found, BROKEN, &said);
}

#[test]
fn the_shipped_files_are_sound() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/etc/portsentry");
    let conf = shipped.join("portsentry.conf");
    let (status, said, _) = portsentry(&["check".as_ref(), "-c".as_ref(), conf.as_os_str()]);
    let conf = conf.to_str().unwrap();
    let about: Vec<_> = said.lines().filter(|line| line.starts_with(conf)).collect();
    assert_eq!(about, [format!("{conf}: sound")]);
    assert_eq!(status, Some(SOUND));

    let ignore = fs::read(shipped.join("portsentry.ignore")).unwrap();
    let fixed = fs::read(shipped.join("portsentry.ignore.static")).unwrap();
    let base = BASE.as_bytes();
    let (found, said) = checked(&[
        ("conf", base),
        ("ignore", &ignore),
        ("ignore.static", &fixed),
    ]);
    check_end(found, SOUND, &said);
}
