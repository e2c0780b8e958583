//! Bounds of what is done: runs of firewall programs, commands of the owner's.

use core::time::Duration;

/// How old a proven ban is before one that is proven by as much takes its place. Where more sources finish
/// handshakes than there is room for, each of these bans would otherwise be two lines of the log and two changes
/// of the firewall: so they are [`super::BANS_MAX`] in this time, some fourteen a second, and what is more is
/// refused.
pub const TURNOVER: Duration = Duration::from_secs(600);

/// Rules handed to the firewall in one run. In a user namespace, as in many containers, the kernel takes some 800
/// at once (the send buffer of a netlink socket cannot be forced there); the rest goes in the next run.
pub const CHANGES_MAX: usize = 512;

/// How long the kernel holds a source that touched a trap, until the daemon has decided: nmap's first burst is
/// over in a millisecond, and a firewall program takes some.
pub const HOLD_TIME: Duration = Duration::from_secs(10);

/// How long the kernel remembers a first trap, where a second one holds. Slower scans are cut off by the ban
/// itself.
pub const HOLD_SEEN: Duration = Duration::from_secs(60);

/// Sources in each set of the hold. When it is full nobody more is held until some are over; bans do not depend on
/// it.
pub const HELD_MAX: usize = 4096;

/// Bans of a longer time are ended by us and not by the kernel: ipset counts up to 2,147,483 seconds.
pub const KERNEL_TIME_MAX: Duration = Duration::from_secs(20 * 24 * 3600);

/// How often a firewall that tells nobody of changes is looked at, while it holds a ban.
pub const CHECK_PAUSE: Duration = Duration::from_secs(10);

/// Bytes of what a check says. More: the rest is not believed, and everything is made anew.
pub const CHECK_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// A change of our table by somebody else is put right after this pause, because changes come in bursts.
pub const HEAL_PAUSE: Duration = Duration::from_millis(100);

/// The least time between two such repairs; it doubles, up to [`REST_MAX`], while somebody changes it all the
/// time.
pub const HEAL_REST: Duration = Duration::from_secs(1);

/// Different failures of firewall programs that are known to be said, while none of their runs succeeds.
pub const FAILURES_SAID: usize = 4;

/// Ends of bans in one run of a program that are named, each by a line; of the others the number is said.
pub const ENDS_NAMED: u32 = 32;

/// Runs of a firewall program that may follow one another at once, and the pause between two behind that: a flood
/// of bans shall be few large batches. One ban never waits.
pub const RUNS_AT_ONCE: u32 = 8;
/// See [`RUNS_AT_ONCE`].
pub const RUNS_PAUSE: Duration = Duration::from_millis(50);

/// Time limit of one run of the firewall program; `iptables -w` waits for the lock of others.
pub const FIREWALL_TIME: Duration = Duration::from_secs(5);

/// Time limit of one command of the owner.
pub const ACTION_TIME: Duration = Duration::from_secs(10);

/// Attempts at one command of the owner, or at a ban, before the failure is final for this ban.
pub const ATTEMPTS_MAX: u8 = 3;

/// Rest after a failed command of the owner or a failed accept, and first rest of a failed firewall.
pub const REST: Duration = Duration::from_secs(1);

/// Failures, one after the other, until what a daemon that was killed may have left in the firewall stays there,
/// logged: what is configured now waits for it.
pub const UNLOADS_MAX: u32 = 3;

/// Longest rest of a firewall that keeps failing: rests double up to here.
pub const REST_MAX: Duration = Duration::from_secs(300);

/// How long a ban whose KILL_ROUTE failed is left alone: then the next touch tries it again.
pub const FAILED_REST: Duration = Duration::from_secs(300);

/// Time that a running child has to end by itself at a stop, before it is killed; and that syslogd has to take the
/// last lines.
pub const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Time for the teardown at a stop. What is left then is logged, and the exit status is 1.
pub const TEARDOWN_TIME: Duration = Duration::from_secs(5);
