//! The firewall programs: which of them a lab's router has.

use super::{Lab, need};

/// What BACKEND may name; iptables comes twice, because Debian has it in two kinds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Backend {
    Nft,
    Ipset,
    /// iptables-nft, which Debian calls iptables.
    Iptables,
    /// iptables-legacy under the name of iptables.
    Legacy,
}

/// The names that lead to one of two kinds of iptables.
const TABLES: &str = "iptables ip6tables iptables-restore ip6tables-restore iptables-save";

impl Backend {
    pub(crate) const ALL: [Backend; 4] = [
        Backend::Nft,
        Backend::Ipset,
        Backend::Iptables,
        Backend::Legacy,
    ];

    /// As BACKEND has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Backend::Nft => "nft",
            Backend::Ipset => "ipset",
            Backend::Iptables | Backend::Legacy => "iptables",
        }
    }

    /// Whether the kernel ends bans by itself.
    pub(crate) fn has_timeouts(self) -> bool {
        matches!(self, Backend::Nft | Backend::Ipset)
    }

    fn tool(self) -> &'static str {
        match self {
            Backend::Legacy => "iptables-legacy",
            _ => self.word(),
        }
    }

    /// Does the same with each of some backends, in a lab of its own that `new` makes, at the same time.
    pub(crate) fn each(
        backends: &[Backend],
        new: fn(&[&str]) -> Option<Lab>,
        work: impl Fn(&Lab, Backend) + Sync,
    ) {
        std::thread::scope(|scope| {
            for backend in backends {
                let name = format!("{backend:?}");
                let work = || {
                    if let Some(lab) = backend.lab(new) {
                        work(&lab, *backend);
                    }
                };
                let thread = std::thread::Builder::new().name(name);
                thread.spawn_scoped(scope, work).unwrap();
            }
        });
    }

    /// A lab whose router has the programs of this backend.
    pub(crate) fn lab(self, new: fn(&[&str]) -> Option<Lab>) -> Option<Lab> {
        if self == Backend::Legacy && !need(self.tool()) {
            return None;
        }
        let lab = new(&["nft", "ipset", "nmap"])?;
        if self == Backend::Legacy {
            lab.own_programs();
            lab.router.sh(&format!(
                "cd /usr/sbin
                 for name in {TABLES}; do ln -sfn xtables-legacy-multi $name; done"
            ));
        }
        Some(lab)
    }
}

impl Lab {
    /// Makes /usr/sbin, where all firewall programs are, the router's own.
    pub(crate) fn own_programs(&self) {
        self.router.sh(&format!(
            "cd {}
             mkdir world/programs world/programs-work
             mount -t overlay \\
                 -o lowerdir=/usr/sbin,upperdir=world/programs,workdir=world/programs-work lab /usr/sbin",
            self.dir().display()
        ));
    }

    /// Takes programs away from the router.
    pub(crate) fn hide(&self, programs: &[&str]) {
        self.own_programs();
        for program in programs {
            self.router.sh(&format!("rm /usr/sbin/{program}"));
        }
    }

    /// Puts a script in the place of nft, which refuses what has a certain text in it as an old kernel would.
    pub(crate) fn nft_refuses(&self, text: &str) {
        self.nft_is(&format!(
            "input=$(cat)
case $input in *'{text}'*) echo 'Error: Could not process rule: No such file or directory' >&2; exit 1;; esac
echo \"$input\" | exec /usr/sbin/nft-real \"$@\""
        ));
    }

    /// Has nft do something first.
    pub(crate) fn before_nft(&self, script: &str) {
        self.nft_is(&format!("{script}\nexec /usr/sbin/nft-real \"$@\""));
    }

    fn nft_is(&self, script: &str) {
        self.own_programs();
        self.router.sh(&format!(
            "cd /usr/sbin
             mv nft nft-real
             cat > nft <<'END'
#!/bin/sh
{script}
END
             chmod 755 nft"
        ));
    }
}
