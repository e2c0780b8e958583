//! Command lines, and what they ask for.

use super::*;

#[track_caller]
fn check(line: &str, expected: Result<(&str, Modes), &str>) {
    let words = line.split_whitespace().map(OsString::from);
    match (parse(words), expected) {
        (Ok(Command::Run(found) | Command::Background(found)), Ok(expected)) => {
            assert_eq!((found.config.as_str(), found.modes), expected, "{line}");
        }
        (Err(error), Err(part)) => assert!(error.contains(part), "{line}: {error}"),
        (found, _) => panic!("{line}: {found:?}"),
    }
}

#[test]
fn run_and_its_modes() {
    let on = |mode| Some(Choice::On(mode));
    let (connect, stealth, off) = (on(Mode::Connect), on(Mode::Stealth), Some(Choice::Off));
    let advanced = on(Mode::Advanced);
    let modes = |tcp, udp| Modes { tcp, udp };
    check("run", Ok((CONFIG, modes(None, None))));
    check("run -c x", Ok(("x", modes(None, None))));
    check("run -tcp", Ok((CONFIG, modes(connect, off))));
    check("run -stcp -udp -c x", Ok(("x", modes(stealth, connect))));
    check("-sudp run", Ok((CONFIG, modes(off, stealth))));
    check("run -atcp -audp", Ok((CONFIG, modes(advanced, advanced))));
    check("run --udp-mode audp", Ok((CONFIG, modes(None, advanced))));
    check("run --tcp-mode=connect", Ok((CONFIG, modes(connect, None))));
    check(
        "run --tcp-mode stcp --udp-mode off",
        Ok((CONFIG, modes(stealth, off))),
    );
}

#[test]
fn a_mode_of_1_2_without_a_verb_goes_to_the_background() {
    for line in ["-tcp", "-sudp -c x", "--run-dir d -stcp -udp", "-udp -udp"] {
        let words = line.split_whitespace().map(OsString::from);
        assert!(matches!(parse(words), Ok(Command::Background(_))), "{line}");
    }
    let off = Some(Choice::Off);
    let (tcp, udp) = (Some(Choice::On(Mode::Connect)), off);
    check("-tcp", Ok((CONFIG, Modes { tcp, udp })));
}

#[test]
fn what_is_asked_is_one_line_in_the_words_of_the_command_line() {
    for (line, dir, request) in [
        ("status", RUN_DIR, "status"),
        ("--run-dir /d status --json", "/d", "status --json"),
        ("list --run-dir=/d", "/d", "list"),
        ("why 192.0.2.7", RUN_DIR, "why 192.0.2.7"),
        ("ban 192.0.2.7 --for=2h", RUN_DIR, "ban 192.0.2.7 --for 2h"),
        (
            "ban --force -- 2001:db8::/32",
            RUN_DIR,
            "ban --force 2001:db8::/32",
        ),
        ("unblock --all -c x", RUN_DIR, "unblock --all"),
    ] {
        let (run_dir, request) = (dir.to_owned(), request.to_owned());
        let words = line.split_whitespace().map(OsString::from);
        assert_eq!(
            parse(words),
            Ok(Command::Ask { run_dir, request }),
            "{line}"
        );
    }
    // No word can become two.
    let words = ["ban", "192.0.2.7 --force"].map(OsString::from);
    assert_eq!(
        parse(words).unwrap_err(),
        "\"192.0.2.7 --force\" is not understood"
    );
    let words = ["why", "192.0.2.7\nlist"].map(OsString::from);
    assert!(parse(words).is_err());
}

#[test]
fn what_is_not_understood_is_named() {
    check("status -stcp", Err("status takes no mode"));
    check("run --json", Err("--json"));
    check("check 192.0.2.7", Err("192.0.2.7"));
    check("-stcp --force", Err("--force"));
    check("ban 192.0.2.7 --for", Err("missing argument"));
    check("", Err("run, check"));
    check("-tcp -stcp", Err("one mode"));
    check("walk", Err("\"walk\""));
    check("run --tcp-mode loud", Err("\"loud\""));
    check("run --tcp-mode", Err("missing"));
    check("run twice", Err("twice"));
    check("run -x", Err("-x"));
    check("check -tcp", Err("no mode"));
    check("check --udp-mode off", Err("no mode"));
    check("convert -tcp x", Err("no mode"));
    check("convert x y", Err("\"y\""));
}

#[test]
fn what_to_convert_may_stand_without_an_option() {
    for (line, path) in [
        ("convert x", "x"),
        ("convert -c x", "x"),
        ("-c x convert", "x"),
        ("convert", CONFIG),
    ] {
        let words = line.split_whitespace().map(OsString::from);
        let config = path.to_owned();
        assert_eq!(parse(words), Ok(Command::Convert { config }), "{line}");
    }
}
