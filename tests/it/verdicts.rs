//! What the rules make of packets: what is counted, said, done and remembered. The core alone, at chosen times.

mod bans;
mod counts;
mod ends;
mod hand;
mod lines;
mod rules;
mod settled;

use crate::storm::core::{Core, policy};
use portsentry::act::firewall::Backend;
use portsentry::judge::policy::Policy;
use portsentry::net::Prefix;
use std::net::IpAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A core whose firewall has sets, with the rules of [`policy`] but for what `change` makes of them.
fn core(change: impl FnOnce(&mut Policy)) -> Core {
    let mut policy = policy();
    change(&mut policy);
    Core::new(Backend::Nft, policy, 1)
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn source(text: &str) -> Prefix {
    text.parse().unwrap()
}
