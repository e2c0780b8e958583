//! The packages for OpenWrt that are made without its SDK: what is in them, and what their scripts do.

mod apk;
mod life;
mod release;

use crate::lab::daemon::binary;
use crate::lab::need;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const ARCH: &str = "x86_64";

/// What comes onto a router: mode, owner and path, as tar lists them.
const DATA: &str = "\
drwxr-xr-x 0/0 ./
drwxr-xr-x 0/0 ./etc/
drwxr-xr-x 0/0 ./etc/config/
-rw------- 0/0 ./etc/config/portsentry
drwxr-xr-x 0/0 ./etc/init.d/
-rwxr-xr-x 0/0 ./etc/init.d/portsentry
drwxr-xr-x 0/0 ./etc/portsentry/
drwxr-xr-x 0/0 ./lib/
drwxr-xr-x 0/0 ./lib/upgrade/
drwxr-xr-x 0/0 ./lib/upgrade/keep.d/
-rw-r--r-- 0/0 ./lib/upgrade/keep.d/portsentry
drwxr-xr-x 0/0 ./usr/
drwxr-xr-x 0/0 ./usr/sbin/
-rwxr-xr-x 0/0 ./usr/sbin/portsentry
";

const CONTROL: &str = "\
drwxr-xr-x 0/0 ./
-rw-r--r-- 0/0 ./conffiles
-rw-r--r-- 0/0 ./control
-rwxr-xr-x 0/0 ./postinst
-rwxr-xr-x 0/0 ./postrm
-rwxr-xr-x 0/0 ./prerm
";

/// A copy of what packs, with the program under test in the place of one from `make cross`.
struct Workshop {
    place: TempDir,
}

impl Workshop {
    fn new() -> Self {
        let place = TempDir::new().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["cross", "cross/package", "cross/openwrt/files"] {
            fs::create_dir_all(place.path().join(part)).unwrap();
            let files = fs::read_dir(project.join(part)).unwrap().flatten();
            for file in files.filter(|entry| entry.path().is_file()) {
                let copy = place.path().join(part).join(file.file_name());
                fs::copy(file.path(), copy).unwrap();
            }
        }
        let manifest = project.join("Cargo.toml");
        fs::copy(manifest, place.path().join("Cargo.toml")).unwrap();
        let workshop = Self { place };
        fs::create_dir(workshop.path("dist")).unwrap();
        fs::copy(binary(), workshop.program()).unwrap();
        workshop
    }

    fn path(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    fn program(&self) -> PathBuf {
        self.path(&format!("dist/portsentry-{}-{ARCH}", version()))
    }

    fn package(&self, format: &str) -> PathBuf {
        self.path(&format!("dist/portsentry_{}-r1_{ARCH}.{format}", version()))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("cross/package/build"));
        command.args(arguments);
        command
    }

    /// Packs, and returns the package's path.
    #[track_caller]
    fn ipk(&self) -> PathBuf {
        succeeds(&self.command(&["ipk", "--built", ARCH]).output().unwrap());
        self.package("ipk")
    }

    /// It fails, and says why in one line.
    #[track_caller]
    fn refuses(&self, command: &mut Command, expected: &str) {
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Unpacks an archive with tar alone, and returns its listing: mode, owner, path.
#[track_caller]
fn unpack(archive: &Path, to: &Path) -> String {
    fs::create_dir_all(to).unwrap();
    let tar = |how: &str| {
        let mut tar = Command::new("tar");
        let tar = tar.arg(how).arg(archive).arg("-C").arg(to);
        succeeds(&tar.arg("--numeric-owner").output().unwrap())
    };
    tar("-xpf");
    let lines = tar("-tvf");
    let lines = lines.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[3], "1970-01-01", "{line}");
        format!("{} {} {}\n", words[0], words[1], words[5])
    });
    lines.collect()
}

/// An .ipk, unpacked: its fields, and where data and control are.
fn opened(package: &Path, to: &Path) -> BTreeMap<String, String> {
    let parts = unpack(package, to);
    let parts: Vec<&str> = parts.split_whitespace().skip(2).step_by(3).collect();
    assert_eq!(
        parts,
        ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]
    );
    let format = fs::read_to_string(to.join("debian-binary")).unwrap();
    assert_eq!(format, "2.0\n");
    assert_eq!(unpack(&to.join("data.tar.gz"), &to.join("data")), DATA);
    let control = to.join("control");
    assert_eq!(unpack(&to.join("control.tar.gz"), &control), CONTROL);
    let fields = fs::read_to_string(control.join("control")).unwrap();
    let fields = fields.lines().map(|line| line.split_once(": ").unwrap());
    fields.map(|(k, v)| (k.into(), v.into())).collect()
}

