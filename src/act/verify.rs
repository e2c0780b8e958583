//! What a firewall program says that it has, compared with what it was told.

use core::time::Duration;

use crate::act::firewall::{Backend, Found, Scope, found};
use crate::judge::ban::Ban;
use crate::judge::bans::Bans;
use crate::net::Prefix;
use crate::time::Instant;

/// A ban this near to its end may be gone in the kernel already, or not yet.
const BLUR: Duration = Duration::from_secs(4);

/// How the two compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    /// They are the same.
    All,
    /// The chain or set is there and does not hold what it should.
    BansLost,
    /// It is not there, or nothing leads to it.
    FrameLost,
}

/// Compares the output of a check with the bans that it is about.
pub(super) fn compare(
    backend: Backend,
    scope: Scope,
    now: Instant,
    output: &str,
    bans: &Bans,
) -> Matched {
    let (mut jumps, mut there, mut foreign) = (0, 0, false);
    for line in output.lines() {
        match found(backend, line) {
            None => {}
            Some(Found::Jump) => jumps += 1,
            Some(Found::Foreign) => foreign = true,
            Some(Found::Ban(text)) => {
                match text.parse().map(|source: Prefix| bans.known(&source)) {
                    Ok(Some(ban)) if ban.enforced => there += usize::from(is_firm(now, ban)),
                    _ => foreign = true,
                }
            }
        }
    }
    if jumps < 2 {
        return Matched::FrameLost;
    }
    // One that was freed while the check was under way is there still.
    let ours =
        |(source, ban): &(&Prefix, &Ban)| scope.holds(source) && ban.enforced && is_firm(now, ban);
    match bans.iter().filter(ours).count() == there && !foreign {
        true => Matched::All,
        false => Matched::BansLost,
    }
}

/// Whether it must be there. Of one that shall get another end nobody knows what became of the old one.
fn is_firm(now: Instant, ban: &Ban) -> bool {
    !ban.renewed && ban.until.is_none_or(|until| until > now.after(BLUR))
}
