//! The owner has had enough: nothing is left of us.

use super::{OWNER, check_owner, check_protects, forge, home, start};
use crate::lab::backend::Backend::Nft;
use crate::lab::held::host;
use crate::lab::talk::Session;
use crate::lab::{GATEWAY, LAN, ROUTER, eventually};
use std::fs;

#[test]
fn a_stop_leaves_nothing() {
    let Some(lab) = home() else { return };
    let before = lab.firewall();
    let mut daemon = start(&lab);
    // With somebody banned, the owner among them: he has the LAN to stop it from.
    forge(&lab, OWNER);
    eventually("a ban", || lab.holds(Nft, &host(OWNER)));
    check_protects(&lab, ROUTER);
    Session::open((lab.lan(), LAN), (&lab.router, GATEWAY), 22).check_alive();
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert_eq!(lab.firewall(), before);
    check_owner(&lab);

    // In a directory that is gone at the next boot; who starts again finds the bans in the journal.
    let run = fs::read_dir(daemon.file("run")).unwrap();
    let mut left: Vec<_> = run.map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["devices", "journal", "lock"]);
}
