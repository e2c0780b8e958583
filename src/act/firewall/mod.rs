//! The firewall: a set in the kernel that is kept equal to the table of bans.

/// Which of the system's firewall programs holds the bans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A rule for each ban in a chain of iptables: what a portsentry.conf of PortSentry 1.2 expects.
    #[default]
    Iptables,
    /// One rule of iptables, and the bans in sets of ipset.
    Ipset,
    /// A table of nftables.
    Nft,
    /// What is there and works: nft, else ipset, else iptables.
    Auto,
}

impl Backend {
    /// All, as the manual lists them.
    pub const ALL: [Self; 4] = [Self::Iptables, Self::Ipset, Self::Nft, Self::Auto];

    /// Its name in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipset => "ipset",
            Self::Nft => "nft",
            Self::Auto => "auto",
        }
    }
}
