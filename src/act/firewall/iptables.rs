//! The system's iptables and ip6tables: one chain of our own in the filter table, with a rule for each ban.
//!
//! It is jumped to from INPUT and FORWARD for what a source *begins*, first of all rules. A session that is older
//! than all tracking of connections would be NEW too: so TCP that begins nothing returns.

use core::fmt::{self, Write};

use super::{Call, Job, Verb};
use crate::net::{Family, Prefix};

/// Makes the chain if it is missing, and the jumps to it exactly once and first. Run as
/// `sh -c LOAD sh PROGRAM`; nothing is put into it.
const LOAD: &str = r#"
"$1" -w -N PORTSENTRY 2>/dev/null
for chain in INPUT FORWARD; do
    for old in 1 2 3 4 5 6 7 8; do
        "$1" -w -D $chain -m conntrack --ctstate NEW,INVALID -j PORTSENTRY 2>/dev/null || break
    done
    "$1" -w -I $chain -m conntrack --ctstate NEW,INVALID -j PORTSENTRY || exit
done
"#;

/// Takes the jumps and the chain away; what counts is that the chain is gone at the end. Without the program
/// there can be none, nor without the table (its exit status 3).
const UNLOAD: &str = r#"
command -v "$1" >/dev/null || exit 0
for chain in INPUT FORWARD; do
    for old in 1 2 3 4 5 6 7 8; do
        "$1" -w -D $chain -m conntrack --ctstate NEW,INVALID -j PORTSENTRY 2>/dev/null || break
    done
done
"$1" -w -F PORTSENTRY 2>/dev/null
"$1" -w -X PORTSENTRY 2>/dev/null
"$1" -w -S INPUT >/dev/null || { [ $? = 3 ]; exit; }
! "$1" -w -S PORTSENTRY >/dev/null 2>&1
"#;

/// Tells both jumps, and the rules of the chain. Fails where the chain is missing.
const CHECK: &str = r#"
for chain in INPUT FORWARD; do
    "$1" -w -S $chain 1 | grep -e '-j PORTSENTRY$'
done
exec "$1" -w -S PORTSENTRY
"#;

/// `iptables-restore`: leave what others have, wait for their lock.
const RESTORE: [&str; 2] = ["--noflush", "-w"];

pub(super) fn call(six: bool, job: Job) -> Call {
    let (program, arguments): (_, &[&str]) = match (job, six) {
        (Job::Load, false) => ("/bin/sh", &["-c", LOAD, "sh", "iptables"]),
        (Job::Load, true) => ("/bin/sh", &["-c", LOAD, "sh", "ip6tables"]),
        (Job::Unload, false) => ("/bin/sh", &["-c", UNLOAD, "sh", "iptables"]),
        (Job::Unload, true) => ("/bin/sh", &["-c", UNLOAD, "sh", "ip6tables"]),
        (Job::Check, false) => ("/bin/sh", &["-c", CHECK, "sh", "iptables"]),
        (Job::Check, true) => ("/bin/sh", &["-c", CHECK, "sh", "ip6tables"]),
        (Job::Rebuild | Job::Apply, false) => ("iptables-restore", &RESTORE),
        (Job::Rebuild | Job::Apply, true) => ("ip6tables-restore", &RESTORE),
    };
    Call { program, arguments }
}

/// What lets TCP that begins nothing pass.
pub(super) const RETURN: &str = "-A PORTSENTRY -p tcp ! --tcp-flags ACK,RST NONE -j RETURN";

/// Begins a batch. With a rebuild the chain is emptied in the same transaction: after a failure nobody
/// knows what it holds, and one `-D` that misses discards a whole batch.
pub fn begin(job: Job, out: &mut impl Write) -> fmt::Result {
    out.write_str("*filter\n")?;
    match job {
        Job::Rebuild => writeln!(out, ":PORTSENTRY - [0:0]\n{RETURN}"),
        _ => Ok(()),
    }
}

/// Adds one ban to the batch, or takes it away; it has no end of its own that could change.
pub(super) fn change(verb: Verb, source: &Prefix, out: &mut impl Write) -> fmt::Result {
    match verb {
        Verb::Add => writeln!(out, "-A PORTSENTRY -s {source} -j DROP"),
        Verb::Remove => writeln!(out, "-D PORTSENTRY -s {source} -j DROP"),
        Verb::Renew => Ok(()),
    }
}

/// Ends a batch.
pub fn end(out: &mut impl Write) -> fmt::Result {
    out.write_str("COMMIT\n")
}

/// The single command that equals a ban.
pub(super) fn single(source: &Prefix, out: &mut impl Write) -> fmt::Result {
    let program = match Family::of(source.addr()) {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    write!(out, "{program} -A PORTSENTRY -s {source} -j DROP")
}

/// Whether a line of the check's output is a rule that is not [`RETURN`], which the program writes in words of its
/// own.
pub(super) fn is_foreign(line: &str) -> bool {
    line.starts_with("-A ") && !line.starts_with("-A PORTSENTRY -p tcp -m tcp ! --tcp-flags ")
}

/// What the check's output says of one ban: `-A PORTSENTRY -s 192.0.2.7/32 -j DROP`.
pub(super) fn found(line: &str) -> Option<&str> {
    line.strip_prefix("-A PORTSENTRY -s ")?
        .strip_suffix(" -j DROP")
}
