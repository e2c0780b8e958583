//! `portsentry convert`.

use crate::lab::daemon::binary;
use portsentry::config::{self, Config, Modes, Severity};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What it prints, what it says, and its exit status.
fn convert(path: &Path) -> (String, String, Option<i32>) {
    let mut command = Command::new(binary());
    let output = command
        .arg("convert")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

/// What a file means in the one language is what it means in the other.
#[track_caller]
fn check(text: &str) -> String {
    let (ours, problems) = config::to_uci(text.as_bytes());
    let (classic, expected) = config::read(text.as_bytes(), Modes::default());
    let (uci, found) = config::read(ours.as_bytes(), Modes::default());
    assert_eq!(uci, classic, "{text}\n{ours}");
    assert_eq!(problems, expected, "{text}");
    let usable =
        |problems: &[config::Problem]| problems.iter().all(|p| p.severity < Severity::Error);
    assert_eq!(
        usable(&found),
        usable(&expected),
        "{text}\n{ours}\n{found:#?}"
    );
    ours
}

/// Ours, and those of PortSentry 1.2 and 2.x.
fn examples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = fs::read_dir(root.join("tests/data/conf")).unwrap();
    let mut examples: Vec<_> = examples.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(examples.len(), 4);
    examples.push(root.join("cross/etc/portsentry/portsentry.conf"));
    examples
}

#[test]
fn every_example_means_the_same_in_uci() {
    for path in examples() {
        let text = fs::read_to_string(&path).unwrap();
        let expected = check(&text);
        let (printed, said, status) = convert(&path);
        assert_eq!(printed, expected, "{}", path.display());
        let lost = path.ends_with("2.x-blocking.conf");
        assert_eq!(
            (said.is_empty(), status),
            (!lost, Some(if lost { 2 } else { 0 })),
            "{said}"
        );
    }
}

/// With each line of our own example taken out, and with each that is a remark put in.
#[test]
fn so_does_every_variation_of_the_example() {
    let text = fs::read_to_string(examples().pop().unwrap()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let mut varied = 0;
    for (at, line) in lines.iter().enumerate() {
        let other = line
            .strip_prefix('#')
            .filter(|rest| rest.contains("="))
            .unwrap_or("");
        let mut lines = lines.clone();
        lines[at] = other;
        // In front, so that it is the first of its key.
        lines.insert(0, other);
        check(&lines.join("\n"));
        varied += usize::from(!other.is_empty());
    }
    assert!(varied > 8, "{varied}");
}

#[test]
fn what_1_2_makes_of_a_value_is_kept() {
    let ports = "TCP_PORTS=\"7\"\nUDP_PORTS=\"9\"\n";
    for (line, expected) in [
        ("BACKEND=\"nft\"", "\toption backend 'nft'\n"),
        ("BACKEND=\"\"", "\toption backend 'iptables'\n"),
        ("TCP_MODE=\"\"", "\toption tcp_mode 'off'\n"),
        (
            "INTERFACE=\"eth0, eth1\"",
            "\tlist device 'eth0'\n\tlist device 'eth1'\n",
        ),
        (
            "ADVANCED_EXCLUDE_TCP=\"\"",
            "\tlist advanced_exclude_tcp ''\n",
        ),
        (
            "ADVANCED_EXCLUDE_TCP=\"139, 100 - 113 ,, 007,ident\"",
            "\tlist advanced_exclude_tcp '139'\n\tlist advanced_exclude_tcp '100-113'\n\
             \tlist advanced_exclude_tcp '007'\n",
        ),
        (
            "KILL_RUN_CMD_FIRST=\"2x\"",
            "\toption kill_run_cmd_first '1'\n",
        ),
        ("RESOLVE_HOST=\"no\"", "\toption resolve_host '0'\n"),
        ("SCAN_TRIGGER=\" 3rd\"", "\toption scan_trigger ' 3rd'\n"),
        ("BLOCK_TCP=\"3\"", "\toption block_tcp '3'\n"),
        ("BLOCK_TIME=\"soon\"", "\toption block_time 'soon'\n"),
        ("BLOCK_TIME=\"\"", ""),
        ("KILL_RUN_CMD=\"\"", ""),
        ("COLOUR=\"red\"", ""),
        ("PORT_BANNER='x'", ""),
        (
            "KILL_RUN_CMD=\"mail -s 'It'\\''s $TARGET$' root; # x\"",
            "\toption kill_run_cmd 'mail -s '\\''It'\\''\\'\\'''\\''s $TARGET$'\\'' root; # x'\n",
        ),
        (
            "KILL_RUN_CMD=\"first\"\nKILL_RUN_CMD=\"second\"",
            "\toption kill_run_cmd 'first'\n",
        ),
    ] {
        let found = check(&format!("{ports}{line}\n"));
        let rest = found.replace(
            "config portsentry 'main'\n\toption enabled '1'\n\tlist tcp_ports '7'\n\tlist udp_ports '9'\n",
            "",
        );
        let backend = "\toption backend 'iptables'\n";
        let rest = match line.starts_with("BACKEND") {
            true => rest,
            false => rest.replace(backend, ""),
        };
        assert_eq!(rest, expected, "{line}");
    }
}

#[test]
fn what_is_left_out_is_named_with_its_line() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("conf");
    let name = path.display();
    fs::write(
        &path,
        "TCP_PORTS=\"1,smtp\"\nCOLOUR=\"red\"\n  RESOLVE_HOST=\"1\"\n",
    )
    .unwrap();
    let (printed, said, status) = convert(&path);
    assert_eq!(status, Some(2));
    assert_eq!(
        said,
        format!(
            "{name}:1: TCP_PORTS: \"smtp\" is no port from 1 to 65535 and no range such as 512-515; skipped\n\
             {name}:2: unknown key COLOUR\n"
        )
    );
    fs::write(&path, &printed).unwrap();
    let (again, said, status) = convert(&path);
    assert_eq!((again.as_str(), status), ("", Some(2)));
    assert_eq!(said, format!("{name}: is UCI already\n"));
    let none = dir.path().join("none");
    let (printed, said, status) = convert(&none);
    assert_eq!((printed.as_str(), status), ("", Some(2)));
    assert!(
        said.starts_with(&format!("{}: No such file", none.display())),
        "{said}"
    );
}

/// The two do differ where nothing is said.
#[test]
fn the_default_of_the_backend_is_written_down() {
    let (config, _) = config::read(
        b"config portsentry 'main'\n\tlist udp_ports '7'\n",
        Modes::default(),
    );
    let classic = Config::default();
    assert_ne!(
        (config.backend, config.enabled),
        (classic.backend, classic.enabled)
    );
}