#[test]
fn an_ipk_unpacks_with_tar_alone_to_exactly_what_it_promises() {
    let workshop = Workshop::new();
    let unpacked = workshop.path("unpacked");
    let fields = opened(&workshop.ipk(), &unpacked);
    let data = unpacked.join("data");
    let same = |path: &str, source: &Path| {
        let (path, source) = (
            fs::read(data.join(path)).unwrap(),
            fs::read(source).unwrap(),
        );
        assert!(path == source, "{source:?}");
    };
    same("usr/sbin/portsentry", &binary());
    let files = workshop.path("cross/openwrt/files");
    same("etc/init.d/portsentry", &files.join("portsentry.init"));
    same("etc/config/portsentry", &files.join("portsentry.config"));
    same(
        "lib/upgrade/keep.d/portsentry",
        &files.join("portsentry.keep"),
    );

    let size = |line: &str| {
        let path = line.split_once(" ./").unwrap().1;
        fs::metadata(data.join(path)).unwrap().len()
    };
    let files = DATA.lines().filter(|line| line.starts_with('-'));
    let installed: u64 = files.map(size).sum();
    let expected = [
        ("Architecture", ARCH),
        ("Depends", "kmod-nf-conntrack-netlink"),
        ("Description", env!("CARGO_PKG_DESCRIPTION")),
        ("Installed-Size", &installed.to_string()),
        ("License", env!("CARGO_PKG_LICENSE")),
        ("Package", "portsentry"),
        ("Section", "net"),
        ("Version", &format!("{}-r1", version())),
    ];
    let found: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(found, expected);
    let conffiles = fs::read_to_string(unpacked.join("control/conffiles")).unwrap();
    assert_eq!(conffiles, "/etc/config/portsentry\n");
    let told = workshop.command(&["installed", ARCH]).output().unwrap();
    assert_eq!(succeeds(&told), format!("{installed}\n"));

    // `make size`, which finds fault with a program that is linked dynamically, prints it beside the program's.
    let sizes = Command::new(workshop.path("cross/size")).output().unwrap();
    let sizes = String::from_utf8(sizes.stdout).unwrap();
    let program = fs::metadata(binary()).unwrap().len();
    let line = sizes.lines().find(|line| line.starts_with(ARCH)).unwrap();
    assert!(line.contains(&format!(" {program} of ")), "{sizes}");
    assert!(line.contains(&format!(" {installed} installed")), "{sizes}");
}

/// The scripts that run on a router, emulated or not, and those that pack them.
#[test]
fn shellcheck_has_nothing_to_say() {
    if !need("shellcheck") {
        return;
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut check = Command::new("shellcheck");
    check
        .current_dir(project)
        .arg("-x")
        .args(["cross/busybox/portsentry", "cross/size", "cross/release"])
        .args(["cross/test-router", "cross/router/console"])
        .args(["cross/router/rcS", "cross/router/rcK"]);
    for script in ["build", "postinst", "post-upgrade", "prerm", "postrm"] {
        check.arg(format!("cross/package/{script}"));
    }
    succeeds(&check.output().unwrap());
}

/// Whatever the umask, the hour, and the modes in the checkout.
#[test]
fn two_packages_of_the_same_program_are_the_same_bytes() {
    let workshop = Workshop::new();
    let first = fs::read(workshop.ipk()).unwrap();
    let other = Workshop::new();
    let files = other.path("cross/openwrt/files");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(files.join("portsentry.init"), private).unwrap();
    let script = other.path("cross/package/build");
    let mut again = Command::new("sh");
    again
        .args(["-c", "umask 077; \"$0\" ipk --built x86_64"])
        .arg(script);
    let again = again
        .env("TZ", "Asia/Tokyo")
        .env("LC_ALL", "C.UTF-8")
        .output();
    succeeds(&again.unwrap());
    assert!(first == fs::read(other.package("ipk")).unwrap());

    fs::write(other.program(), "another program").unwrap();
    assert!(first != fs::read(other.ipk()).unwrap());
}

#[test]
fn what_is_missing_is_said_in_one_line() {
    let workshop = Workshop::new();
    let ipk = |arch: &str| workshop.command(&["ipk", "--built", arch]);
    workshop.refuses(
        &mut ipk("vax"),
        "unknown target 'vax', known are: mips_24kc",
    );
    workshop.refuses(&mut ipk("mips_24kc"), "make cross TARGET=mips_24kc");
    let init = workshop.path("cross/openwrt/files/portsentry.init");
    fs::remove_file(init).unwrap();
    workshop.refuses(&mut ipk(ARCH), "cross/openwrt/files/portsentry.init");

    // Neither opkg nor apk would know which of two versions is the newer one.
    let manifest = workshop.path("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let line = format!("\nversion = \"{}\"", version());
    let early = text.replace(&line, "\nversion = \"0.2.0-rc.1\"");
    fs::write(&manifest, early).unwrap();
    let program = workshop.path("dist/portsentry-0.2.0-rc.1-x86_64");
    fs::copy(workshop.program(), program).unwrap();
    workshop.refuses(&mut ipk(ARCH), "'0.2.0-rc.1' in Cargo.toml");
}
