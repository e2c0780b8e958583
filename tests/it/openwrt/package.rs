//! What whoever reviews the package, or their machine, looks at.

use crate::lab::need;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAKEFILE: &str = include_str!("../../../cross/openwrt/Makefile");
const INIT: &str = include_str!("../../../cross/openwrt/files/portsentry.init");

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/openwrt")
}

/// The lines of a `define Package/portsentry…`.
fn block(name: &str) -> Vec<&'static str> {
    let first = format!("define Package/portsentry{name}");
    let lines = MAKEFILE.lines().skip_while(|line| *line != first).skip(1);
    let lines: Vec<_> = lines.take_while(|line| *line != "endef").collect();
    assert_ne!(lines, [""; 0], "{name}");
    lines
}

#[test]
fn the_package_has_the_version_and_the_licence_of_the_crate() {
    let version = concat!("PKG_VERSION:=", env!("CARGO_PKG_VERSION"));
    let licence = concat!("PKG_LICENSE:=", env!("CARGO_PKG_LICENSE"));
    for line in [
        version,
        licence,
        "PKG_RELEASE:=1",
        "CARGO_PKG_PROFILE:=openwrt",
    ] {
        assert!(MAKEFILE.lines().any(|found| found == line), "{line}");
    }
    // apk takes no other: numbers, then perhaps one of its own words.
    let plain = env!("CARGO_PKG_VERSION").split('.');
    assert!(
        plain.clone().count() == 3 && plain.into_iter().all(|part| part.parse::<u16>().is_ok())
    );
}

#[test]
fn the_makefile_is_written_as_reviewers_want_it() {
    assert!(!MAKEFILE.contains('\r') && !MAKEFILE.contains(" \n"));
    for line in MAKEFILE.lines().filter(|line| line.contains("Package")) {
        assert!(!line.contains("$(PKG_NAME)"), "{line}");
    }
    for line in block("") {
        assert!(line.starts_with("  ") && !line.starts_with("   "), "{line}");
    }
    for line in block("/install") {
        assert!(line.starts_with("\t$(INSTALL_"), "{line}");
    }
    let depends = block("")
        .into_iter()
        .find(|line| line.contains("DEPENDS"))
        .unwrap();
    assert!(
        depends.starts_with("  DEPENDS:=$(RUST_ARCH_DEPENDS) "),
        "{depends}"
    );
    let postinst = block("/postinst");
    let files = block("/conffiles");
    for line in postinst.iter().chain(&files) {
        assert!(!line.starts_with([' ', '\t']), "{line}");
    }
    assert_eq!(files, ["/etc/config/portsentry"]);
    assert!(INIT.starts_with("#!/bin/sh /etc/rc.common\n"));
    // An install without a network has no number to compare: see cross/README.md.
    assert!(MAKEFILE.contains("\nPKG_HASH:="));
}

/// What is installed is there, and what is there is installed.
#[test]
fn every_file_is_installed() {
    let install = block("/install").join("\n");
    let mut files = fs::read_dir(package().join("files")).unwrap();
    assert!(files.all(|file| install.contains(file.unwrap().file_name().to_str().unwrap())));
    for word in install
        .split_whitespace()
        .filter(|word| word.starts_with("./"))
    {
        assert!(package().join(word).is_file(), "{word}");
    }
    let kept = fs::read_to_string(package().join("files/portsentry.keep")).unwrap();
    assert_eq!(kept, "/etc/portsentry/\n");
    assert!(install.contains("$(1)/etc/portsentry "));
}

/// An upgrade restarts what runs, an image that is built has nothing that could, and the rest is not its business.
#[test]
fn postinst_restarts_only_what_runs_and_was_upgraded() {
    if !need("busybox") {
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    let init = dir.path().join("init");
    let calls = dir.path().join("calls");
    let text = "#!/bin/sh\n[ \"$1\" != running ] || exit $RUNS\necho $1 >>$CALLS\n";
    let script = block("/postinst").join("\n").replace("$$", "$");
    let script = script.replace("/etc/init.d/portsentry", &format!("sh {}", init.display()));
    fs::write(&init, text).unwrap();
    for (root, upgrade, runs, expected) in [
        ("", "1", "0", "restart\n"),
        ("", "1", "1", ""),
        ("", "", "0", ""),
        ("/image", "1", "0", ""),
    ] {
        let _ = fs::remove_file(&calls);
        let mut shell = Command::new("busybox");
        shell.args(["sh", "-c", &script]).env("CALLS", &calls);
        shell
            .env("IPKG_INSTROOT", root)
            .env("PKG_UPGRADE", upgrade)
            .env("RUNS", runs);
        assert!(shell.status().unwrap().success());
        let found = fs::read_to_string(&calls).unwrap_or_default();
        assert_eq!(found, expected, "{root} {upgrade} {runs}");
    }
}

/// Their machine compares each `.init` with what shfmt makes of it, and they run shellcheck.
#[test]
fn the_scripts_are_formatted_and_sound() {
    let scripts = [
        package().join("files/portsentry.init"),
        package().join("test.sh"),
    ];
    for (tool, options) in [
        ("shfmt", ["-d", "-sr", "-s"]),
        ("shellcheck", ["-s", "sh", "-x"]),
    ] {
        if need(tool) {
            let output = Command::new(tool)
                .args(options)
                .args(&scripts)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{tool}");
        }
    }
    // What can be seen without them.
    for script in &scripts {
        let text = fs::read_to_string(script).unwrap();
        let spaces = text
            .lines()
            .filter(|line| line.starts_with(' ') || line.ends_with([' ', '\t']));
        assert_eq!(spaces.count(), 0, "{}", script.display());
    }
}
