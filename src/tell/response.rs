//! Log lines about what was done: bans that hold, actions that ran, and what failed.

use core::fmt;
use core::net::IpAddr;

use crate::act::command::Command;
use crate::act::firewall::{Backend, Single, kernel_time};
use crate::judge::ban::{Ban, Step};
use crate::judge::valve::Turned;
use crate::judge::verdict::News;
use crate::limits::VALVE_PORTS;
use crate::net::Prefix;
use crate::see::probe::{Mode, Probe, Protocol};
use crate::time::Instant;

/// An action that succeeded.
pub enum DoneLine<'a> {
    /// The line is in hosts.deny.
    Deny(IpAddr, &'a Command),
    /// KILL_ROUTE ran.
    Route(IpAddr, &'a Command),
    /// The firewall has it; the command is the single one that equals what was done.
    Firewall(IpAddr, Single),
    /// KILL_RUN_CMD ran.
    Run(IpAddr, &'a Command),
}

impl DoneLine<'_> {
    /// The firewall has a ban.
    pub fn firewall(backend: Backend, now: Instant, source: &Prefix, ban: &Ban) -> Self {
        let time = kernel_time(now, ban);
        Self::Firewall(ban.probe.source, Single(backend, *source, time))
    }
}

impl fmt::Display for DoneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dropped = "has been blocked via dropped route using command";
        match self {
            Self::Deny(ip, line) => write!(
                f,
                "attackalert: Host {ip} has been blocked via wrappers with string: \"{line}\""
            ),
            Self::Route(ip, command) => {
                write!(f, "attackalert: Host {ip} {dropped}: \"{command}\"")
            }
            Self::Firewall(ip, command) => {
                write!(f, "attackalert: Host {ip} {dropped}: \"{command}\"")
            }
            Self::Run(ip, command) => write!(
                f,
                "attackalert: External command run for host: {ip} using command: \"{command}\""
            ),
        }
    }
}

/// The line of a ban of which some part failed for good: three forms, as in 1.2.
pub struct FailedLine<'a>(pub &'a Probe, pub Mode);

impl fmt::Display for FailedLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = self.0.source;
        f.write_str("attackalert: ERROR: Could not block host ")?;
        match (self.1, self.0.protocol) {
            (Mode::Connect, _) => write!(f, "{ip} !!"),
            (Mode::Stealth, Protocol::Tcp) => write!(f, "{ip}/{ip} !!"),
            (Mode::Advanced, _) | (Mode::Stealth, Protocol::Udp) => write!(f, "{ip}/{ip}!!"),
        }
    }
}

/// What is said without a probe of its own.
pub struct NewsLine(pub News);

impl fmt::Display for NewsLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            News::Repeats(ip, count) => write!(
                f,
                "attackalert: Host: {ip}/{ip} repeated {count} probes of trap ports already reported"
            ),
            News::Unreported(count) => write!(
                f,
                "attackalert: {count} more probes were counted and not reported one by one: too many sources"
            ),
            News::Distributed(sources) => write!(
                f,
                "attackalert: Distributed scan: {sources} new sources within a minute touched too few traps each \
                 to be banned"
            ),
            News::StillDistributed(sources) => write!(
                f,
                "attackalert: Distributed scan goes on: {sources} more sources within an hour touched too few \
                 traps each to be banned"
            ),
            News::Valve(Turned::Closed(sources)) => write!(
                f,
                "attackalert: STORM: {sources} sources within a minute are more than BAN_RATE_MAX, and probably \
                 forged: until it is over a source that is not proven needs {VALVE_PORTS} different traps"
            ),
            News::Valve(Turned::Opened) => write!(
                f,
                "attackalert: the storm is over: sources are banned as configured again"
            ),
        }
    }
}

/// A command or a line that becomes too long with what is put in for a token.
pub struct TooLongLine<'a>(pub Step, pub &'a str);

impl fmt::Display for TooLongLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = match self.0 {
            Step::Deny => "KILL_HOSTS_DENY",
            Step::Stop => "KILL_ROUTE",
            _ => "KILL_RUN_CMD",
        };
        let token = self.1;
        writeln!(
            f,
            "adminalert: Error trying to parse {token} Token for {option}. Skipping."
        )
    }
}

/// One attempt at one of the owner's actions that failed, and why: in 1.2's words, which had room for a cause.
pub struct AttemptLine<'a>(pub Step, pub IpAddr, pub &'a str);

impl fmt::Display for AttemptLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(step, ip, why) = self;
        match step {
            Step::Deny => write!(
                f,
                "adminalert: cannot open hosts.deny file: /etc/hosts.deny for blocking."
            ),
            Step::Stop => write!(
                f,
                "adminalert: ERROR: There was an error trying to block host ({why}) {ip}"
            ),
            _ => write!(
                f,
                "adminalert: ERROR: There was an error trying to run command ({why}) {ip}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::Kind;

    #[test]
    fn a_failed_block_has_three_forms() {
        let line = |mode, protocol| {
            let text = FailedLine(&probe(protocol), mode).to_string();
            text.strip_prefix("attackalert: ERROR: Could not block host ")
                .unwrap()
                .to_owned()
        };
        assert_eq!(line(Mode::Connect, Protocol::Udp), "10.7.7.2 !!");
        assert_eq!(line(Mode::Stealth, Protocol::Tcp), "10.7.7.2/10.7.7.2 !!");
        assert_eq!(line(Mode::Stealth, Protocol::Udp), "10.7.7.2/10.7.7.2!!");
        assert_eq!(line(Mode::Advanced, Protocol::Tcp), "10.7.7.2/10.7.7.2!!");
        assert_eq!(line(Mode::Advanced, Protocol::Udp), "10.7.7.2/10.7.7.2!!");
    }

    fn probe(protocol: Protocol) -> Probe {
        Probe {
            source: "10.7.7.2".parse().unwrap(),
            destination: "10.7.7.1".parse().unwrap(),
            source_port: 4000,
            port: 11,
            protocol,
            kind: Kind::Syn,
            options: false,
        }
    }
}
