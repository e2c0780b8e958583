//! Every bound of the program, with its unit and its reason.
//!
//! A router has 64 MB, the network has no limit: whatever the network can fill has a number here,
//! and the comment says what happens when it is reached.

mod act;
mod packets;

use core::time::Duration;

pub use act::*;
pub use packets::*;

/// Port ranges of one protocol. PortSentry 1.2 stopped at 64 ports; PortSentry 2 users list up to
/// some 60 ranges. The kernel's filter needs four instructions a range, and kernels with the old
/// `optmem_max` of 20,480 bytes take 1,685 in all. More: the configuration is refused.
pub const RANGES_MAX: usize = 128;

/// Ports of one protocol that connect sensors bind: each takes two descriptors (IPv4, IPv6), and
/// 1,024 is the usual limit of a process. More: the configuration is refused.
pub const CONNECT_PORTS_MAX: usize = 240;

/// Own addresses of one family, for the kernel's filter (nine instructions each for IPv6). More:
/// the rest is not watched, and a log line says so.
pub const OWN_MAX: usize = 32;

/// Default gateways that are remembered, both families. More: the rest is not protected, logged.
pub const GATEWAYS_MAX: usize = 16;

/// Directed broadcast addresses that are remembered. More: the rest is not known as broadcast.
pub const BROADCASTS_MAX: usize = 32;

/// Networks of devices that are not watched, both families: searched one by one for every packet that may be a
/// probe. More: the rest is not protected, logged.
pub const LANS_MAX: usize = 32;

/// Devices that are not watched, whose networks are looked for: a server with many containers has one for each.
/// More: the networks of the rest are not protected, logged.
pub const UNWATCHED_MAX: usize = 256;

/// Resolvers in use that are remembered. The C library asks three, a forwarder such as dnsmasq all that each of
/// its uplinks names. More: the rest is not protected, logged.
pub const RESOLVERS_MAX: usize = 16;

/// Devices that can be named in INTERFACE, and networks in UCI. More: the configuration is refused; the device of
/// a network that does not fit is not watched, and the line about the network says so. Where none is named so many
/// are known by their names; the rest is watched all the same.
pub const DEVICES_MAX: usize = 16;

/// Bytes of the name of a device, the zero behind it included (IFNAMSIZ). The kernel has no longer ones.
pub const DEVICE_NAME_MAX: usize = 16;

/// Entries of the ignore list. Searched one by one, some nanoseconds each. More: the rest is
/// ignored and reported with its line.
pub const IGNORED_MAX: usize = 1024;

/// A file that is followed, such as an ignore file, is read this long after it changed: editors move the old one
/// away before the new one is there, and in between nobody would be ignored.
pub const FOLLOW_PAUSE: Duration = Duration::from_millis(100);

/// When the kernel had no watch or no descriptor for following a file, it is asked again after this time.
pub const FOLLOW_REST: Duration = Duration::from_secs(10);

/// Directories on the way to one file that is followed, symbolic links included; the kernel follows 40 links.
/// More: what is behind is not followed.
pub const TRAIL_MAX: usize = 64;

/// Mistakes of one file that are named; of the others the number is said. A file of nonsense must fill neither
/// memory nor log.
pub const PROBLEMS_MAX: usize = 64;

/// Bytes of a configuration file, an ignore file or a list of resolvers that are read; 1.2's example has 14 kB.
pub const CONFIG_BYTES_MAX: u64 = 256 * 1024;

/// Sources on probation: those with fewer touches than a ban takes in a storm. 600 kB when it is full, nothing
/// while it is empty. Then one of a few that are drawn at random makes room, so that a flood of forged sources
/// displaces the flood: a real scanner that touches a trap after every thousand forged ones keeps its place
/// nineteen times of twenty with one trap, and practically always with two.
pub const PROBATION_MAX: usize = 4096;

/// Touches of each of them; with one more a source is among those who are known. As many as are forged for less
/// than [`VALVE_PORTS`].
pub const PROBATION_TOUCHES: usize = 4;

/// Sources that touched more. When it is full the one quiet longest goes.
pub const KNOWN_MAX: usize = 256;

/// Traps remembered of one such source. The default lists have 47. When it is full the oldest is
/// overwritten, and a repeat of it is a new touch, which is not reported again if it is among these:
pub const TOUCHES_MAX: usize = 64;

/// Touches that were reported lately, of all sources together: four scans of 1,024 ports. 32 kB. When it is full
/// the oldest is overwritten, and may be reported again within its minute.
pub const RECENT_MAX: usize = 4096;

/// Lines in a minute about what a banned source touches, of different traps: as many as 1.2 wrote of an ordinary
/// scan. More is counted, and the count reported once a minute.
pub const BANNED_LINES: u8 = 32;

