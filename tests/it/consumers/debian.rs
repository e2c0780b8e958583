//! fail2ban and logwatch as Debian packs them, with their own configuration for PortSentry. `tests/fetch`
//! fetches them.

use super::run;
use crate::lab::config::{Config, Mode};
use crate::lab::namespace::Namespace;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SECOND, eventually, need, skip};
use portsentry::limits::HISTORY_BYTES_MAX;
use regex::RegexSet;
use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Where they are unpacked; nothing where they are not.
fn unpacked() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/consumers");
    let there = place.exists() || skip("no fail2ban and logwatch: tests/fetch fetches them");
    (there && need("python3") && need("perl")).then(|| place.canonicalize().unwrap())
}

/// A program of fail2ban's, which finds its own library. It is made for Debian's Python.
fn fail2ban(place: &Path, mut python: Command, program: &str) -> Command {
    python.arg("-B").arg(place.join("usr/bin").join(program));
    python.env("PYTHONPATH", place.join("usr/lib/python3/dist-packages"));
    python
}

const PYTHON: &str = "/usr/bin/python3";

#[test]
fn fail2ban_regex_matches_every_line_of_the_history() {
    let Some(place) = unpacked() else { return };
    let Some(run) = run(Mode::Connect) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    fs::write(&history, &run.history).unwrap();
    let mut regex = fail2ban(&place, Command::new(PYTHON), "fail2ban-regex");
    regex.arg(&history);
    regex.arg(place.join("etc/fail2ban/filter.d/portsentry.conf"));
    let output = regex.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("Lines: 3 lines, 0 ignored, 3 matched, 0 missed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server that has nothing but its own jail for PortSentry, and real iptables.
struct Server(Child);

impl Server {
    fn start(lab: &Lab, place: &Path, history: &Path) -> Server {
        let home = lab.dir().join("fail2ban");
        let copy = Command::new("cp")
            .arg("-r")
            .arg(place.join("etc/fail2ban"))
            .arg(&home)
            .status();
        assert!(copy.unwrap().success());
        // Debian turns the jail for sshd on.
        fs::remove_file(home.join("jail.d/defaults-debian.conf")).unwrap();
        let here = home.display();
        let server = format!(
            "[Definition]\nlogtarget = {here}/log\nsocket = {here}/socket\npidfile = {here}/pid\ndbfile = None\n"
        );
        fs::write(home.join("fail2ban.local"), server).unwrap();
        let jail = format!(
            "[portsentry]\nenabled = true\nlogpath = {}\nbackend = polling\nbanaction = iptables-allports\n",
            history.display()
        );
        fs::write(home.join("jail.local"), jail).unwrap();
        let mut server = fail2ban(place, lab.router.command(PYTHON), "fail2ban-server");
        server.arg("-c").arg(&home).args(["-f", "start"]);
        server.stdout(File::create(home.join("stdout")).unwrap());
        server.stderr(File::create(home.join("stderr")).unwrap());
        let server = Server(server.spawn().unwrap());
        eventually("fail2ban reads the history", || {
            let log = fs::read_to_string(home.join("log")).unwrap_or_default();
            log.contains("Jail 'portsentry' started")
        });
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_running_fail2ban_bans_from_the_history_and_follows_it_to_a_new_file() {
    let Some(place) = unpacked() else { return };
    let Some(lab) = Lab::new(&[]) else { return };
    // Nothing but the history tells of a ban.
    let config = Config::blocking(Mode::Stealth).with("KILL_ROUTE", "test -n $TARGET$");
    let daemon = lab.start(config);
    let history = daemon.file("history");
    let _server = Server::start(&lab, &place, &history);
    let chain = |source: IpAddr| {
        let program = if source.is_ipv4() {
            "iptables"
        } else {
            "ip6tables"
        };
        lab.router
            .sh(&format!("{program} -w -S f2b-portsentry 2>&1 || true"))
    };
    let touched = |source: IpAddr, router: IpAddr| {
        lab.scanner.touch(Tcp, source, SocketAddr::new(router, 11));
        eventually("fail2ban bans", || {
            chain(source).contains(&format!("-s {source}/"))
        });
    };
    touched(SCANNER, ROUTER);
    touched(lab.stranger(ROUTER6), ROUTER6);
    assert!(!daemon.file("history.1").exists());

    // So much that the next line makes the file too long.
    let filler = "#".repeat(usize::try_from(HISTORY_BYTES_MAX).unwrap() - 200);
    let mut file = File::options().append(true).open(&history).unwrap();
    writeln!(file, "{filler}").unwrap();
    touched(SECOND, ROUTER);
    assert!(daemon.read("history.1").contains(&filler));
    assert_eq!(daemon.read("history").lines().count(), 1);
    touched(lab.stranger(ROUTER), ROUTER);
    assert_eq!(daemon.read("history").lines().count(), 2);
}

/// What 1.2 wrote as well and logwatch has never known.
const UNKNOWN: [&str; 2] = [
    r"^adminalert: PortSentry \S+ is starting\.$",
    r"^adminalert: Going into (stealth )?listen mode on (TCP|UDP) port: \d+$",
];

/// And in mode connect.
const CONNECT: &str = r"^attackalert: Connect from host: \S+ to (TCP|UDP) port: \d+$";

#[test]
fn logwatch_sums_up_and_leaves_nothing_that_1_2_would_not_have_left() {
    let Some(place) = unpacked() else { return };
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(run) = run(mode) else { return };
        let dir = tempfile::tempdir().unwrap();
        let lines = run.texts.iter();
        let lines = lines.map(|text| format!("Nov 22 16:40:01 router portsentry[12]: {text}\n"));
        fs::write(dir.path().join("messages"), lines.collect::<String>()).unwrap();
        let world = Namespace::new();
        let said = world.sh(&format!(
            "mount -t overlay -o lowerdir={}/usr/share:/usr/share lab /usr/share
             mount -t tmpfs lab /var/cache
             mkdir /var/cache/logwatch
             mount --bind {} /var/log
             perl /usr/share/logwatch/scripts/logwatch.pl --service portsentry --detail high \\
                 --range all --output stdout --hostname router",
            place.display(),
            dir.path().display()
        ));
        for source in ["10.66.0.2", "10.66.0.3", "fd99:0:0:1::1"] {
            let blocked = format!("Blocked route from/to {source} 1 times(s).");
            assert!(said.contains(&blocked), "{mode:?}: {said}");
        }
        let ports = "10.66.0.2: ports: 1 11 15 79 111 512-515 1524 31337 54320\n";
        assert_eq!(said.contains(ports), mode == Mode::Stealth, "{said}");

        let connect = (mode == Mode::Connect).then_some(CONNECT);
        let known = RegexSet::new(UNKNOWN.into_iter().chain(connect)).unwrap();
        let (_, unmatched) = said.split_once("**Unmatched entries**\n").unwrap();
        let (unmatched, _) = unmatched.split_once("\n \n").unwrap();
        for line in unmatched.lines() {
            let (_, text) = line.split_once("Time(s): ").unwrap();
            assert!(known.is_match(text), "{mode:?}: {text}");
        }
    }
}
