//! Commands of the owner that fail, and commands that never end; and a firewall that fails.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

/// Which command fails, with which BLOCK_TCP, and whether the source is blocked all the same: our own
/// firewall takes no harm from a command beside it.
const FAILURES: [(&str, &str, bool); 3] = [
    ("KILL_RUN_CMD", "1", true),
    ("KILL_ROUTE", "1", false),
    ("KILL_RUN_CMD", "2", false),
];

#[test]
fn a_failing_command_is_reported_with_its_status_and_tried_three_times() {
    for (key, block, blocked) in FAILURES {
        let Some(lab) = Lab::new(&[]) else { return };
        let tries = lab.dir().join("tries");
        let command = format!("echo $TARGET$ >> {}; exit 3", tries.display());
        let config = Config::new(Mode::Stealth).with("BLOCK_TCP", block);
        let daemon = lab.start(config.with(key, &command));
        lab.scanner.touch(Tcp, SCANNER, TRAP);

        let failed = "attackalert: ERROR: Could not block host 10.66.0.2/10.66.0.2 !!";
        let listed = || daemon.read("history").contains("10.66.0.2");
        let given_up = || lab.log.count(|text| text == failed) > 0;
        eventually("the end of it", || listed() || given_up());
        assert_eq!((listed(), given_up()), (blocked, !blocked), "{key} {block}");
        assert_eq!(lab.banned("10.66.0.2/32"), blocked, "{key} {block}");

        lab.log
            .wait_for_many(3, |text| text.contains("exit status: 3"));
        let tried = fs::read_to_string(&tries).unwrap();
        assert_eq!(tried, "10.66.0.2\n".repeat(3), "{key} {block}");
        let external = |text: &str| text.contains("External command run");
        assert_eq!(lab.log.count(external), 0, "a failure is no success");
        let dropped = |text: &str| text.contains("via dropped route");
        assert_eq!(
            lab.log.count(dropped),
            usize::from(blocked),
            "{key} {block}"
        );
    }
}

#[test]
fn a_command_that_is_not_there_is_a_failure() {
    let Some(lab) = Lab::new(&[]) else { return };
    let route = "/nowhere/block $TARGET$";
    let _daemon = lab.start(Config::blocking(Mode::Stealth).with("KILL_ROUTE", route));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for(|text| text.contains("exit status: 127"));
    lab.log
        .wait_for_text("ERROR: Could not block host 10.66.0.2/10.66.0.2 !!");
    assert_eq!(lab.log.count(|text| text.contains("via dropped route")), 0);
}

#[test]
fn a_hanging_command_holds_up_nothing_and_is_ended() {
    let Some(lab) = Lab::new(&[]) else { return };
    let note = lab.dir().join("pid");
    let command = format!("echo $$ >> {}; exec sleep 1000", note.display());
    let mut daemon = lab.start(Config::blocking(Mode::Stealth).with("KILL_RUN_CMD", &command));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the command runs", || !pids(&note).is_empty());
    let first = pids(&note)[0];

    // While it hangs: probes are seen, sources are banned.
    lab.scanner.touch(Tcp, SECOND, TRAP);
    let line = probed(SECOND, Tcp, 11);
    lab.log.wait_for(|text| text.ends_with(&line));
    eventually("a ban beside the hanging command", || {
        lab.banned("10.66.0.3/32")
    });
    assert!(alive(first), "the command ended before its time");

    // A zombie would still have its directory in /proc.
    eventually("the end of the command at its limit", || !alive(first));
    eventually("the next command", || pids(&note).len() > 1);
    let second = pids(&note)[1];
    assert!(daemon.stop().success());
    eventually("the end of the second command with the daemon", || {
        !alive(second)
    });
}

#[test]
fn a_failing_firewall_is_reported_and_tried_until_it_works() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    watch.break_down();
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log
        .wait_for_text("failed (exit status: 4: out of order)");
    let blocked = |text: &str| text.contains("Host 10.66.0.2 has been blocked");
    assert_eq!(lab.log.count(blocked), 0);
    assert_eq!(daemon.read("history"), "");
    watch.mend();
    lab.log.wait_for(blocked);
    assert!(lab.banned("10.66.0.2/32"));
    eventually("the history", || {
        daemon.read("history").contains("10.66.0.2")
    });
}

#[test]
fn rules_that_somebody_took_away_come_back_with_the_next_ban() {
    let Some(lab) = Lab::new(&[]) else { return };
    let mut daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("the ban", || lab.banned("10.66.0.2/32"));
    // As firewall scripts do when they begin.
    lab.router.sh("iptables -w -F; iptables -w -X");
    lab.scanner.touch(Tcp, SECOND, TRAP);
    let both = || lab.banned("10.66.0.2/32") && lab.banned("10.66.0.3/32");
    eventually("both bans", both);
    eventually("the jumps", || {
        lab.rules(ROUTER).matches("-j PORTSENTRY").count() == 2
    });
    assert!(daemon.stop().success());
    assert_eq!(lab.chain(ROUTER), None);
}

#[test]
fn no_ban_waits_for_the_commands_of_others() {
    let Some(lab) = Lab::new(&[]) else { return };
    let config = Config::blocking(Mode::Stealth)
        .with("KILL_HOSTS_DENY", "ALL: $TARGET$ : DENY")
        .with("KILL_RUN_CMD_FIRST", "1")
        .with("KILL_RUN_CMD", "exec sleep 1000");
    let _daemon = lab.start(config);
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.scanner.touch(Tcp, SECOND, TRAP);
    eventually("both bans, while the first command hangs", || {
        lab.banned("10.66.0.2/32") && lab.banned("10.66.0.3/32")
    });
    assert_eq!(lab.log.count(|text| text.contains("run command")), 0);
}

#[test]
fn a_talkative_command_is_heard_out() {
    let Some(lab) = Lab::new(&[]) else { return };
    let command = "head -c 300000 /dev/zero >&2; exit 0";
    let _daemon = lab.start(Config::blocking(Mode::Stealth).with("KILL_RUN_CMD", command));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log
        .wait_for_text("External command run for host: 10.66.0.2");
}

fn pids(note: &Path) -> Vec<u32> {
    let text = fs::read_to_string(note).unwrap_or_default();
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n')?.parse().ok())
        .collect()
}

fn alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}
