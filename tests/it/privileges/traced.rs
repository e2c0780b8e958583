//! A life from start to stop under strace(1): which files are written, what each child inherits, and which
//! capabilities the daemon and its children have, at each stage.

use super::{DROPPED, privileges, status};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::daemon::Daemon;
use crate::lab::held::scanner;
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::trace::{Trace, deed};
use crate::lab::{Lab, ROUTER, SCANNER, eventually, need};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Whatever names a file, and sockets that get a name. What is done to an open descriptor needs one that was
/// opened for it.
const CALLS: &str = "%file,bind";

/// What is written at each stage, below the daemon's home, and nothing else; /dev/null is each child's.
const START: [&str; 10] = [
    "make ~/run",
    "change ~/run",
    "write ~/run/lock",
    "bind ~/run/control",
    "change ~/run/control",
    "write ~/history",
    "write ~/blocked.stcp",
    "write ~/blocked.udp",
    JOURNAL[0],
    JOURNAL[1],
];
const JOURNAL: [&str; 2] = [
    "write ~/run/journal.new",
    "rename ~/run/journal.new ~/run/journal",
];
const BAN: [&str; 4] = [
    "write ~/history",
    "write ~/blocked.stcp",
    JOURNAL[0],
    JOURNAL[1],
];
const STOP: [&str; 3] = ["remove ~/run/control", JOURNAL[0], JOURNAL[1]];

/// The journal is written a second after what it tells.
const REST: Duration = Duration::from_millis(1600);

type Set = BTreeSet<String>;

/// Packet sockets for TCP, bound ones for UDP.
fn config(backend: Backend) -> Config {
    Config::blocking(Mode::Stealth)
        .with("UDP_MODE", "connect")
        .with("BACKEND", backend.word())
}

#[test]
fn a_life_without_commands_of_the_owners() {
    for backend in [Backend::Nft, Backend::Iptables] {
        let Some(life) = Life::new(backend) else {
            return;
        };
        live(&life, backend, config(backend), &DROPPED.map(own));
    }
}

#[test]
fn a_life_with_commands_of_the_owners() {
    for backend in [Backend::Nft, Backend::Iptables] {
        let Some(life) = Life::new(backend) else {
            return;
        };
        let mut config = config(backend);
        for key in ["KILL_RUN_CMD", "UNBLOCK_CMD"] {
            let script = life.lab.dir().join(key);
            fs::write(&script, life.note(key)).unwrap();
            config = config.with(key, &format!(": $TARGET$; sh {}", script.display()));
        }
        let whole = life.whole();
        live(&life, backend, config, &whole);
        let ran = |name: &str| {
            life.children()
                .iter()
                .filter(|child| child.words == name)
                .count()
        };
        assert_eq!([ran("KILL_RUN_CMD"), ran("UNBLOCK_CMD")], [1, 1]);
    }
}

fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn may(daemon: &Daemon) -> Vec<(String, String)> {
    let all = status(daemon);
    privileges(&all).into_iter().map(own).collect()
}

/// Starts, bans, reloads, heals, unbans and stops; checks every stage. `later` is what may be done once it is set
/// up.
fn live(life: &Life, backend: Backend, config: Config, later: &Privileges) {
    let lab = &life.lab;
    let (config, trace) = lab.traced(config, CALLS);
    let mut daemon = lab.start(config.clone());
    let mut seen = Seen {
        life,
        trace,
        deeds: 0,
        children: 0,
    };
    let (load, apply, check, unload) = match backend {
        Backend::Nft => ("nft", "nft", "nft", "nft"),
        _ => (
            "iptables -w -N",
            "iptables-restore",
            "iptables -w -S PORTSENTRY",
            "iptables -w -X",
        ),
    };
    seen.stage("start", &START, load, &life.whole());
    assert_eq!(may(&daemon), later, "after the start");

    daemon.ask("status").done();
    lab.scanner.touch(Udp, SCANNER, SocketAddr::new(ROUTER, 9));
    seen.stage("run", &[], "", later);

    lab.scanner.touch(Tcp, SCANNER, SocketAddr::new(ROUTER, 11));
    eventually("a ban", || lab.holds(backend, &scanner()));
    seen.stage("ban", &BAN, apply, later);

    let others = config.clone().with("TCP_PORTS", "1,11");
    daemon.reload(others);
    lab.log.wait_for_text("is read again and in force");
    seen.stage("reload", &[], "", later);

    lab.meddle(match backend {
        Backend::Nft => "nft delete table inet portsentry",
        _ => "iptables -w -F PORTSENTRY",
    });
    lab.log
        .wait_for_text("Somebody else changed our part of the firewall");
    eventually("it is healed", || lab.holds(backend, &scanner()));
    seen.stage("check", &[], check, later);
    assert_eq!(may(&daemon), later, "before the stop");

    daemon.ask("unban --all").done();
    eventually("its end", || !lab.holds(backend, &scanner()));
    seen.stage("unban", &JOURNAL, apply, later);

    assert!(daemon.stop().success());
    seen.trace.to_the_end();
    seen.stage("stop", &STOP, unload, later);
}

