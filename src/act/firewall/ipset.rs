//! iptables and ip6tables with the bans in sets of ipset: one rule, however many bans.
//!
//! `hash:net` holds prefixes of every length. Each family has its own sets, with the digit at the end of their
//! names.

use core::fmt::{self, Write};
use core::time::Duration;

use super::iptables::RETURN;
use super::{Call, Detail, Distinct, Hold, Job, Range, Site, Verb};
use crate::limits::{BANS_MAX, HELD_MAX, HOLD_SEEN, HOLD_TIME};
use crate::net::{Family, Prefix};

/// Makes sets (lines that begin with `s`), chains and rules (`r`), and the jumps to them exactly once and first.
/// Each part is read from the beginning of the same file.
const LOAD: &str = r#"
command -v "$1-restore" >/dev/null || exit
in=/proc/self/fd/0
sed -n 's/^s //p' $in | ipset -exist restore || exit
sed -n 's/^r //p' $in | "$1-restore" --noflush -w || exit
begun='-m conntrack --ctstate NEW,INVALID'
for chain in INPUT FORWARD; do
    for to in PORTSENTRY PORTSENTRY-HOLD; do
        for old in 1 2 3 4 5 6 7 8; do
            "$1" -w -D $chain $begun -j $to 2>/dev/null || break
        done
    done
done
"$1" -w -I INPUT $begun -j PORTSENTRY-HOLD || exit
for chain in INPUT FORWARD; do
    "$1" -w -I $chain $begun -j PORTSENTRY || exit
done
"#;

/// Takes jumps, chains and sets away, by their whole names: an owner's set may be called nearly the same. Without
/// the program there are no chains.
const UNLOAD: &str = r#"
for chain in INPUT FORWARD; do
    for to in PORTSENTRY PORTSENTRY-HOLD; do
        for old in 1 2 3 4 5 6 7 8; do
            "$1" -w -D $chain -m conntrack --ctstate NEW,INVALID -j $to 2>/dev/null || break
        done
    done
done
for chain in PORTSENTRY PORTSENTRY-HOLD; do
    "$1" -w -F $chain 2>/dev/null
    "$1" -w -X $chain 2>/dev/null
done
for set in '' -new -traps -hold -seen -touch; do
    ipset destroy portsentry$set$2 2>/dev/null
done
! ipset list -n portsentry$2 >/dev/null 2>&1 || exit
command -v "$1" >/dev/null || exit 0
"$1" -w -S INPUT >/dev/null || { [ $? = 3 ]; exit; }
! "$1" -w -S PORTSENTRY >/dev/null 2>&1
"#;

/// Tells both jumps, the rule, and the elements of the set. Fails where one of them is missing.
const CHECK: &str = r#"
for chain in INPUT FORWARD; do
    "$1" -w -S $chain 1 | grep -e '-j PORTSENTRY$'
done
"$1" -w -C PORTSENTRY -m set --match-set portsentry$2 src -j DROP || exit
exec ipset save portsentry$2
"#;

const RESTORE: [&str; 2] = ["-exist", "restore"];

pub(super) fn call(six: bool, job: Job) -> Call {
    let (program, arguments): (_, &[&str]) = match (job, six) {
        (Job::Load, false) => ("/bin/sh", &["-c", LOAD, "sh", "iptables", "4"]),
        (Job::Load, true) => ("/bin/sh", &["-c", LOAD, "sh", "ip6tables", "6"]),
        (Job::Unload, false) => ("/bin/sh", &["-c", UNLOAD, "sh", "iptables", "4"]),
        (Job::Unload, true) => ("/bin/sh", &["-c", UNLOAD, "sh", "ip6tables", "6"]),
        (Job::Check, false) => ("/bin/sh", &["-c", CHECK, "sh", "iptables", "4"]),
        (Job::Check, true) => ("/bin/sh", &["-c", CHECK, "sh", "ip6tables", "6"]),
        (Job::Rebuild | Job::Apply, _) => ("ipset", &RESTORE),
    };
    Call { program, arguments }
}

/// Sets, chains and rules of one family, without bans.
pub fn frame(family: Family, site: &Site<'_>, out: &mut impl Write) -> fmt::Result {
    let n = digit(family);
    let (name, most) = (name(family), BANS_MAX * 2);
    writeln!(
        out,
        "s create portsentry{n} hash:net family {name} maxelem {most} timeout 0"
    )?;
    let hold = site.hold.as_ref().filter(|_| site.detail != Detail::NoHold);
    if let Some(hold) = hold {
        hold_sets(hold, family, out)?;
    }
    out.write_str("r *filter\nr :PORTSENTRY - [0:0]\nr :PORTSENTRY-HOLD - [0:0]\n")?;
    writeln!(
        out,
        "r {RETURN}\nr -A PORTSENTRY -m set --match-set portsentry{n} src -j DROP"
    )?;
    if let Some(hold) = hold {
        hold_rules(site, hold, family, out)?;
    }
    out.write_str("r COMMIT\n")
}

