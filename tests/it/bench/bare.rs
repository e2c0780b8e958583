//! How far ours is from the least that it takes: the firewall program itself, run once on the same input.

use super::pace;
use super::peers::{Peer, Running, Traps};
use super::table::{Figure, Table};
use crate::lab::backend::Backend;
use crate::lab::{Lab, ROUTER, eventually};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 50;

/// A probe each 100 µs shows when they begin to be dropped.
const RATE: u32 = 10_000;
const PROBES: u16 = 500;

/// What the daemon runs for one ban.
struct Call {
    program: &'static str,
    arguments: Vec<String>,
    /// Of its standard input; for this source.
    input: String,
    source: IpAddr,
}

fn program(backend: Backend) -> &'static str {
    match backend {
        Backend::Nft => "nft",
        Backend::Ipset => "ipset",
        Backend::Iptables | Backend::Legacy => "iptables-restore",
    }
}

/// Has a script note what the daemon runs for a ban.
#[track_caller]
fn noted(backend: Backend) -> Option<Call> {
    let lab = Lab::new(&["nft", "ipset", "bash"])?;
    let (dir, program) = (lab.dir().display(), program(backend));
    lab.own_programs();
    lab.router.sh(&format!(
        "cd /usr/sbin
         cp $(readlink -f {program}) noted
         rm {program}
         cat > {program} <<'END'
#!/bin/bash
input=$(cat)
echo \"$*\" >{dir}/arguments
printf '%s\\n' \"$input\" >{dir}/input
exec -a {program} /usr/sbin/noted \"$@\" <<<\"$input\"
END
         chmod 755 {program}"
    ));
    let _running = Peer::Ours(backend).start(&lab, Traps::Classic, &[]);
    let source = lab.stranger(ROUTER);
    let text = source.to_string();
    pace::send(&lab.scanner.sender(), &pace::touches(source, 1), RATE);
    let read = |name: &str| fs::read_to_string(lab.dir().join(name)).unwrap_or_default();
    eventually("the input with the source in it", || {
        let whole = read("input");
        whole.ends_with('\n') && whole.contains(&text)
    });
    Some(Call {
        program,
        arguments: read("arguments")
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        input: read("input"),
        source,
    })
}

impl Call {
    /// Runs it for another source. std starts programs by posix_spawn(3), which copies nothing of this process.
    #[track_caller]
    fn run(&self, source: IpAddr) -> Duration {
        let input = self
            .input
            .replace(&self.source.to_string(), &source.to_string());
        let begun = Instant::now();
        let mut command = Command::new(self.program);
        command.args(&self.arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success(), "{input}");
        begun.elapsed()
    }
}

fn figure(times: Vec<Duration>) -> Option<Figure> {
    Some(Figure::new(
        times.into_iter().map(|time| time.as_secs_f64() * 1e6),
    ))
}

/// The times of ours, and of the program alone, which runs beside a daemon that is stopped.
#[track_caller]
fn compared(peer: &Peer, call: &Call) -> Option<[Vec<Duration>; 2]> {
    let lab = Lab::new(&["nft", "ipset"])?;
    let running = peer.start(&lab, Traps::Classic, &[]);
    let ours = (0..RUNS).filter_map(|_| {
        let touches = pace::touches(lab.stranger(ROUTER), PROBES);
        let sender = lab.scanner.sender();
        let before = lab.resets();
        let sent = pace::send(&sender, &touches, RATE);
        let passed = lab.resets() - before;
        sent.get(passed).map(|at| *at - sent[0])
    });
    let ours: Vec<_> = ours.collect();
    let Running::Ours(daemon) = &running else {
        panic!("only ours is compared with itself");
    };
    daemon.signal(Signal::SIGSTOP);
    let strangers: Vec<_> = (0..RUNS).map(|_| lab.stranger(ROUTER)).collect();
    let alone = lab
        .router
        .inside(|| strangers.iter().map(|source| call.run(*source)).collect());
    Some([ours, alone])
}

#[test]
#[ignore = "make bench"]
fn bare() {
    let backends = [Backend::Nft, Backend::Ipset, Backend::Iptables];
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for backend in backends {
        // Without the hold, which stops the second packet before anything is run.
        let peer = match backend {
            Backend::Nft => Peer::NoHold,
            Backend::Ipset => Peer::NoHoldIpset,
            _ => Peer::Ours(backend),
        };
        let Some(call) = noted(backend) else {
            return;
        };
        let Some([with_us, without]) = compared(&peer, &call) else {
            return;
        };
        ours.push(figure(with_us));
        alone.push(figure(without));
    }
    let columns = backends.map(|backend| format!("{}, µs", program(backend)));
    let mut table = Table::new("bare", columns);
    table.row("ours, from the first probe to the first dropped", ours);
    table.row("the program alone, on the same input", alone);
    table.note(format!(
        "{RUNS} bans each, with a probe every {} µs; nft and ipset without the hold. The program alone is \
         started by posix_spawn and waited for.",
        1_000_000 / RATE
    ));
    table.end();
}