/// How long a source is remembered after its last touch, unless WINDOW says otherwise. `nmap -T0` waits five
/// minutes between two probes; a day keeps a scanner who is two hundred times as patient.
pub const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// The shortest WINDOW: the count of repeats is reported once a minute, and the source must be known then.
pub const WINDOW_MIN: Duration = Duration::from_secs(61);

/// A source that touches the same trap again within this time is not reported again: the touch is
/// counted, and the count is reported once in this time.
pub const FOLD: Duration = Duration::from_secs(60);

/// The longest ban of a repeat offender, without BLOCK_TIME_MAX; or BLOCK_TIME where that is longer.
pub const BLOCK_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Bans in force, where the firewall has sets: 1.4 MB when it is full, nothing while it is empty. When it is full
/// a source displaces the ban with the least evidence, if that is less than its own; otherwise it is refused, and
/// counted.
pub const BANS_MAX: usize = 8192;

/// Addresses of one /64 that KILL_ROUTE, or KILL_RUN_CMD where it is all there is, holds at a time: a command is
/// given one address, and one host has the choice among all of them. More: they are reported as not blocked, and
/// counted.
pub const COMMANDED_MAX: usize = 8;

/// Bans in force in a plain chain of iptables, which the kernel walks for every new connection.
pub const RULES_MAX: usize = 1024;

/// Sources whose bans ended and who are banned for longer the next time. When it is full whoever is forgotten
/// soonest makes room.
pub const OFFENDERS_MAX: usize = 1024;

/// Distinct traps that a source needs while the storm valve is closed. A forger spends that many packets on each
/// ban; a real scanner has touched as many with its first dozen of ports.
pub const VALVE_PORTS: u16 = 5;

/// Banned /64s of one /56 that become the /56, and /56s of one /48 (RFC 6177) that become it. Never wider.
pub const WIDEN: usize = 8;

/// The widest prefixes that can be banned by hand: a mistyped length shall not shut out half of the world.
pub const WIDEST: (u8, u8) = (8, 16);

/// New sources in one minute, each with fewer traps than a ban needs, that are reported as a distributed scan.
pub const DISTRIBUTED_MIN: u32 = 30;

/// Between two lines about a distributed scan. It goes on for hours or days; what comes meanwhile is one line.
pub const DISTRIBUTED_PAUSE: Duration = Duration::from_secs(3600);

/// Bans on their way out, which still have a rule. When so many are leaving, new ones wait.
pub const LEAVING_MAX: usize = 256;

/// Bytes of a command after `$TARGET$` and the others are put in; 1.2 stopped at 1,024 as well.
pub const COMMAND_MAX: usize = 1024;

/// Bytes of a log line; 1.2 and RFC 3164 stop here too.
pub const LINE_MAX: usize = 1023;

/// Bytes of log lines that wait for a syslogd that is busy. The kernel holds ten datagrams for it, and a fast scan
/// of 1,024 ports of an advanced sensor is two thousand lines at once, of some 120 bytes. Until it is used, Linux
/// gives no memory for it. More: they are lost, counted, and the count is reported.
pub const WAITING_BYTES_MAX: usize = 320 * 1024;

/// Bytes of what a failed program wrote to its standard error, kept for the log line.
pub const COMPLAINT_MAX: usize = 160;

/// Log lines about sources on probation: a burst, then so many a second. A flood of forged sources
/// is such lines and nothing else; above this they are counted and the count is reported.
pub const FRESH_LINES: Quota = Quota {
    burst: 1000,
    each_second: 10,
};

/// Log lines about sources with two traps or more, which a flood of single probes cannot use up.
pub const KNOWN_LINES: Quota = Quota {
    burst: 4000,
    each_second: 20,
};

/// Lines at a start that name single ports: of those that are watched, of those in use and of those excluded, for
/// each protocol. 1.2 knew no more than 64. More: one line counts the rest.
pub const PORT_LINES_MAX: usize = 64;

/// Bytes of the history file before it is renamed to `.1`: two thousand bans and more.
pub const HISTORY_BYTES_MAX: u64 = 256 * 1024;

/// Bytes of a journal that is read: twice as many as a full table writes. More: it is none of ours.
pub const JOURNAL_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// The journal is written this long after a ban began or ended.
pub const JOURNAL_PAUSE: Duration = Duration::from_secs(1);

/// The same in a path of the owner's, which may be on flash.
pub const JOURNAL_PAUSE_FLASH: Duration = Duration::from_secs(600);

/// Bytes of hosts.deny that are searched for a line before it is written again.
pub const DENY_BYTES_MAX: u64 = 1024 * 1024;

/// Attempts at once to take lines out of hosts.deny, each from a new reading: others may write it meanwhile.
/// Then it is tried again after a rest, [`REST`] and longer.
pub const REWRITE_TRIES: usize = 3;

