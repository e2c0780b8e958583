//! psad as Debian packs it: it reads the lines that iptables writes of packets. Here they come by way of NFLOG and
//! ulogd, because the kernel's own log takes nothing from a network namespace.

use crate::lab::{Lab, ROUTER, SCANNER, eventually, skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// Of its configuration, what is not as Debian has it: it blocks, at the first level that it knows, and looks each
/// second; it asks nobody and writes to nobody.
const SETTINGS: &str = "HOSTNAME router
    ENABLE_AUTO_IDS Y
    AUTO_IDS_DANGER_LEVEL 1
    CHECK_INTERVAL 1
    ALERTING_METHODS noemail
    ENABLE_WHOIS_LOOKUPS N
    ENABLE_DNS_LOOKUPS N
    ENABLE_FW_LOGGING_CHECK N
    AUTO_DETECT_JOURNALCTL N
    ENABLE_PSADWATCHD N
    IFCFGTYPE iproute2
    SYSLOG_DAEMON ulogd
    PSAD_CONF_DIR /etc/psad";

pub(in crate::bench) struct Psad {
    psad: Child,
    ulogd: Child,
}

pub(super) fn unpacked() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/psad");
    (place.join("usr/sbin/psad").exists() || skip("no psad: tests/fetch fetches it"))
        .then_some(place)
}

impl Psad {
    #[track_caller]
    pub(super) fn start(lab: &Lab, traps: &str, place: &Path) -> Self {
        let home = lab.dir().join("daemon");
        fs::create_dir_all(home.join("run")).unwrap();
        fs::write(home.join("lines"), "").unwrap();
        lab.router.sh(&format!(
            "rm -rf /etc/psad
             cp -r {}/etc/psad /etc/
             {}
             iptables -w -A INPUT -p tcp -m set --match-set traps dst -j NFLOG --nflog-prefix 'DROP '",
            place.display(),
            super::recipes::trap_set(traps)
        ));
        configure(lab, &home, place);
        let ulogd = ulogd(lab, &home, place);
        let mut psad = lab.router.command("perl");
        psad.arg(place.join("usr/sbin/psad"));
        psad.args(["-c", "/etc/psad/psad.conf", "--no-daemon"]);
        let mut psad = started(psad, &home.join("psad.said"), place);
        eventually("psad is there, or has ended", || {
            home.join("run/psad.pid").exists() || psad.try_wait().unwrap().is_some()
        });
        let said = fs::read_to_string(home.join("psad.said")).unwrap();
        assert!(psad.try_wait().unwrap().is_none(), "{said}");
        // It says nowhere that it has begun to look.
        std::thread::sleep(Duration::from_secs(3));
        Self { psad, ulogd }
    }

    /// Whether it blocks the scanner.
    pub(in crate::bench) fn blocks(lab: &Lab) -> bool {
        let chain = lab.router.sh("iptables -w -S PSAD_BLOCK_INPUT || true");
        chain.contains(&format!("-s {SCANNER}/32"))
    }

    pub(in crate::bench) fn pid(&self) -> u32 {
        self.psad.id()
    }
}

fn configure(lab: &Lab, home: &Path, place: &Path) {
    let conf = lab.router.path("/etc/psad/psad.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let home = home.display();
    let places = format!(
        "HOME_NET {ROUTER}/32
         INSTALL_ROOT {}
         IPT_SYSLOG_FILE {home}/lines
         ULOG_DATA_FILE {home}/lines
         PSAD_DIR {home}
         PSAD_RUN_DIR {home}/run
         PSAD_FIFO_DIR {home}/run",
        place.display()
    );
    let ours: Vec<_> = SETTINGS
        .lines()
        .chain(places.lines())
        .map(str::trim)
        .collect();
    let is_ours = |line: &str| {
        let key = line.split_whitespace().next();
        ours.iter().any(|ours| ours.split(' ').next() == key)
    };
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !is_ours(line))
        .map(str::to_owned)
        .collect();
    lines.extend(ours.iter().map(|line| format!("{line};")));
    fs::write(conf, lines.join("\n") + "\n").unwrap();
}

/// Writes the lines that the kernel would.
fn ulogd(lab: &Lab, home: &Path, place: &Path) -> Child {
    let plugins = place.join(format!(
        "usr/lib/{}-linux-gnu/ulogd",
        std::env::consts::ARCH
    ));
    let mut conf = String::from("[global]\nloglevel=5\n");
    for plugin in [
        "inppkt_NFLOG",
        "raw2packet_BASE",
        "filter_IFINDEX",
        "filter_IP2STR",
        "filter_PRINTPKT",
        "output_LOGEMU",
    ] {
        conf += &format!("plugin=\"{}/ulogd_{plugin}.so\"\n", plugins.display());
    }
    conf += &format!(
        "logfile=\"{home}/ulogd.said\"
stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
[log1]
group=0
[emu1]
file=\"{home}/lines\"
sync=1
",
        home = home.display()
    );
    fs::write(home.join("ulogd.conf"), conf).unwrap();
    let mut ulogd = lab.router.command(place.join("usr/sbin/ulogd"));
    ulogd.arg("-c").arg(home.join("ulogd.conf"));
    started(ulogd, &home.join("ulogd.err"), place)
}

fn started(mut command: Command, said: &Path, place: &Path) -> Child {
    let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let mut modules = vec![place.join("usr/share/perl5")];
    // A directory for the version of Perl that they were built for.
    let built = fs::read_dir(place.join(&libraries).join("perl5")).unwrap();
    modules.extend(built.map(|entry| entry.unwrap().path()));
    let modules: Vec<_> = modules
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    command.env("PERL5LIB", modules.join(":"));
    command.env("LD_LIBRARY_PATH", place.join(libraries));
    let said = fs::File::create(said).unwrap();
    command.stdout(said.try_clone().unwrap()).stderr(said);
    command.spawn().unwrap()
}

impl Drop for Psad {
    fn drop(&mut self) {
        for child in [&mut self.psad, &mut self.ulogd] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
