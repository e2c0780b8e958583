//! What a process has cost: by the scheduler's own account, and by whoever counts its system calls.

use super::{Lab, eventually, need};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// What a process has cost so far, or between two such moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Nanoseconds on a processor (/proc/PID/schedstat).
    pub(crate) cpu: u64,
    /// The same of the children that it has reaped; in hundredths of a second (/proc/PID/stat, proc(5)).
    pub(crate) children: u64,
    /// How often it has gone to sleep by itself: once for each time it was woken.
    pub(crate) wakeups: u64,
}

impl Spent {
    #[track_caller]
    pub(crate) fn by(pid: u32) -> Spent {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        let switches = read("status");
        let switches = switches
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let stat = read("stat");
        let mut behind_name = stat.rsplit_once(") ").unwrap().1.split(' ').skip(13);
        let ticks = [(); 2].map(|()| behind_name.next().unwrap().parse::<u64>().unwrap());
        Spent {
            cpu: read("schedstat")
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap(),
            children: ticks.iter().sum::<u64>() * 10_000_000,
            wakeups: switches.unwrap().trim().parse().unwrap(),
        }
    }

    /// When it has had nothing to do for a while: then all that was sent before is done with.
    #[track_caller]
    pub(crate) fn at_rest(pid: u32) -> Spent {
        let (mut spent, mut since) = (Spent::by(pid), Instant::now());
        eventually("rest", || {
            let now = Spent::by(pid);
            if now.cpu > spent.cpu {
                (spent, since) = (now, Instant::now());
            }
            since.elapsed() > Duration::from_millis(300)
        });
        spent
    }

    pub(crate) fn since(self, before: Spent) -> Spent {
        Spent {
            cpu: self.cpu - before.cpu,
            children: self.children - before.children,
            wakeups: self.wakeups - before.wakeups,
        }
    }
}

/// Counts the system calls of a process, and of those that it starts.
pub(crate) struct Calls(Child);

impl Calls {
    /// strace stops the process at each call, so a flood meets a slower one.
    pub(crate) fn by_strace(lab: &Lab, pid: u32) -> Option<Calls> {
        need("strace").then(|| {
            let pid = pid.to_string();
            let mut strace = lab.router.command("strace");
            strace.args(["-f", "-c", "-U", "calls,name", "-p", &pid]);
            let calls = Calls(strace.stderr(Stdio::piped()).spawn().unwrap());
            let status = format!("/proc/{pid}/status");
            eventually("strace looks on", || {
                let status = fs::read_to_string(&status).unwrap();
                !status.contains("TracerPid:\t0\n")
            });
            calls
        })
    }

    /// perf counts at the kernel's own trace point, and stops nobody; it needs rights that not every root has.
    pub(crate) fn by_perf(lab: &Lab, pid: u32) -> Option<Calls> {
        let there = Path::new("/usr/bin/perf").exists();
        let perf = |words: &[&str]| {
            let mut perf = lab.router.command("perf");
            perf.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter"]);
            perf.args(words);
            perf
        };
        if !there || !perf(&["true"]).output().unwrap().status.success() {
            return None;
        }
        let mut counting = perf(&["-p", &pid.to_string()]);
        let child = counting.stderr(Stdio::piped()).spawn().unwrap();
        // It has no word for "I am ready": while it gets ready it calls a lot, and then not at all.
        let word = format!("/proc/{}/wchan", child.id());
        eventually("perf looks on", || {
            fs::read_to_string(&word)
                .is_ok_and(|place| place.contains("nanosleep") || place.contains("poll"))
        });
        Some(Calls(child))
    }

    /// How many there were.
    #[track_caller]
    pub(crate) fn end(mut self) -> Counted {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        let mut said = String::new();
        let mut errors = self.0.stderr.take().unwrap();
        errors.read_to_string(&mut said).unwrap();
        self.0.wait().unwrap();
        Counted(said)
    }
}

/// In the words of who has counted.
#[derive(Debug)]
pub(crate) struct Counted(String);

impl Counted {
    #[track_caller]
    pub(crate) fn all(&self) -> u64 {
        self.of("total", "sys_enter")
    }

    /// Those of one kind, by strace.
    #[track_caller]
    pub(crate) fn named(&self, call: &str) -> u64 {
        self.of(call, call)
    }

    #[track_caller]
    fn of(&self, name: &str, other: &str) -> u64 {
        let mut lines = self.0.lines();
        let line = lines.find(|line| line.ends_with(&format!(" {name}")) || line.contains(other));
        let line = line.unwrap_or_else(|| panic!("no {name} in:\n{}", self.0));
        let mut words = line.split([' ', ',']);
        // Of a process that slept all the time perf says "<not counted>".
        words.find_map(|word| word.parse().ok()).unwrap_or(0)
    }
}
