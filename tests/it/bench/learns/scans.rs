//! Real scanners, and what a router has told them before it fell silent.

use crate::lab::capture::{Capture, Passed};
use crate::lab::namespace::Namespace;
use crate::lab::scan::list;
use crate::lab::{BOUND, Lab, ROUTER, SCANNER, skip};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Who has been told nothing new for so long is told nothing more: on this wire a scan of a thousand ports that
/// nobody stops is over in a tenth of it.
const SILENCE: Duration = Duration::from_millis(400);

pub(super) enum Scan {
    /// With these options, of the thousand ports that it tries by itself.
    Nmap(&'static str),
    /// The same ports, so many a second.
    Masscan(PathBuf, u32),
}

/// What one scan has learned.
pub(super) struct Learned {
    /// Ports that answered, open or closed.
    pub(super) answered: usize,
    /// Of these: asked for when a trap had been touched already, the trap itself among them. Which port comes
    /// first is chance, this is not.
    pub(super) late: usize,
    /// Services that were found.
    pub(super) found: usize,
    /// Of these: asked for as late as that.
    pub(super) late_found: usize,
}

/// masscan, and the library that it looks for when it runs.
pub(super) fn masscan() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/masscan");
    (place.join("usr/bin/masscan").exists() || skip("no masscan: tests/fetch fetches it"))
        .then_some(place)
}

impl Scan {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Nmap(options) => format!("nmap {options}"),
            Self::Masscan(_, rate) => format!("masscan, {rate}/s"),
        }
    }

    /// Scans until nothing more is to be learned.
    pub(super) fn of(&self, lab: &Lab, ports: &[u16], is_trap: impl Fn(u16) -> bool) -> Learned {
        let capture = lab.capture();
        let mut scanner = Ending(self.command(&lab.scanner, ports).spawn().unwrap());
        let passed = until_silence(&capture, &mut scanner.0);
        learned(&passed, is_trap)
    }

    fn command(&self, place: &Namespace, ports: &[u16]) -> Command {
        let mut command;
        match self {
            Self::Nmap(options) => {
                command = place.command("nmap");
                command.args(["-n", "-Pn"]).args(options.split_whitespace());
            }
            Self::Masscan(unpacked, rate) => {
                let machine = std::env::consts::ARCH;
                let libraries = unpacked.join(format!("usr/lib/{machine}-linux-gnu"));
                command = place.command(unpacked.join("usr/bin/masscan"));
                command.env("LD_LIBRARY_PATH", libraries);
                command.args(["-e", "eth0", "--source-ip", &SCANNER.to_string()]);
                command.args(["--router-mac", "02:66:00:00:00:01", "--wait", "1"]);
                command.args(["--rate", &rate.to_string(), "-p", &list(ports)]);
            }
        }
        command.arg(ROUTER.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// All that passed while the scanner ran, or until the router had been silent for a while.
fn until_silence(capture: &Capture, scanner: &mut Child) -> Vec<Passed> {
    let begun = Instant::now();
    let (mut known, mut since) = (0, None);
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let ended = scanner.try_wait().unwrap().is_some();
        let passed = capture.all();
        let asked = passed.iter().any(is_question);
        let answers = answers(&passed).count();
        if answers > known || (asked && since.is_none()) {
            (known, since) = (answers, Some(Instant::now()));
        }
        let silent = since.is_some_and(|since| since.elapsed() > SILENCE);
        if ended || silent || begun.elapsed() > BOUND {
            return passed;
        }
    }
}

fn is_question(packet: &Passed) -> bool {
    packet.from.ip() == SCANNER && packet.syn && !packet.ack
}

fn answers(passed: &[Passed]) -> impl Iterator<Item = &Passed> {
    let to_scanner = |packet: &&Passed| packet.is_answer() && packet.to.ip() == SCANNER;
    passed.iter().filter(to_scanner)
}

fn learned(passed: &[Passed], is_trap: impl Fn(u16) -> bool) -> Learned {
    let ports: BTreeSet<u16> = answers(passed).map(|packet| packet.from.port()).collect();
    let open = answers(passed).filter(|packet| packet.syn && packet.ack);
    let open: BTreeSet<u16> = open.map(|packet| packet.from.port()).collect();
    let asked = passed.iter().filter(|packet| is_question(packet));
    let early = asked.map(|packet| packet.to.port());
    let early: BTreeSet<u16> = early.take_while(|port| !is_trap(*port)).collect();
    Learned {
        answered: ports.len(),
        late: ports.difference(&early).count(),
        found: open.len(),
        late_found: open.difference(&early).count(),
    }
}

struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
