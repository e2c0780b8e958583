//! What the firewall holds, of ours and of others.

use super::backend::Backend;
use super::{LAN, Lab, SCANNER};
use regex::Regex;
use std::collections::BTreeMap;
use std::net::IpAddr;

impl Lab {
    /// Changes the firewall as somebody else does, beside the programs that are watched.
    #[track_caller]
    pub(crate) fn meddle(&self, script: &str) -> String {
        let first = self.dir().join("firewall");
        let script = format!("PATH={}:$PATH\n{script}", first.display());
        self.router.sh(&script)
    }

    /// The bans that the firewall holds, and for how many seconds more where the kernel counts them.
    pub(crate) fn bans(&self, backend: Backend) -> BTreeMap<String, Option<u64>> {
        match backend {
            Backend::Nft => nft_bans(&self.meddle("nft list table inet portsentry 2>&1 || true")),
            Backend::Ipset => ipset_bans(&self.meddle("ipset save")),
            Backend::Iptables | Backend::Legacy => {
                let tables = self.meddle("iptables -w -S; ip6tables -w -S");
                let rules = tables.lines().filter_map(|rule| {
                    let ban = rule.strip_prefix("-A PORTSENTRY -s ")?;
                    Some((ban.strip_suffix(" -j DROP")?.to_owned(), None))
                });
                rules.collect()
            }
        }
    }

    /// Whether the firewall holds this ban.
    pub(crate) fn holds(&self, backend: Backend, prefix: &str) -> bool {
        self.bans(backend).contains_key(prefix)
    }

    /// All that is ours in any firewall, without bans, and without what the kernel counts.
    pub(crate) fn frame(&self) -> Vec<String> {
        let rules = self.meddle("iptables -w -S; ip6tables -w -S; ipset list -n");
        let is_ban =
            |rule: &str| rule.starts_with("-A PORTSENTRY -s ") && rule.ends_with(" -j DROP");
        let rules = rules.lines().filter(|line| is_ours(line) && !is_ban(line));
        let table = self.meddle("nft -s -t list table inet portsentry 2>/dev/null || true");
        rules.chain(table.lines()).map(str::to_owned).collect()
    }

    /// Everything that any firewall has, without what the kernel counts.
    pub(crate) fn firewall(&self) -> String {
        self.meddle(
            "nft -s list ruleset | grep -v '^# Warning'; ipset save
             for table in filter nat; do iptables -w -t $table -S; ip6tables -w -t $table -S; done",
        )
    }

    /// What others have in their firewalls, with the kernel's own names for it: what was made anew has another.
    pub(crate) fn others(&self) -> Vec<String> {
        let all = self.meddle(
            "nft -s -a list table inet fw4
             ipset save; iptables -w -S; ip6tables -w -S; iptables -w -t nat -S",
        );
        let others = all.lines().filter(|line| !is_ours(line));
        others.map(str::to_owned).collect()
    }

    /// The firewall that somebody else has built before we come: tables, chains, sets, one of them with a name
    /// that is nearly ours.
    pub(crate) fn furnish(&self) {
        self.router.sh(&format!(
            "{FW4}
             for tables in iptables ip6tables; do
                 $tables -w -N OTHERS
                 $tables -w -A OTHERS -p tcp --dport 4444 -j DROP
                 $tables -w -A INPUT -j OTHERS
                 $tables -w -A FORWARD -j OTHERS
             done
             iptables -w -t nat -A PREROUTING -i wan -p tcp --dport 8022 -j DNAT --to {LAN}:22
             ipset create others4 hash:ip
             ipset add others4 192.0.2.9
             ipset create portsentry-guests4 hash:net
             ipset add portsentry-guests4 192.0.2.0/24
             iptables -w -A OTHERS -m set --match-set others4 src -j DROP"
        ));
    }

    /// What OpenWrt does when its firewall is reloaded: one file, which makes its own table anew.
    pub(crate) fn reload_fw4(&self) {
        self.meddle(FW4);
    }
}

const FW4: &str = "nft -f - <<'END'
add table inet fw4
flush table inet fw4
delete table inet fw4
table inet fw4 {
    set blocked { type ipv4_addr; elements = { 192.0.2.66 }; }
    chain input {
        type filter hook input priority filter; policy accept;
        ct state established,related accept
        ip saddr @blocked drop
        tcp dport 4444 jump reject_all
    }
    chain reject_all {
        reject
    }
}
END";

fn is_ours(line: &str) -> bool {
    line.to_lowercase().contains("portsentry") && !line.contains("portsentry-guests")
}

/// The set of nft that holds bans of one length.
fn bits_of(set: &str) -> &str {
    match set {
        "ban4" => "/32",
        "ban6" => "/64",
        "site56" => "/56",
        "site48" => "/48",
        "host6" => "/128",
        _ => "",
    }
}

/// The sets that hold bans, in nft's own words:
/// `set ban4 { … elements = { 10.66.0.2 timeout 10m expires 9m59s992ms, 10.66.0.3 } }`.
fn nft_bans(table: &str) -> BTreeMap<String, Option<u64>> {
    let set = Regex::new(r"(?s)set ((?:ban|site|host|wide)\d+) \{(.*?)\n\t\}").unwrap();
    let elements = Regex::new(r"(?s)elements = \{(.*?)\}").unwrap();
    let mut bans = BTreeMap::new();
    for set in set.captures_iter(table) {
        let Some(elements) = elements.captures(&set[2]) else {
            continue;
        };
        for element in elements[1].split(',') {
            let mut words = element.split_whitespace();
            let key = format!("{}{}", words.next().unwrap(), bits_of(&set[1]));
            bans.insert(key, words.nth(3).map(seconds));
        }
    }
    bans
}

/// `1h9m59s992ms` in whole seconds.
fn seconds(span: &str) -> u64 {
    let part = Regex::new(r"(\d+)(ms|d|h|m|s)").unwrap();
    let parts = part.captures_iter(span).map(|part| {
        let unit = match &part[2] {
            "d" => 24 * 3600,
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => 0,
        };
        unit * part[1].parse::<u64>().unwrap()
    });
    parts.sum()
}

/// `add portsentry4 10.66.0.2 timeout 599`; a single address has no length.
fn ipset_bans(saved: &str) -> BTreeMap<String, Option<u64>> {
    let bans = saved.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let ours = words.next() == Some("add");
        let set = words
            .next()
            .filter(|set| ["portsentry4", "portsentry6"].contains(set));
        let (key, seconds) = (words.next()?, words.nth(1)?.parse().ok()?);
        let key = match key.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => format!("{key}/32"),
            Ok(IpAddr::V6(_)) => format!("{key}/128"),
            Err(_) => key.to_owned(),
        };
        let left = Some(seconds).filter(|seconds| *seconds > 0);
        (ours && set.is_some()).then_some((key, left))
    });
    bans.collect()
}

/// The ban of a source, as the firewall shows it.
pub(crate) fn host(addr: IpAddr) -> String {
    format!("{addr}/{}", if addr.is_ipv4() { 32 } else { 128 })
}

/// The lab's own scanner, which most tests ban.
pub(crate) fn scanner() -> String {
    host(SCANNER)
}
