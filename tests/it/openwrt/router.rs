//! A router in a directory: the init script as it is installed but for its paths, UCI as it reads it, and procd.

use crate::fuzz::guided::targets::uci::exported;
use crate::lab::daemon::binary;
use crate::lab::{Lab, need};
use portsentry::config::uci::parse;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("../../../cross/openwrt/files/portsentry.init");
const RC_COMMON: &str = include_str!("../../data/openwrt/rc.common");
const FUNCTIONS: &str = include_str!("../../data/openwrt/functions.sh");
const NETWORK: &str = include_str!("../../data/openwrt/network.sh");

/// Checks what it is told to check, and only notes the rest.
const PROGRAM: &str = "#!/bin/sh
line=$1
for word in \"$@\"; do
    [ \"$word\" = \"$1\" ] || line=\"$line <$word>\"
done
echo \"$line\" >>\"$ROUTER/calls\"
[ \"$1\" != check ] || exec BINARY \"$@\"
echo \"$1 answers\"
exit 7
";

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "ash"]];

/// What procd does about what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Nothing,
    Started,
    Signalled,
    Restarted,
    Stopped,
}

/// An instance, and the files that are compared with it: procd keeps their sums.
#[derive(PartialEq, Eq)]
struct Instance {
    lines: Vec<String>,
    files: Vec<Option<Vec<u8>>>,
}

pub(super) struct Router {
    dir: TempDir,
    shell: &'static [&'static str],
    instance: Option<Instance>,
}

/// The same on a fresh router for each shell.
pub(super) fn on_each_shell(story: impl Fn(&mut Router)) {
    if !need("dash") || !need("busybox") {
        return;
    }
    for shell in SHELLS {
        story(&mut Router::new(shell));
    }
}

impl Router {
    fn new(shell: &'static [&'static str]) -> Self {
        let dir = TempDir::new().unwrap();
        let root = dir.path().to_str().unwrap().to_owned();
        for directory in ["lib/functions", "networks", "etc/config", "uci"] {
            fs::create_dir_all(dir.path().join(directory)).unwrap();
        }
        let mut script = SCRIPT.to_owned();
        for (real, ours) in [
            ("/usr/sbin/portsentry", "/portsentry"),
            ("/var/run/uci/", "/uci/"),
            ("/var/run/portsentry", "/run"),
            ("/etc/config/", "/etc/config/"),
            ("/lib/functions/", "/lib/functions/"),
        ] {
            assert!(script.contains(real), "{real}");
            script = script.replace(real, &format!("{root}{ours}"));
        }
        let program = PROGRAM.replace("BINARY", binary().to_str().unwrap());
        for (name, text) in [
            ("init", script.as_str()),
            ("rc.common", RC_COMMON),
            ("lib/functions.sh", FUNCTIONS),
            ("lib/functions/network.sh", NETWORK),
            ("portsentry", &program),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path().join("portsentry"), mode).unwrap();
        let instance = None;
        Self {
            dir,
            shell,
            instance,
        }
    }

    /// One whose run directory is that of the lab's router as well.
    pub(super) fn in_lab(lab: &Lab) -> Self {
        let router = Self::new(SHELLS[1]);
        let run = router.path("run");
        fs::create_dir(&run).unwrap();
        let run = run.display();
        lab.router.sh(&format!(
            "mkdir /run/portsentry; mount --bind {run} /run/portsentry"
        ));
        router
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn root(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    /// The words of a file that the script or a program has written, with nothing for one that is not there.
    pub(super) fn read(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.replace(self.root(), "")
    }

    /// The file that is committed. Who reads strictly has all of it or nothing; who does not has `seen`.
    pub(super) fn configure(&self, text: &str, seen: &str) {
        let seen = parse(seen.as_bytes()).unwrap();
        let strict = parse(text.as_bytes()).map(|sections| exported(&sections));
        fs::write(self.path("etc/config/portsentry"), text).unwrap();
        fs::write(self.path("strict"), strict.unwrap_or_default()).unwrap();
        fs::write(self.path("lenient"), exported(&seen)).unwrap();
    }

    /// The same where there is nothing that they could see differently.
    pub(super) fn set(&self, text: &str) {
        self.configure(text, text);
    }

    /// `uci set` without a commit: the tools see it, and the file has it not.
    pub(super) fn set_uncommitted(&self, text: &str) {
        let sections = exported(&parse(text.as_bytes()).unwrap());
        fs::write(self.path("strict"), &sections).unwrap();
        fs::write(self.path("lenient"), &sections).unwrap();
    }

    /// netifd: a network is on this device, or down.
    pub(super) fn network(&self, name: &str, device: Option<&str>) {
        let path = self.path("networks").join(name);
        match device {
            Some(device) => fs::write(path, device).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]);
        command.arg(self.path("rc.common")).arg(self.path("init"));
        command.args(words).env("ROUTER", self.dir.path());
        command
    }

    /// Runs the script, which has nothing to complain about by itself.
    #[track_caller]
    pub(super) fn run(&self, words: &[&str]) -> Output {
        let output = self.command(words).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
        output
    }

    /// Runs the script, and lets procd do what it does then. What it was told is in `told`.
    #[track_caller]
    pub(super) fn procd(&mut self, command: &str) -> Did {
        let _ = fs::remove_file(self.path("told"));
        let output = self.run(&[command]);
        assert!(output.status.success(), "{command}: {output:?}");
        let told = fs::read_to_string(self.path("told")).unwrap();
        let new = Instance::told(&told);
        let did = match (&self.instance, &new) {
            (None, None) => Did::Nothing,
            (None, Some(_)) => Did::Started,
            (Some(_), None) => Did::Stopped,
            (Some(old), Some(new)) if old == new => Did::Nothing,
            (Some(_), Some(new)) if new.lines.contains(&"reload_signal <1>".into()) => {
                Did::Signalled
            }
            (Some(_), Some(_)) => Did::Restarted,
        };
        self.instance = new;
        let running = self.path("running");
        match self.instance {
            Some(_) => fs::write(running, "").unwrap(),
            None => drop(fs::remove_file(running)),
        }
        did
    }

    /// The lines behind this one and before the next that belongs to something else.
    pub(super) fn told(&self, what: &str) -> Vec<String> {
        let told = self.read("told");
        let lines = told.lines().filter(|line| line.starts_with(what));
        lines.map(str::to_owned).collect()
    }
}

impl Instance {
    fn told(told: &str) -> Option<Self> {
        let lines = told.lines().skip_while(|line| *line != "instance").skip(1);
        let lines = lines.take_while(|line| *line != "end of instance");
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        let named = lines.iter().filter_map(|line| line.strip_prefix("file "));
        let files = named.flat_map(|paths| paths.split(' '));
        let files = files.map(|path| {
            let path = path.trim_start_matches('<').trim_end_matches('>');
            fs::read(Path::new(path)).ok()
        });
        let files = files.collect();
        (!lines.is_empty()).then_some(Self { lines, files })
    }
}
