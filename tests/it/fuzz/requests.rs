//! Requests over the control socket: whatever is written there is read as what it says, or named.

use super::bytes::Random;
use super::guided::targets::requests::read;
use super::{Reach, must, reached};
use portsentry::judge::hand::Target;
use portsentry::tell::request::Request;

const WORDS: [&str; 24] = [
    "status",
    "list",
    "why",
    "ban",
    "block",
    "unban",
    "unblock",
    "watch",
    "--json",
    "--force",
    "--for",
    "--all",
    "1h",
    "0",
    "9999999999999999999d",
    "192.0.2.7",
    "192.0.2.7/24",
    "2001:db8::1",
    "::ffff:192.0.2.7/120",
    "2001:db8::/129",
    "fe80::1%wan",
    "stcp,udp",
    "",
    "-\u{0}\u{e4}",
];

#[test]
fn any_words_are_read_or_named() {
    let random = Random::new(5);
    let mut reach = Reach::new();
    for _ in 0..200_000 {
        let mut line = String::from(random.pick(&WORDS[..8]));
        for _ in 0..random.below(5) {
            line.push(' ');
            line.push_str(random.pick(&WORDS));
        }
        let asked = match read(&line) {
            Ok(asked) => asked,
            Err(reason) => {
                assert!(!reason.is_empty() && !reason.contains('\n'), "{line}");
                reached(&mut reach, "named");
                continue;
            }
        };
        let (what, whom) = match asked {
            Request::Ban(_, wish) => ("ban", Some(wish.whom)),
            Request::Unban(_, whom) => ("unban", whom),
            Request::Why(_, whom) => ("why", Some(whom)),
            Request::Status(_) | Request::List(_) | Request::Watch { .. } => ("no target", None),
        };
        reached(&mut reach, what);
        if matches!(whom, Some(Target::Network(_))) {
            reached(&mut reach, "network");
        }
    }
    let wanted = ["named", "ban", "unban", "no target", "network"].map(|what| (what, 500));
    must(&reach, &wanted);
}
