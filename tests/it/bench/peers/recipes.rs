//! What a knowing owner would write into the firewall instead of running a program: whoever touches a trap is put
//! into a set by the kernel, and dropped from that packet on. None of them tells anybody, and all of them drop
//! what their members began before as well.

use super::Running;
use crate::lab::Lab;

#[track_caller]
pub(super) fn nft<'lab>(lab: &'lab Lab, traps: &str) -> Running<'lab> {
    lab.router.sh(&format!(
        "nft -f - <<'END'
table ip bare {{
    set scanners {{ type ipv4_addr; size 65536; flags dynamic, timeout; timeout 10m; }}
    chain input {{
        type filter hook input priority filter; policy accept;
        tcp dport {{ {traps} }} ct state new add @scanners {{ ip saddr timeout 10m }}
        ip saddr @scanners drop
    }}
}}
END"
    ));
    Running::Kernel
}

#[track_caller]
pub(super) fn ipset<'lab>(lab: &'lab Lab, traps: &str) -> Running<'lab> {
    lab.router.sh(&format!(
        "{}
         ipset create scanners hash:ip timeout 600
         iptables -w -A INPUT -p tcp -m set --match-set traps dst -j SET --add-set scanners src
         iptables -w -A INPUT -m set --match-set scanners src -j DROP",
        trap_set(traps)
    ));
    Running::Kernel
}

#[track_caller]
pub(super) fn recent<'lab>(lab: &'lab Lab, traps: &str) -> Running<'lab> {
    lab.router.sh(&format!(
        "{}
         iptables -w -A INPUT -p tcp -m set --match-set traps dst -m recent --name scanners --set -j DROP
         iptables -w -A INPUT -m recent --name scanners --rcheck --seconds 600 -j DROP",
        trap_set(traps)
    ));
    Running::Kernel
}

/// multiport takes 15 ports a rule; a set of ports takes all, in one.
pub(super) fn trap_set(traps: &str) -> String {
    let adds: String = traps
        .split(',')
        .map(|range| format!("add traps {range}\n"))
        .collect();
    format!("ipset restore <<'END'\ncreate traps bitmap:port range 0-65535\n{adds}END")
}
