//! What guides from 1999 on say for KILL_ROUTE, and what has become of it.

use crate::config::Severity;

/// What is wrong today with a command for KILL_ROUTE.
pub(super) fn outdated(command: &str) -> Option<(Severity, &'static str)> {
    // The gateway of 1.2's own examples, which nobody was meant to leave as it is.
    if command.contains("333.444.555.666") {
        let reason =
            "333.444.555.666 is the example's gateway, and no address; the command must fail";
        return Some((Severity::Mistake, reason));
    }
    let words = command.split(|c: char| c.is_whitespace() || ";|&()'".contains(c));
    words.map(program).find_map(|program| {
        Some(match program {
            "ipfwadm" | "ipchains" => (
                Severity::Note,
                "ipfwadm and ipchains went with Linux 2.4; without KILL_ROUTE the daemon drops by itself",
            ),
            "ipfw" | "ipf" | "pfctl" => (
                Severity::Note,
                "this is no firewall of Linux; without KILL_ROUTE the daemon drops by itself",
            ),
            "nftables" => (
                Severity::Mistake,
                "there is no program nftables; it is called nft",
            ),
            "route" => (
                Severity::Note,
                "a route stops answers, not packets; without KILL_ROUTE the daemon drops them by itself",
            ),
            _ => return None,
        })
    })
}

/// `/sbin/route` is `route`.
fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}
