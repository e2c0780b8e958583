//! What apk-tools are told: nothing but `apk mkpkg` writes apk's format. A program stands in for it here.
//! It notes what it was asked, and keeps the files that it was given.

use super::{ARCH, Workshop, succeeds, version};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Writes a program `apk` of this version, first in the path of the command.
fn with_apk(workshop: &Workshop, command: &mut Command, said: &str) {
    let bin = workshop.path("bin");
    fs::create_dir_all(&bin).unwrap();
    let script = format!(
        "#!/bin/sh
        if [ \"$1\" = --version ]; then
            echo '{said}'
            exit
        fi
        printf '%s\\n' \"$@\" >{bin}/asked
        while [ \"$1\" != --files ]; do shift; done
        (cd \"$2\" && find . -type f -printf '%m %U/%G %Ts %P\\n' | sort -k 4) >{bin}/files
        cp -r \"$2\" {bin}/tree
        [ \"$3\" = --output ] && echo made >\"$4\"\n",
        bin = bin.display()
    );
    fs::write(bin.join("apk"), script).unwrap();
    fs::set_permissions(bin.join("apk"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", bin.display()));
}

/// Where a package was made by them.
fn packed() -> Workshop {
    let workshop = Workshop::new();
    let mut command = workshop.command(&["apk", "--built", ARCH]);
    with_apk(
        &workshop,
        &mut command,
        "apk-tools 3.0.6, compiled for x86_64.",
    );
    succeeds(&command.output().unwrap());
    workshop
}

#[test]
fn apk_tools_are_told_everything_that_a_package_has() {
    let workshop = packed();
    let package = fs::read_to_string(workshop.package("apk")).unwrap();
    assert_eq!(package, "made\n");

    let asked = fs::read_to_string(workshop.path("bin/asked")).unwrap();
    let scripts = workshop.path("cross/package");
    let scripts = scripts.display();
    let expected = [
        "name:portsentry".into(),
        format!("version:{}-r1", version()),
        format!("arch:{ARCH}"),
        format!("license:{}", env!("CARGO_PKG_LICENSE")),
        "origin:portsentry".into(),
        format!("description:{}", env!("CARGO_PKG_DESCRIPTION")),
        "depends:kmod-nf-conntrack-netlink".into(),
        format!("post-install:{scripts}/postinst"),
        format!("post-upgrade:{scripts}/post-upgrade"),
        format!("pre-deinstall:{scripts}/prerm"),
        format!("post-deinstall:{scripts}/postrm"),
    ];
    let told: Vec<&str> = asked.lines().filter(|word| word.contains(':')).collect();
    assert_eq!(told, expected);
}

/// OpenWrt's scripts and its sysupgrade look for these lists where opkg's are not.
#[test]
fn the_files_for_apk_come_with_the_lists_that_openwrt_reads() {
    let workshop = packed();
    let files = fs::read_to_string(workshop.path("bin/files")).unwrap();
    let expected = "600 0/0 0 etc/config/portsentry\n\
                    755 0/0 0 etc/init.d/portsentry\n\
                    644 0/0 0 lib/apk/packages/portsentry.conffiles\n\
                    644 0/0 0 lib/apk/packages/portsentry.conffiles_static\n\
                    644 0/0 0 lib/apk/packages/portsentry.list\n\
                    644 0/0 0 lib/upgrade/keep.d/portsentry\n\
                    755 0/0 0 usr/sbin/portsentry\n";
    assert_eq!(files, expected);
    let lists = workshop.path("bin/tree/lib/apk/packages");
    let read = |end: &str| fs::read_to_string(lists.join(format!("portsentry.{end}"))).unwrap();
    let list = "/etc/config/portsentry\n/etc/init.d/portsentry\n/lib/upgrade/keep.d/portsentry\n\
                /usr/sbin/portsentry\n";
    assert_eq!(read("list"), list);
    assert_eq!(read("conffiles"), "/etc/config/portsentry\n");
    let mut sum = Command::new("sha256sum");
    let config = workshop.path("cross/openwrt/files/portsentry.config");
    let sum = succeeds(&sum.arg(config).output().unwrap());
    let sum = sum.split(' ').next().unwrap();
    assert_eq!(
        read("conffiles_static"),
        format!("/etc/config/portsentry {sum}\n")
    );
}

/// As on Debian 12. It is said before anything is built.
#[test]
fn without_apk_tools_or_with_old_ones_it_says_so() {
    let workshop = Workshop::new();
    let mut command = workshop.command(&["apk", ARCH]);
    with_apk(
        &workshop,
        &mut command,
        "apk-tools 2.14.10, compiled for x86_64.",
    );
    let complaint = "it needs apk-tools 3: apk-tools 2.14.10, compiled for x86_64.";
    workshop.refuses(&mut command, complaint);

    let bare = workshop.path("bare");
    fs::create_dir(&bare).unwrap();
    for program in ["bash", "env", "dirname", "basename", "awk", "tr"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        let found = succeeds(&found.unwrap());
        std::os::unix::fs::symlink(found.trim(), bare.join(program)).unwrap();
    }
    let mut command = workshop.command(&["apk", ARCH]);
    command.env("PATH", bare);
    workshop.refuses(
        &mut command,
        "apk is missing: apk-tools 3 makes these packages",
    );
}
