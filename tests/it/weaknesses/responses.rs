//! What 1.2 said and did about a scan, and should not have.

use super::programs::{Program, at_router, blocking, both, config};
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, SCANNER, eventually, packet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

fn touch(lab: &Lab, from: &str) {
    let from: IpAddr = from.parse().unwrap();
    let packet = packet::tcp(SocketAddr::new(from, 40000), at_router(11), "S");
    lab.scanner.sender().send(&packet);
}

/// 1.2 forgets at a start whom it has blocked, and blocks him again.
#[test]
fn w1_09_a_source_has_one_line_in_hosts_deny() {
    let test = |lab: &Lab, program: &Program| {
        let deny = lab.router.path("/etc/hosts.deny");
        let lines = || {
            let text = fs::read_to_string(&deny).unwrap();
            text.matches("10.66.0.2").count()
        };
        for _ in 0..2 {
            let config = blocking().with("KILL_HOSTS_DENY", "ALL: $TARGET$");
            let it = program.start(lab, &["-stcp"], config);
            touch(lab, "10.66.0.2");
            it.read_until("blocked.stcp", "10.66.0.2");
            eventually("the line", || lines() > 0);
        }
        lines()
    };
    both(test, (1, 2));
}

/// Five bytes from a source that may be forged.
#[test]
fn w1_10_a_datagram_draws_no_answer_longer_than_itself() {
    let test = |lab: &Lab, program: &Program| {
        let banner = "Whoever you are: go away, this is logged.";
        let it = program.start(lab, &["-udp"], config().with("PORT_BANNER", banner));
        let asking = lab.scanner.query(SCANNER, at_router(11));
        it.settle(Udp);
        asking.set_nonblocking(true).unwrap();
        asking.recv(&mut [0; 64]).is_ok()
    };
    both(test, (false, true));
}

#[test]
fn w1_14_a_command_that_is_not_there_blocks_nobody() {
    let test = |lab: &Lab, program: &Program| {
        let config = blocking().with("KILL_ROUTE", "/nowhere/route $TARGET$");
        let _it = program.start(lab, &["-stcp"], config);
        touch(lab, "10.66.0.2");
        let outcome = ["has been blocked via", "Could not block host"];
        let is_outcome = |text: &str| outcome.iter().any(|words| text.contains(words));
        let said = lab.log.wait_for(is_outcome).text();
        said.contains("has been blocked via")
    };
    both(test, (false, true));
}

#[test]
fn w1_15_nobody_is_called_blocked_while_blocking_is_off() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], config());
        touch(lab, "10.66.0.2");
        touch(lab, "10.66.0.2");
        it.settle(Tcp);
        let already = lab
            .log
            .count(|text| text.contains("10.66.0.2 is already blocked"));
        (it.read("blocked.stcp").contains("10.66.0.2"), already)
    };
    both(test, ((false, 0), (true, 1)));
}

#[test]
fn w1_16_an_address_that_ends_in_another_is_another() {
    let test = |lab: &Lab, program: &Program| {
        let _it = program.start(lab, &["-stcp"], blocking());
        touch(lab, "110.98.0.1");
        lab.log.wait_for_text("Host 110.98.0.1 has been blocked");
        touch(lab, "10.98.0.1");
        let is_outcome = |text: &str| {
            text.contains("Host 10.98.0.1 has been")
                || text.contains("10.98.0.1 is already blocked")
        };
        let said = lab.log.wait_for(is_outcome).text();
        said.contains("has been blocked")
    };
    both(test, (true, false));
}

#[test]
fn w1_20_a_command_gets_no_descriptor_and_no_ignored_signal() {
    let test = |lab: &Lab, program: &Program| {
        let seen = lab.dir().join("daemon/seen");
        // On a descriptor of its own, because 1.2 gives a command no 0, 1 and 2.
        let look = "(ls -l /proc/self/fd; grep SigIgn /proc/self/status; echo end)";
        let look = format!("exec 8</dev/null; {look} >>{} 2>&1", seen.display());
        let it = program.start(lab, &["-stcp"], blocking().with("KILL_RUN_CMD", &look));
        touch(lab, "10.66.0.2");
        let seen = it.read_until("seen", "end\n");
        let ignored = seen.lines().find_map(|line| line.strip_prefix("SigIgn:\t"));
        let ignored = u64::from_str_radix(ignored.unwrap(), 16).unwrap();
        // HUP, PIPE and ALRM, the first bit being that of signal 1.
        let named = [1, 13, 14].map(|signal| ignored & 1 << (signal - 1) == 0);
        (seen.contains("socket:"), named == [true; 3])
    };
    both(test, ((false, true), (true, false)));
}

#[test]
fn w1_21_and_22_the_history_is_there_from_the_start_for_everybody() {
    let test = |lab: &Lab, program: &Program| {
        let it = program.start(lab, &["-stcp"], blocking());
        let before = it.path("history").exists();
        touch(lab, "10.66.0.2");
        it.read_until("history", "10.66.0.2");
        let mode = fs::metadata(it.path("history")).unwrap().permissions();
        (before, mode.mode() & 0o777)
    };
    both(test, ((true, 0o644), (false, 0o600)));
}

#[test]
fn w1_27_a_start_that_fails_is_no_success_to_whoever_called() {
    let test = |lab: &Lab, program: &Program| {
        let _service = lab.router.listen(at_router(11));
        program.configure(lab, &config().with("TCP_PORTS", "11"));
        let mut command = lab.router.command(program.path());
        let called = command.arg("-tcp").output().unwrap();
        lab.log.wait_for_text("could not bind ANY TCP sockets.");
        called.status.success()
    };
    both(test, (false, true));
}

#[test]
fn w1_28_a_mistake_on_the_command_line_logs_nothing() {
    let test = |lab: &Lab, program: &Program| {
        let mut command = lab.router.command(program.path());
        let ended = command.arg("-nonsense").output().unwrap();
        assert!(!ended.status.success());
        let mark = UnixDatagram::unbound().unwrap();
        mark.send_to(b"]: mark", lab.dir().join("log")).unwrap();
        lab.log.wait_for_text("mark");
        lab.log.texts().len() - 1
    };
    both(test, (0, 2));
}
