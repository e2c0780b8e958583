//! The system's iptables and ip6tables: one chain of our own, in the filter table.
//!
//! It is jumped to from INPUT and FORWARD for what a source *begins* (conntrack states NEW and INVALID), so
//! that answers and established sessions pass. It is loaded at start: an idle session would be NEW for a
//! conntrack that is switched on by the first ban only.

use core::fmt::{self, Write};

use crate::net::{Family, Prefix};

/// Makes the chain if it is missing, and the jumps to it exactly once and first. Run as
/// `sh -c LOAD sh PROGRAM`; nothing is put into it.
pub const LOAD: &str = r#"
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
pub const UNLOAD: &str = r#"
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

/// The program that changes single rules of a family.
pub fn program(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

/// The program that takes a batch on its standard input.
pub fn batch_program(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables-restore",
        Family::V6 => "ip6tables-restore",
    }
}

/// Its arguments: leave what others have, wait for their lock.
pub const BATCH_ARGUMENTS: [&str; 2] = ["--noflush", "-w"];

/// Begins a batch. With `rebuild` the chain is emptied in the same transaction: after a failure nobody
/// knows what it holds, and one `-D` that misses discards a whole batch.
pub fn begin(rebuild: bool, out: &mut impl Write) -> fmt::Result {
    out.write_str("*filter\n")?;
    match rebuild {
        true => out.write_str(":PORTSENTRY - [0:0]\n"),
        false => Ok(()),
    }
}

/// Adds one ban to the batch, or takes it away.
pub fn change(ban: bool, source: &Prefix, out: &mut impl Write) -> fmt::Result {
    let verb = if ban { 'A' } else { 'D' };
    writeln!(out, "-{verb} PORTSENTRY -s {source} -j DROP")
}

/// Ends a batch.
pub fn end(out: &mut impl Write) -> fmt::Result {
    out.write_str("COMMIT\n")
}

/// The single command that equals a ban, for 1.2's "has been blocked" line.
pub fn single(source: &Prefix) -> impl fmt::Display {
    Single(*source)
}

struct Single(Prefix);

impl fmt::Display for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = program(Family::of(self.0.addr()));
        write!(f, "{program} -A PORTSENTRY -s {} -j DROP", self.0)
    }
}