/// Between attempts to do so at a stop, until its time is over.
pub const REWRITE_PAUSE: Duration = Duration::from_millis(50);

/// Lines of bans that ended and that could not be taken out of hosts.deny yet. At a stop those of all bans come to
/// them. More: a line stays there, logged.
pub const LINES_LEFT_MAX: usize = 2 * BANS_MAX;

/// How old a reading of the kernel's list of listeners may be: a service that starts is no trap
/// within a second. The list is read when a packet comes that may be a probe, and so at most five times a second.
pub const LISTENERS_AGE: Duration = Duration::from_millis(200);

/// Listeners that are remembered of one protocol. More: of the rest the ports are remembered and not the
/// addresses, so that they are no traps on any.
pub const LISTENERS_MAX: usize = 512;

/// Half-open connections that are passed over in the list of listeners, among which old kernels put them. More:
/// what stands behind is not read, so that a flood of SYNs does not make each reading a long one.
pub const HALF_OPEN_MAX: usize = 256;

/// Entries of `/proc/net/nf_conntrack` up to which it is read where ctnetlink is missing: 16,000
/// take 41 ms.
pub const CONNTRACK_ENTRIES_MAX: u32 = 4096;

/// Ports that were seen to lead into the LAN. More: the one that was visited longest ago is forgotten, and may be
/// a trap again for whoever finds nobody behind it.
pub const FORWARDS_MAX: usize = 32;

/// How long such a port is remembered after its last visitor: a service may be down for a night.
pub const FORWARD_TIME: Duration = Duration::from_secs(24 * 3600);

/// How often that file may be read.
pub const CONNTRACK_LOOK: Duration = Duration::from_secs(1);

/// Addresses and routes change in bursts; they are read again once after this pause.
pub const SURROUNDINGS_PAUSE: Duration = Duration::from_millis(100);

/// Descriptors that are closed at a start: four times as many as a process usually may have, so that none is left
/// that a script forgot.
pub const INHERITED_MAX: i32 = 4096;

/// Clients of the control socket at once. More wait until one is done with; each has its time.
pub const CLIENTS_MAX: usize = 8;

/// Time that a client has to say what it wants: a program takes a millisecond. Then it is closed, so that somebody
/// behind two dozens who say nothing still has an answer within [`ANSWER_TIME`].
pub const ASK_TIME: Duration = Duration::from_secs(2);

/// Time that a client has to take the answer. Then it is closed.
pub const CLIENT_TIME: Duration = Duration::from_secs(5);

/// Bytes of a request: the longest path that the kernel opens (PATH_MAX), and a few words. More: it is closed.
pub const REQUEST_BYTES_MAX: usize = 4096 + 64;

/// Bytes of an answer: a full table of bans in JSON, each with all its values (some 220 bytes at most), for which
/// memory is taken as long as it is sent. More is not read, and the asker says that the end is missing.
pub const ANSWER_BYTES_MAX: usize = (BANS_MAX + LEAVING_MAX) * 256;

/// Bytes of what a second start makes the daemon say, which becomes its answer: some four hundred lines. More: the
/// answer says that syslog has the rest.
pub const HEARD_BYTES_MAX: usize = 32 * 1024;

/// Time that the daemon has to answer whoever asks it.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);

/// How long a second start tries to reach the daemon that holds the run directory: it may be about to listen, or,
/// at a stop, take its rules away for some seconds.
pub const JOIN_TIME: Duration = Duration::from_secs(15);

/// How long a start waits for the lock of a daemon that was killed and is not wholly gone: the kernel waits for
/// others before it closes a packet socket.
pub const CLAIM_TIME: Duration = Duration::from_secs(3);

/// Pause between two such attempts.
pub const JOIN_PAUSE: Duration = Duration::from_millis(50);

/// Pause behind the lock of a daemon that was killed, before its ports are bound again: what it had just started
/// still has its sockets for a moment.
pub const LEFT_PAUSE: Duration = Duration::from_millis(200);

/// A number of lines at once, and how many are added each second.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Lines at once.
    pub burst: u32,
    /// Lines a second after that.
    pub each_second: u32,
}

// The tables index their entries with 16 bits, 0 meaning an empty slot.
const _: () = assert!(PROBATION_MAX < u16::MAX as usize);
const _: () = assert!(BANS_MAX + LEAVING_MAX < u16::MAX as usize);
const _: () = assert!(PROBATION_TOUCHES + 1 == VALVE_PORTS as usize);
// Four instructions a range for two protocols, nine for an IPv6 address, and the frame around them.
const _: () = assert!(2 * (4 * RANGES_MAX + 16) + 9 * OWN_MAX + 64 < 1685);
