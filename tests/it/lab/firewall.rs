//! What the router's firewall says, and a way of watching and stopping the programs that change it.

use super::capture::MARK;
use super::packet::PADDED;
use super::{Lab, SCANNER};
use portsentry::net::Family;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

/// All the programs that a firewall is changed with.
const PROGRAMS: &str = "iptables ip6tables iptables-restore ip6tables-restore nft ipset";

impl Lab {
    /// The bans in the chain PORTSENTRY as `iptables -S` or `ip6tables -S` writes them, if it exists.
    pub(crate) fn chain(&self, family: IpAddr) -> Option<Vec<String>> {
        let mut list = self.router.command(self.real(program(family)));
        let output = list.args(["-w", "-S", "PORTSENTRY"]).output().unwrap();
        if !output.status.success() {
            return None;
        }
        let rules = String::from_utf8(output.stdout).unwrap();
        Some(
            rules
                .lines()
                .filter(|rule| rule.starts_with("-A PORTSENTRY -s "))
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether the chain holds exactly the rule for this prefix.
    pub(crate) fn banned(&self, prefix: &str) -> bool {
        let family = prefix.split('/').next().unwrap().parse().unwrap();
        let rule = format!("-A PORTSENTRY -s {prefix} -j DROP");
        self.chain(family)
            .is_some_and(|rules| rules.contains(&rule))
    }

    /// All rules of the filter table.
    pub(crate) fn rules(&self, family: IpAddr) -> String {
        let output = self
            .router
            .command(self.real(program(family)))
            .args(["-w", "-S"])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// The router's kernel tracks the connections of a family while a rule asks for them, as those of a router do.
    pub(crate) fn tracks(&self, family: Family) {
        let tables = match family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        };
        self.router.sh(&format!(
            "{tables} -w -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
        ));
    }

    /// Makes the scanner's kernel write the true length into fragments that were padded by us.
    pub(crate) fn pads_fragments(&self) {
        self.scanner.sh(&format!(
            "nft add table ip pad
             nft 'add chain ip pad out {{ type filter hook output priority 0; }}'
             nft 'add rule ip pad out ip length {PADDED} ip length set 28'"
        ));
    }

    /// Puts a script before each firewall program, which notes when one begins and ends,
    /// and says on the wire that it has ended.
    ///
    /// The script is bound over the real file, whatever link leads there, so the daemon runs what
    /// it always runs. The lab itself keeps a copy of the real one. nft takes the script's place, because the
    /// kernel's news name the process that changed something; its end is noted by the next one, and not told on
    /// the wire.
    pub(crate) fn watch_firewall(&self) -> Watch {
        let dir = self.dir().join("firewall");
        fs::create_dir(&dir).unwrap();
        self.router.sh(&format!(
            "cd {dir}
             for tool in {PROGRAMS}; do
                 real=$(command -v $tool) || continue
                 cp $(readlink -f $real) $tool
             done
             cat > script <<'END'
#!/bin/bash
tool=${{0##*/}}
if [ $tool = nft ] && last=$(cat {dir}/last 2>/dev/null); then
    [ -e /proc/$last/exe ] || echo end >> {dir}/runs
fi
echo begin >> {dir}/runs
if [ -e {dir}/hold ]; then
    echo held >> {dir}/runs
    while [ -e {dir}/hold ]; do sleep 0.01; done
fi
if [ -e {dir}/broken ]; then
    echo end >> {dir}/runs
    echo 'out of order' >&2
    exit 4
fi
if [ $tool = nft ]; then
    echo $$ > {dir}/last
    exec {dir}/nft \"$@\"
fi
{dir}/$tool \"$@\"
status=$?
echo end >> {dir}/runs
echo end > /dev/udp/{SCANNER}/{MARK}
exit $status
END
             chmod 755 script
             for tool in {PROGRAMS}; do
                 real=$(command -v $tool) || continue
                 mount --bind script $(readlink -f $real)
             done",
            dir = dir.display()
        ));
        Watch { dir }
    }

    fn real(&self, tool: &str) -> PathBuf {
        let copy = self.dir().join("firewall").join(tool);
        if copy.exists() {
            copy
        } else {
            PathBuf::from(tool)
        }
    }
}

fn program(family: IpAddr) -> &'static str {
    if family.is_ipv4() {
        "iptables"
    } else {
        "ip6tables"
    }
}

/// The notes of the script before the firewall programs.
pub(crate) struct Watch {
    dir: PathBuf,
}

impl Watch {
    /// From now on a firewall program waits before it does anything.
    pub(crate) fn hold(&self) {
        fs::write(self.dir.join("hold"), "").unwrap();
    }

    pub(crate) fn release(&self) {
        fs::remove_file(self.dir.join("hold")).unwrap();
    }

    /// From now on a firewall program fails at once.
    pub(crate) fn break_down(&self) {
        fs::write(self.dir.join("broken"), "").unwrap();
    }

    pub(crate) fn mend(&self) {
        fs::remove_file(self.dir.join("broken")).unwrap();
    }

    pub(crate) fn held(&self) -> usize {
        self.notes().lines().filter(|note| *note == "held").count()
    }

    pub(crate) fn runs(&self) -> usize {
        self.notes().lines().filter(|note| *note == "begin").count()
    }

    /// How many firewall programs ever ran at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        let mut running = 0_usize;
        let mut most = 0;
        for note in self.notes().lines() {
            match note {
                "begin" => running += 1,
                "end" => running -= 1,
                _ => {}
            }
            most = most.max(running);
        }
        most
    }

    fn notes(&self) -> String {
        fs::read_to_string(self.dir.join("runs")).unwrap_or_default()
    }
}
