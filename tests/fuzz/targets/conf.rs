//! Configurations: what is true of all, and portsentry.conf, whose grammar is told here a second time.

use portsentry::config::{
    self, Choice, Config, Language, Modes, Problem, ProblemLine, Severity, classic,
};
use portsentry::see::probe::{Mode, Protocol};

/// A portsentry.conf.
pub fn check(text: &[u8]) {
    let (config, problems) = classic::read(text, Modes::default());
    hold(text, &config, &problems);
    ask(text);
    let plain = assignments(text);
    let (again, _) = classic::read(plain.as_bytes(), Modes::default());
    assert_eq!(again, config, "{}\n{plain}", text.escape_ascii());
    // In the other language it means the same, and the same is said of it.
    let (converted, said) = config::to_uci(text);
    assert_eq!(said, problems, "{}", text.escape_ascii());
    let (found, problems) = config::read(converted.as_bytes(), Modes::default());
    assert_eq!(found, config, "{}\n{converted}", text.escape_ascii());
    hold(converted.as_bytes(), &found, &problems);
    // As a daemon reads it, which does not know the language.
    let (config, problems) = config::read(text, Modes::default());
    hold(text, &config, &problems);
    if Language::of(text) == Language::Classic {
        assert_eq!((config, problems), classic::read(text, Modes::default()));
    }
}

/// What the command line asks for goes before what the file says.
fn ask(text: &[u8]) {
    let modes = [Mode::Connect, Mode::Stealth, Mode::Advanced];
    let mut asked = Modes::default();
    *asked.of(Protocol::BOTH[text.len() % 2]) = Some(Choice::On(modes[text.len() % 3]));
    let (config, problems) = classic::read(text, asked);
    if problems.iter().all(|p| p.severity < Severity::Error) {
        for (protocol, mode) in asked.named() {
            assert_eq!(
                config.side(protocol).mode,
                Some(mode),
                "{}",
                text.escape_ascii()
            );
        }
    }
}

/// What is true of every configuration.
#[track_caller]
pub fn hold(text: &[u8], config: &Config, problems: &[Problem]) {
    let lines = text.split(|byte| *byte == b'\n').count();
    for problem in problems {
        let line = format!("{problem:?}: {}", text.escape_ascii());
        assert!(problem.line <= lines, "{line}");
        // It goes to a terminal, and into a log that others read line by line.
        assert!(!problem.plain().contains(char::is_control), "{line}");
        assert!(!problem.plain().is_empty(), "{line}");
        let logged = ProblemLine("/etc/x", problem).to_string();
        assert!(logged.starts_with("adminalert: "), "{line}");
        assert!(
            !logged.trim_end_matches('\n').contains(char::is_control),
            "{line}"
        );
    }
    let usable = problems.iter().all(|p| p.severity < Severity::Error);
    let sides = Protocol::BOTH.map(|protocol| config.side(protocol));
    for side in sides {
        assert!(side.mode.is_none() || !side.ports.is_empty());
    }
    let watching = sides.iter().any(|side| side.mode.is_some());
    assert!(!usable || watching, "{}", text.escape_ascii());
    // Each trap is of one mode.
    let traps = |of: &dyn Fn(Mode) -> bool| {
        let traps = config.traps_in(of);
        Protocol::BOTH
            .map(|protocol| traps.of(protocol).len())
            .iter()
            .sum::<usize>()
    };
    let modes = [Mode::Connect, Mode::Stealth, Mode::Advanced];
    let sum: usize = modes
        .map(|wanted| traps(&|mode| mode == wanted))
        .iter()
        .sum();
    assert_eq!(sum, traps(&|_| true));
    for device in &config.devices {
        assert!((1..16).contains(&device.len()), "{}", text.escape_ascii());
    }
}

/// The lines that set something, by 1.2's grammar, as plainly as it can be written.
fn assignments(text: &[u8]) -> String {
    let mut plain = String::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line: String = line.iter().map(|byte| char::from(*byte)).collect();
        let line = line.trim_matches([' ', '\t', '\r', '\x0c']);
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (key, rest) = line.split_at(line.find(|c| !is_key(c)).unwrap_or(line.len()));
        let mut quoted = rest.split('"');
        let before = quoted.next().unwrap_or_default();
        let (true, Some(value)) = (before.starts_with(['=', ' ', '\t']), quoted.next()) else {
            continue;
        };
        let value: String = value
            .chars()
            .take_while(|c| (' '..='~').contains(c))
            .collect();
        // One that no key is before comes to nothing, as a key does that is not known.
        plain.push_str(&format!("{key}=\"{value}\"\n"));
    }
    plain
}
