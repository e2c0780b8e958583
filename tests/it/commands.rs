//! Commands of the owner that fail, and commands that never end.

use crate::lab::config::{Config, Mode};
use crate::lab::daemon::probed;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

#[test]
fn a_failing_command_is_reported_with_its_status_and_tried_three_times() {
    for key in ["KILL_RUN_CMD", "KILL_ROUTE"] {
        let Some(lab) = Lab::new(&[]) else { return };
        let tries = lab.dir().join("tries");
        let command = format!("echo $TARGET$ >> {}; exit 3", tries.display());
        let daemon = lab.start(Config::blocking(Mode::Stealth).with(key, &command));
        lab.scanner.touch(Tcp, SCANNER, TRAP);

        lab.log.wait_for(|text| text.contains("exit status: 3"));
        let failed = "attackalert: ERROR: Could not block host 10.66.0.2/10.66.0.2 !!";
        lab.log.wait_for(|text| text == failed);
        daemon.settle();
        assert_eq!(lab.log.count(|text| text == failed), 1);
        let tried = fs::read_to_string(&tries).unwrap();
        assert_eq!(tried.matches("10.66.0.2\n").count(), 3, "{key}: {tried}");
        let succeeded = |text: &str| {
            text.contains("10.66.0.2")
                && (text.contains("run for host") || text.contains("dropped"))
        };
        // What our own firewall did is another matter, and a success.
        let expected = usize::from(key == "KILL_RUN_CMD");
        assert_eq!(
            lab.log.count(succeeded),
            expected,
            "{key}: a failure is no success"
        );
        assert_eq!(lab.banned("10.66.0.2/32"), key == "KILL_RUN_CMD");
        assert_eq!(
            daemon.read("history").matches("10.66.0.2").count(),
            0,
            "{key}"
        );
    }
}

#[test]
fn a_command_that_is_not_there_is_a_failure() {
    let Some(lab) = Lab::new(&[]) else { return };
    let command = "/nowhere/notify $TARGET$";
    let _daemon = lab.start(Config::blocking(Mode::Stealth).with("KILL_RUN_CMD", command));
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    lab.log.wait_for(|text| text.contains("exit status: 127"));
    lab.log
        .wait_for_text("ERROR: Could not block host 10.66.0.2/10.66.0.2 !!");
    assert_eq!(
        lab.log.count(|text| text.contains("External command run")),
        0
    );
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

fn pids(note: &Path) -> Vec<u32> {
    let text = fs::read_to_string(note).unwrap_or_default();
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n')?.parse().ok())
        .collect()
}

fn alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}
