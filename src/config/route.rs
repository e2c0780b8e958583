//! What guides from 1999 on say for KILL_ROUTE, and what has become of it.

use crate::config::Severity;

/// A word of such a command, without its directory; how bad it is, and why.
const OUTDATED: [(&str, Severity, &str); 8] = [
    // The gateway of 1.2's own examples, which nobody was meant to leave as it is.
    ("333.444.555.666", Severity::Mistake, EXAMPLE),
    ("ipfwadm", Severity::Note, GONE),
    ("ipchains", Severity::Note, GONE),
    ("ipfw", Severity::Note, FOREIGN),
    ("ipf", Severity::Note, FOREIGN),
    ("pfctl", Severity::Note, FOREIGN),
    ("nftables", Severity::Mistake, NFT),
    ("route", Severity::Note, ROUTE),
];

const EXAMPLE: &str = "is the gateway of an example, and no address";
const GONE: &str = "went with Linux 2.4; without KILL_ROUTE the daemon drops by itself";
const FOREIGN: &str = "is not of Linux; without KILL_ROUTE the daemon drops by itself";
const NFT: &str = "is no program; it is called nft";
const ROUTE: &str =
    "stops answers, not packets; without KILL_ROUTE the daemon drops them by itself";

/// What is wrong today with a command for KILL_ROUTE: the word, how bad it is, and why.
pub(super) fn outdated(command: &str) -> Option<&'static (&'static str, Severity, &'static str)> {
    OUTDATED.iter().find(|(outdated, _, _)| {
        let mut words = command.split([' ', '/']);
        words.any(|word| word == *outdated)
    })
}
