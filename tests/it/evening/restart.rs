//! The owner changes the firewall beside us.

use super::{FW4, OWNER, check_owner, check_protects, forge, home, start};
use crate::lab::backend::Backend::Nft;
use crate::lab::held::host;
use crate::lab::talk::Session;
use crate::lab::{ROUTER, eventually};

/// What OpenWrt does: `fw4 reload` loads one file; `fw4 restart` deletes each table that there is before, ours as
/// well; and what a careless script does.
const CHANGES: [&str; 3] = [
    "",
    "nft list tables | while read -r _ family table; do nft delete table $family $table; done",
    "nft flush ruleset",
];

#[test]
fn a_restart_of_the_firewall() {
    for change in CHANGES {
        let Some(lab) = home() else { return };
        let _daemon = start(&lab);
        let scanner = lab.stranger(ROUTER);
        forge(&lab, scanner);
        eventually("a ban", || lab.holds(Nft, &host(scanner)));
        let mut session = Session::open((&lab.scanner, OWNER), (&lab.router, ROUTER), 22);
        let frame = lab.frame();

        lab.meddle(&format!("{change}\n{FW4}"));
        eventually("all that is ours", || lab.frame() == frame);
        eventually("the ban is back", || lab.holds(Nft, &host(scanner)));
        session.check_alive();
        // The lab masquerades with iptables, which in this kernel are tables of nft as well.
        if !change.is_empty() {
            lab.router
                .sh("iptables -w -t nat -A POSTROUTING -s 10.77.0.0/24 -o wan -j MASQUERADE");
        }
        check_owner(&lab);
        check_protects(&lab, ROUTER);
    }
}
