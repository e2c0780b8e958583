//! The Makefile of the package, read by make with a stand-in for that of OpenWrt, and the test that their machine
//! runs in what comes out.

use crate::lab::daemon::binary;
use crate::lab::{Lab, need};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The words of OpenWrt's rules.mk that an install is written in.
const RULES: &str = "\
INSTALL_BIN := install -m 0755
INSTALL_DIR := install -d -m 0755
INSTALL_DATA := install -m 0644
INSTALL_CONF := install -m 0600
";

/// What package.mk gives, as far as it concerns an install; rust-package.mk builds.
const PACKAGE: &str = "\
define BuildPackage
install:
$(call Package/$(1)/install,$(DEST))
endef
";
const RUST: &str = "RUST_ARCH_DEPENDS := @(mips||x86_64)\nRustBinPackage =\n";

/// A tree as that of OpenWrt, with what the build of the program leaves.
fn tree() -> TempDir {
    let tree = TempDir::new().unwrap();
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/openwrt");
    let path = |name: &str| tree.path().join(name);
    for directory in ["include", "lang/rust", "net/portsentry/files", "built/bin"] {
        fs::create_dir_all(path(directory)).unwrap();
    }
    for (name, text) in [
        ("rules.mk", RULES),
        ("include/package.mk", PACKAGE),
        ("lang/rust/rust-package.mk", RUST),
        ("built/bin/portsentry", "the program"),
    ] {
        fs::write(path(name), text).unwrap();
    }
    for name in ["Makefile", "files"] {
        let from = package.join(name);
        let to = path("net/portsentry").join(name);
        if from.is_file() {
            fs::copy(from, to).unwrap();
            continue;
        }
        for file in fs::read_dir(from).unwrap().flatten() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    tree
}

/// Every file and every empty directory below, with its mode.
fn listed(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().flatten() {
            let path = entry.path();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if !path.is_dir() || fs::read_dir(&path).unwrap().count() == 0 {
                found.push(format!("{mode:o} /{name}"));
            }
            if path.is_dir() {
                directories.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_package_holds_what_it_promises() {
    if !need("make") {
        return;
    }
    let tree = tree();
    let root = tree.path().to_str().unwrap();
    let output = Command::new("make")
        .args(["-C", &format!("{root}/net/portsentry"), "install"])
        .arg(format!("TOPDIR={root}"))
        .arg(format!("INCLUDE_DIR={root}/include"))
        .arg(format!("PKG_INSTALL_DIR={root}/built"))
        .arg(format!("DEST={root}/image"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        listed(&tree.path().join("image")),
        [
            "600 /etc/config/portsentry",
            "644 /lib/upgrade/keep.d/portsentry",
            "755 /etc/init.d/portsentry",
            "755 /etc/portsentry",
            "755 /usr/sbin/portsentry",
        ]
    );
}

/// `test.sh` of the package: the name and the version are told to it.
#[test]
fn the_test_of_the_package_passes_with_this_version_and_no_other() {
    let Some(lab) = Lab::new(&[]) else { return };
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/openwrt");
    let program = lab.dir().join("sbin");
    fs::create_dir(&program).unwrap();
    symlink(binary(), program.join("portsentry")).unwrap();
    let config = package.join("files/portsentry.config");
    lab.router.sh(&format!(
        "mkdir /etc/config; cp {} /etc/config/portsentry",
        config.display()
    ));
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let test = |name: &str, version: &str| {
        let mut shell = lab.router.command("sh");
        shell.arg(package.join("test.sh")).args([name, version]);
        shell.env("PATH", &path).output().unwrap().status.success()
    };
    assert!(test("portsentry", env!("CARGO_PKG_VERSION")));
    assert!(!test("portsentry", "99.0.0"));
    // Another package of the same change is none of its business.
    assert!(test("luci-app-portsentry", "99.0.0"));
    lab.router.sh("echo foo >>/etc/config/portsentry");
    assert!(!test("portsentry", env!("CARGO_PKG_VERSION")));
}
