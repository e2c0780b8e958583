//! What comes over the control socket: it is read as what it says and answered, or named.

use portsentry::act::firewall::Backend;
use portsentry::config::{Modes, classic};
use portsentry::judge::detector::Detector;
use portsentry::judge::hand::Target;
use portsentry::limits::WIDEST;
use portsentry::sys::control::{Heard, request};
use portsentry::tell::control::Answer;
use portsentry::tell::hand::{banned, unbanned};
use portsentry::tell::list::list;
use portsentry::tell::request::{Request, WatchLine};
use portsentry::tell::sheet::Form;
use portsentry::tell::status::{Facts, Firewall, status};
use portsentry::tell::why::why;
use portsentry::time::{Instant, LocalTime};
use std::time::Duration;

/// What several clients write, a line each, one after the other to one daemon.
pub fn check(input: &[u8]) {
    let file = b"TCP_PORTS=\"1,11\"\nUDP_PORTS=\"7\"\nBLOCK_TCP=\"1\"\nBLOCK_TIME=\"1h\"\n";
    let (config, _) = classic::read(file, Modes::default());
    let mut detector = Detector::new(config.policy(), (1, 2));
    detector
        .protect
        .surroundings
        .add_own([203, 0, 113, 5].into());
    for (second, asked) in (1..).zip(input.split_inclusive(|byte| *byte == b'\n')) {
        let line = match request(asked) {
            Heard::Request(line) => line,
            Heard::Nothing => {
                assert!(!asked.ends_with(b"\n"));
                continue;
            }
            Heard::Rubbish => {
                assert!(std::str::from_utf8(asked).is_err());
                continue;
            }
        };
        match read(&line) {
            Ok(asked) => answer(
                &asked,
                Instant::from_millis(second * 1000),
                &config,
                &mut detector,
            ),
            Err(reason) => assert!(!reason.is_empty() && !reason.contains('\n'), "{line}"),
        }
    }
    let two = [input, b"\nlist\n"].concat();
    assert!(
        !matches!(request(&two), Heard::Request(_)),
        "{}",
        two.escape_ascii()
    );
}

/// A request says no more than its line.
pub fn read(line: &str) -> Result<Request<'_>, String> {
    let asked = Request::parse(line)?;
    let whom = match &asked {
        Request::Ban(_, wish) => {
            assert!(!wish.forced || line.contains("--force"), "{line}");
            assert_eq!(wish.time.is_some(), line.contains("--for "), "{line}");
            Some(wish.whom)
        }
        Request::Unban(_, whom) => {
            assert_eq!(whom.is_none(), line.contains("--all"), "{line}");
            *whom
        }
        Request::Why(_, whom) => Some(*whom),
        Request::Watch { modes, config } => {
            let again = WatchLine(*modes, config).to_string();
            let again = again.strip_suffix('\n').unwrap();
            assert_eq!(Request::parse(again).as_ref(), Ok(&asked), "{line}");
            None
        }
        Request::Status(_) | Request::List(_) => None,
    };
    if let Some(Target::Network(prefix)) = whom {
        assert!(line.contains('/'), "{line}");
        assert_eq!(prefix.to_string().parse(), Ok(prefix), "{line}");
    }
    Ok(asked)
}

fn answer(
    asked: &Request<'_>,
    now: Instant,
    config: &portsentry::config::Config,
    detector: &mut Detector,
) {
    let wall = &|_: Duration| LocalTime::default();
    let (form, text) = match *asked {
        Request::Watch { .. } => return,
        Request::Status(form) => (form, status(form, &facts(config), detector)),
        Request::List(form) => (form, list(form, now, wall, &detector.bans)),
        Request::Why(form, whom) => (form, why(form, now, wall, whom, config, detector)),
        Request::Ban(form, ref wish) => {
            let result = detector.ban_by_hand(now, wish);
            if let Ok((source, _)) = &result {
                let wide = source.bits() >= WIDEST.0;
                assert!(wide && detector.bans.get(source).is_some(), "{source}");
            }
            (form, banned(form, now, wish, &result, &detector.bans).text)
        }
        Request::Unban(form, whom) => {
            let freed = detector.unban(whom);
            assert!(
                freed
                    .iter()
                    .all(|(source, _)| detector.bans.known(source).is_none_or(|ban| !ban.wanted))
            );
            (form, unbanned(form, whom, &freed, false).text)
        }
    };
    // One line, or lines for people; nothing in it moves a terminal's cursor.
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
    if form == Form::Json {
        assert!(!text.trim_end().contains('\n'), "{text}");
        let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
        assert!(read.is_ok_and(|value| value.is_object()), "{text}");
    }
    let answer = Answer::yes(text);
    assert_eq!(Answer::parse(&answer.clone().sent()), Some(answer));
}

fn facts(config: &portsentry::config::Config) -> Facts<'_> {
    Facts {
        process: 7,
        privileges: "dropped",
        up: Duration::from_secs(60),
        since: LocalTime::default(),
        file: "/etc/portsentry/portsentry.conf",
        run_dir: "/var/run/portsentry",
        config,
        firewall: Firewall {
            backend: Backend::Nft.word(),
            state: "good",
            failures: 0,
            hold: true,
            ingress: false,
        },
        lost_packets: 0,
        lost_lines: 0,
    }
}