fn hold_sets(hold: &Hold, family: Family, out: &mut impl Write) -> fmt::Result {
    let (n, name, most) = (digit(family), name(family), HELD_MAX);
    let (time, seen) = (HOLD_TIME.as_secs(), HOLD_SEEN.as_secs());
    let kind = format_args!("family {name} maxelem {most}");
    writeln!(
        out,
        "s create portsentry-traps{n} bitmap:port range 0-65535"
    )?;
    writeln!(out, "s flush portsentry-traps{n}")?;
    for range in hold.traps.ranges() {
        writeln!(out, "s add portsentry-traps{n} {}", Range(*range))?;
    }
    for (set, key, time) in [
        ("hold", "hash:ip", time),
        ("seen", "hash:ip", seen),
        ("touch", "hash:ip,port", seen),
    ] {
        // Emptied: what is loaded anew may be so because somebody in them shall not be held any more.
        writeln!(
            out,
            "s create portsentry-{set}{n} {key} {kind} timeout {time}\ns flush portsentry-{set}{n}"
        )?;
    }
    Ok(())
}

/// INPUT, behind DNAT and for ourselves alone: whoever visits a forwarded port does not come here. The packet that
/// touches the trap passes; what its source begins behind it does not.
fn hold_rules(site: &Site<'_>, hold: &Hold, family: Family, out: &mut impl Write) -> fmt::Result {
    let n = digit(family);
    let rule = "r -A PORTSENTRY-HOLD";
    let set = "-m set --match-set portsentry";
    let add = "-j SET --exist --add-set portsentry";
    writeln!(out, "r -A PORTSENTRY -p tcp {set}-hold{n} src -j DROP")?;
    writeln!(out, "{rule} -i lo -j RETURN")?;
    writeln!(out, "{rule} ! -p tcp -j RETURN")?;
    writeln!(out, "{rule} -p tcp ! --tcp-flags ACK,RST NONE -j RETURN")?;
    writeln!(
        out,
        "{rule} -p tcp -m set ! --match-set portsentry-traps{n} dst -j RETURN"
    )?;
    let never = site
        .never
        .iter()
        .filter(|prefix| Family::of(prefix.addr()) == family);
    for prefix in never {
        writeln!(out, "{rule} -s {prefix} -j RETURN")?;
    }
    // Where devices are named, packets from any other end the chain without a touch.
    let inputs: &[&str] = if site.named { site.devices } else { &["+"] };
    for device in inputs {
        let from = format_args!("{rule} -i {device} -p tcp");
        match hold.distinct {
            Distinct::First => writeln!(out, "{from} {add}-hold{n} src")?,
            Distinct::Second => {
                writeln!(out, "{from} {set}-touch{n} src,dst -j RETURN")?;
                writeln!(out, "{from} {set}-seen{n} src {add}-hold{n} src")?;
                writeln!(out, "{from} {add}-touch{n} src,dst")?;
                writeln!(out, "{from} {add}-seen{n} src")?;
            }
        }
    }
    Ok(())
}

/// Begins a batch. A rebuild fills a new set, which then changes places with the old one.
pub fn begin(job: Job, family: Family, out: &mut impl Write) -> fmt::Result {
    if job != Job::Rebuild {
        return Ok(());
    }
    let n = digit(family);
    let (name, most) = (name(family), BANS_MAX * 2);
    let kind = format_args!("hash:net family {name} maxelem {most} timeout 0");
    writeln!(
        out,
        "create portsentry-new{n} {kind}\nflush portsentry-new{n}"
    )
}

/// Ends it.
pub fn end(job: Job, family: Family, out: &mut impl Write) -> fmt::Result {
    if job != Job::Rebuild {
        return Ok(());
    }
    let n = digit(family);
    writeln!(
        out,
        "swap portsentry-new{n} portsentry{n}\ndestroy portsentry-new{n}"
    )
}

/// One change; with `-exist` what is there may be added and what is gone be deleted.
pub(super) fn change(
    job: Job,
    verb: Verb,
    source: &Prefix,
    time: Option<Duration>,
    out: &mut impl Write,
) -> fmt::Result {
    let set = match job {
        Job::Rebuild => "portsentry-new",
        _ => "portsentry",
    };
    match verb {
        Verb::Remove => writeln!(
            out,
            "del {set}{} {source}",
            digit(Family::of(source.addr()))
        ),
        Verb::Add | Verb::Renew => {
            add(set, source, time, out)?;
            out.write_char('\n')
        }
    }
}

/// The single command that equals a ban.
pub(super) fn single(source: &Prefix, time: Option<Duration>, out: &mut impl Write) -> fmt::Result {
    out.write_str("ipset ")?;
    add("portsentry", source, time, out)
}

fn add(set: &str, source: &Prefix, time: Option<Duration>, out: &mut impl Write) -> fmt::Result {
    let n = digit(Family::of(source.addr()));
    let seconds = time.map_or(0, |time| time.as_secs());
    write!(out, "add {set}{n} {source} timeout {seconds}")
}

/// What the check's output says of one ban: `add portsentry4 192.0.2.7 timeout 540`. One that ends within two
/// seconds is not worth a word: for us it may be over.
pub(super) fn found(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("add portsentry")?.split(' ').skip(1);
    let source = words.next()?;
    let ends = matches!(words.nth(1), Some("1" | "2"));
    (!ends).then_some(source)
}

fn digit(family: Family) -> char {
    match family {
        Family::V4 => '4',
        Family::V6 => '6',
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}
