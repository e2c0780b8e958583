//! Which program is run for what, and what we understand of what it says.

use super::{FOUR, SIX, prefix};
use portsentry::act::firewall::{Backend, Found, Job, Scope, Single, call, found, programs};
use std::time::Duration;

/// The program and its arguments; of a script what it is there for.
fn called(backend: Backend, scope: Scope, job: Job) -> String {
    let call = call(backend, scope, job);
    let word = |argument: &&'static str| match *argument {
        script if script.contains("exec ") => "TELL",
        script if script.contains(" -I INPUT ") || script.contains(" -I $chain ") => "MAKE",
        script if script.contains(" -X ") => "TAKE-AWAY",
        word => word,
    };
    let words: Vec<_> = call.arguments.iter().map(word).collect();
    format!("{} {}", call.program, words.join(" "))
}

#[test]
fn each_job_has_its_program() {
    for job in [Job::Load, Job::Rebuild, Job::Apply, Job::Check, Job::Unload] {
        assert_eq!(called(Backend::Nft, Scope::Both, job), "nft -f -");
        assert_eq!(called(Backend::Auto, Scope::Both, job), "nft -f -");
        let (script, restore) = match job {
            Job::Load => ("MAKE", false),
            Job::Check => ("TELL", false),
            Job::Unload => ("TAKE-AWAY", false),
            Job::Rebuild | Job::Apply => ("", true),
        };
        for (scope, program, n) in [(FOUR, "iptables", 4), (SIX, "ip6tables", 6)] {
            let (rules, sets) = match restore {
                true => (
                    format!("{program}-restore --noflush -w"),
                    "ipset -exist restore".to_owned(),
                ),
                false => (
                    format!("/bin/sh -c {script} sh {program}"),
                    format!("/bin/sh -c {script} sh {program} {n}"),
                ),
            };
            assert_eq!(called(Backend::Iptables, scope, job), rules);
            assert_eq!(called(Backend::Ipset, scope, job), sets);
        }
    }
}

/// Whoever lacks one of them is told which, before it is tried.
#[test]
fn each_family_needs_programs_of_its_own() {
    for (backend, scope, expected) in [
        (Backend::Nft, Scope::Both, "nft"),
        (Backend::Auto, Scope::Both, "nft"),
        (Backend::Ipset, FOUR, "ipset iptables iptables-restore"),
        (Backend::Ipset, SIX, "ipset ip6tables ip6tables-restore"),
        (Backend::Iptables, FOUR, "iptables iptables-restore"),
        (Backend::Iptables, SIX, "ip6tables ip6tables-restore"),
    ] {
        assert_eq!(programs(backend, scope).join(" "), expected);
    }
}

#[test]
fn what_a_look_tells_is_understood() {
    use Found::{Ban, Foreign, Jump};
    for (backend, line, expected) in [
        (
            Backend::Iptables,
            "-A INPUT -m conntrack --ctstate INVALID,NEW -j PORTSENTRY",
            Some(Jump),
        ),
        (Backend::Iptables, "-N PORTSENTRY", None),
        (
            Backend::Iptables,
            "-A PORTSENTRY -p tcp -m tcp ! --tcp-flags RST,ACK NONE -j RETURN",
            None,
        ),
        (
            Backend::Iptables,
            "-A PORTSENTRY -s 192.0.2.7/32 -j DROP",
            Some(Ban("192.0.2.7/32")),
        ),
        (
            Backend::Iptables,
            "-A PORTSENTRY -s 2001:db8::/64 -j DROP",
            Some(Ban("2001:db8::/64")),
        ),
        (
            Backend::Iptables,
            "-A PORTSENTRY -s 192.0.2.7/32 -j ACCEPT",
            Some(Foreign),
        ),
        (Backend::Iptables, "-A PORTSENTRY -j RETURN", Some(Foreign)),
        (Backend::Iptables, "", None),
        (
            Backend::Ipset,
            "-A FORWARD -m conntrack --ctstate INVALID,NEW -j PORTSENTRY",
            Some(Jump),
        ),
        (Backend::Ipset, "-A FORWARD -j PORTSENTRY-HOLD", None),
        (
            Backend::Ipset,
            "create portsentry4 hash:net family inet hashsize 1024 maxelem 16384",
            None,
        ),
        (
            Backend::Ipset,
            "add portsentry4 192.0.2.7 timeout 540",
            Some(Ban("192.0.2.7")),
        ),
        (
            Backend::Ipset,
            "add portsentry6 2001:db8::/64 timeout 0",
            Some(Ban("2001:db8::/64")),
        ),
        // For us it may be over.
        (
            Backend::Ipset,
            "add portsentry4 192.0.2.7 timeout 3",
            Some(Ban("192.0.2.7")),
        ),
        (Backend::Ipset, "add portsentry4 192.0.2.7 timeout 2", None),
        (Backend::Ipset, "add portsentry4 192.0.2.7 timeout 1", None),
    ] {
        assert_eq!(found(backend, line), expected, "{line}");
    }
}

/// As the log has it for each ban, in the words of 1.2.
#[test]
fn a_ban_equals_one_command() {
    let time = Some(Duration::from_secs(600));
    for (backend, source, time, expected) in [
        (
            Backend::Iptables,
            "192.0.2.7",
            time,
            "iptables -A PORTSENTRY -s 192.0.2.7 -j DROP",
        ),
        (
            Backend::Iptables,
            "2001:db8::/64",
            None,
            "ip6tables -A PORTSENTRY -s 2001:db8::/64 -j DROP",
        ),
        (
            Backend::Ipset,
            "192.0.2.7",
            time,
            "ipset add portsentry4 192.0.2.7 timeout 600",
        ),
        (
            Backend::Ipset,
            "2001:db8::/64",
            None,
            "ipset add portsentry6 2001:db8::/64 timeout 0",
        ),
        (
            Backend::Nft,
            "192.0.2.7",
            time,
            "nft add element inet portsentry ban4 { 192.0.2.7 timeout 600s }",
        ),
        (
            Backend::Nft,
            "2001:db8::/64",
            None,
            "nft add element inet portsentry ban6 { 2001:db8:: }",
        ),
        (
            Backend::Auto,
            "192.0.2.7",
            None,
            "nft add element inet portsentry ban4 { 192.0.2.7 }",
        ),
    ] {
        assert_eq!(Single(backend, prefix(source), time).to_string(), expected);
    }
}