type Privileges = [(String, String); 6];

/// A lab whose firewall programs note what they inherit.
struct Life {
    lab: Lab,
}

/// A child of the daemon's, as it found itself.
#[derive(Debug)]
struct Child {
    words: String,
    open: String,
    own: Vec<(String, String)>,
    daemon: Vec<(String, String)>,
}

impl Life {
    fn new(backend: Backend) -> Option<Life> {
        if !need("strace") {
            return None;
        }
        let lab = backend.lab(Lab::new)?;
        let life = Life { lab };
        life.lab.own_programs();
        let tools = match backend {
            Backend::Nft => "nft",
            _ => "iptables ip6tables iptables-restore ip6tables-restore",
        };
        life.lab.router.sh(&format!(
            "cd /usr/sbin
             mkdir real
             for tool in {tools}; do
                 cp -P $(readlink -f $tool) real/$tool
                 rm $tool
                 cat > $tool <<'END'
#!/bin/sh
name=${{0##*/}}
{note}
exec /usr/sbin/real/$name \"$@\"
END
                 chmod 755 $tool
             done",
            note = life.note("$name $*")
        ));
        Some(life)
    }

    /// A script that notes what its process has open and may do, and its daemon; nothing where there is no
    /// daemon. The fourth descriptor is the directory that ls reads. It is one write, because a command of the
    /// owner's may run beside a program of the firewall.
    fn note(&self, words: &str) -> String {
        let notes = self.lab.dir().join("notes");
        format!(
            "d=$PPID; while [ $d -gt 1 ] && [ \"$(cat /proc/$d/comm)\" != portsentry ]; do \
             d=$(sed -n 's/^PPid:.//p' /proc/$d/status); done; \
             [ $d -le 1 ] || {{ echo \"== {words}\"; echo $(ls /proc/self/fd); cat /proc/self/status; \
             echo -- daemon; \
             cat /proc/$d/status; }} > {0}.$$; [ $d -le 1 ] || cat {0}.$$ >> {0}",
            notes.display()
        )
    }

    /// What whoever starts it may do.
    fn whole(&self) -> Privileges {
        let status = self.lab.router.sh("cat /proc/self/status");
        let all: Vec<_> = privileges(&status).into_iter().map(own).collect();
        all.try_into().unwrap()
    }

    fn children(&self) -> Vec<Child> {
        let notes = fs::read_to_string(self.lab.dir().join("notes")).unwrap();
        let child = |note: &str| {
            let (words, rest) = note.split_once('\n').unwrap();
            let (open, rest) = rest.split_once('\n').unwrap();
            let (own_status, daemon) = rest.split_once("-- daemon").unwrap();
            let of = |status| privileges(status).into_iter().map(own).collect();
            Child {
                words: words.to_owned(),
                open: open.to_owned(),
                own: of(own_status),
                daemon: of(daemon),
            }
        };
        notes.split("== ").skip(1).map(child).collect()
    }
}

/// What was looked at already.
struct Seen<'a> {
    life: &'a Life,
    trace: Trace,
    deeds: usize,
    children: usize,
}

impl Seen<'_> {
    /// What the trace says that was done to files since the last stage.
    fn deeds(&self, lines: &[String]) -> Set {
        let home = self.life.lab.dir().join("daemon").display().to_string();
        let deeds = lines[self.deeds..].iter().filter_map(|line| deed(line));
        deeds.map(|deed| deed.replace(&home, "~")).collect()
    }

    /// Checks what was done since the last stage: what was written, and that each child had three descriptors and
    /// no more rights than it may have; one of them is `ran`.
    #[track_caller]
    fn stage(&mut self, name: &str, written: &[&str], ran: &str, may: &Privileges) {
        let (mut lines, mut since) = (self.trace.lines(), Instant::now());
        eventually("it rests", || {
            let more = self.trace.lines();
            if more.len() > lines.len() {
                (lines, since) = (more, Instant::now());
            }
            let all = self.deeds(&lines);
            since.elapsed() > REST && written.iter().all(|deed| all.contains(*deed))
        });
        let deeds = self.deeds(&lines);
        let children = self.life.children();
        let children = &children[self.children..];
        (self.deeds, self.children) = (lines.len(), self.children + children.len());
        let null = (!children.is_empty()).then_some("write /dev/null");
        let expected: Set = written
            .iter()
            .copied()
            .chain(null)
            .map(str::to_owned)
            .collect();
        assert_eq!(deeds, expected, "{name}");
        for child in children {
            assert_eq!(child.open, "0 1 2 3", "{name}: {child:?}");
            assert_eq!(
                (&child.own[..], &child.daemon[..]),
                (&may[..], &may[..]),
                "{name}: {child:?}"
            );
        }
        let is_it = |child: &Child| child.words.contains(ran);
        assert!(
            ran.is_empty() || children.iter().any(is_it),
            "{name}: {children:?}"
        );
    }
}
