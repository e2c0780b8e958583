//! What a package does on a router: installed, upgraded and removed, its scripts run by busybox's shell. Other
//! programs stand in for OpenWrt's own scripts, for opkg and for procd.

use super::Workshop;
use crate::lab::namespace::Namespace;
use crate::lab::{Lab, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of tests/data/package and where they belong on the router.
const STAND_INS: [(&str, &str); 4] = [
    ("opkg", include_str!("../../data/package/opkg")),
    (
        "functions.sh",
        include_str!("../../data/package/functions.sh"),
    ),
    ("network.sh", include_str!("../../data/package/network.sh")),
    ("rc.common", include_str!("../../data/package/rc.common")),
];

/// A root of its own over this machine's, whose shell is busybox's and which has OpenWrt's scripts.
const WORLD: &str = "
    mkdir disk
    mount -t tmpfs lab disk
    mkdir disk/upper disk/work disk/all
    mount -t overlay -o lowerdir=/,upperdir=disk/upper,workdir=disk/work lab disk/all
    for place in dev proc sys run tmp; do mount --rbind /$place disk/all/$place; done
    ln -sf \"$(command -v busybox)\" disk/all/bin/sh
    mkdir -p disk/all/etc/config disk/all/lib/functions disk/all/etc/init.d
    cp opkg disk/all/bin/
    cp functions.sh disk/all/lib/
    cp network.sh disk/all/lib/functions/
    cp rc.common disk/all/etc/
    chmod 755 disk/all/bin/opkg disk/all/etc/rc.common
    rm -rf disk/all/var/run
    ln -s /run disk/all/var/run
    rm -rf /run/*";

/// The router, and a package for it.
struct Router<'lab> {
    lab: &'lab Lab,
    place: PathBuf,
    package: PathBuf,
}

impl<'lab> Router<'lab> {
    fn new(lab: &'lab Lab, workshop: &Workshop) -> Self {
        let place = lab.dir().join("openwrt");
        fs::create_dir(&place).unwrap();
        for (name, text) in STAND_INS {
            fs::write(place.join(name), text).unwrap();
        }
        lab.router.sh(&format!("cd {}\n{WORLD}", place.display()));
        let package = place.join("portsentry.ipk");
        fs::copy(workshop.ipk(), &package).unwrap();
        Self {
            lab,
            place,
            package,
        }
    }

    /// Shell lines in there, each of which must succeed.
    #[track_caller]
    fn sh(&self, script: &str) -> String {
        let namespace: &Namespace = &self.lab.router;
        let root = self.place.join("disk/all");
        let script = script.replace('\'', "'\\''");
        namespace.sh(&format!(
            "chroot {} /bin/sh -euc '{script}'",
            root.display()
        ))
    }

    #[track_caller]
    fn opkg_install(&self) {
        self.sh(&format!("opkg install {}", self.package.display()));
    }

    #[track_caller]
    fn enable(&self) {
        self.sh(
            "sed -i \"s/enabled '0'/enabled '1'/\" /etc/config/portsentry
                 /etc/init.d/portsentry start",
        );
        let active = || self.activations() == 1;
        eventually("it is active", active);
    }

    /// How often a daemon has said that it is active.
    fn activations(&self) -> usize {
        let said = self.lab.log.texts();
        said.iter()
            .filter(|line| line.contains("now active and listening"))
            .count()
    }

    /// The daemons that run here, and not in the lab of another test.
    fn daemons(&self) -> Vec<i32> {
        let net = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let here = fs::read_link(format!("/proc/{}/ns/net", self.lab.router.pid())).unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let ours = |pid: &i32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with("/usr/sbin/portsentry\0run\0") && net(*pid).as_ref() == Some(&here)
        };
        all.filter(ours).collect()
    }

    /// What is on the disk that this machine's root does not have: files and links, no directories.
    fn disk(&self) -> Vec<String> {
        let namespace: &Namespace = &self.lab.router;
        let upper = self.place.join("disk/upper");
        let found = namespace.sh(&format!("cd {}; find . ! -type d | sort", upper.display()));
        found.lines().map(str::to_owned).collect()
    }

    fn is_enabled(&self) -> bool {
        let link = self.place.join("disk/all/etc/rc.d/S95portsentry");
        let link = self.lab.router.path(link.to_str().unwrap());
        fs::symlink_metadata(link).is_ok()
    }

    fn tables(&self) -> String {
        self.lab.router.sh("nft list tables; iptables -S")
    }
}

/// Nobody else ends what the stand-in for procd has started.
impl Drop for Router<'_> {
    fn drop(&mut self) {
        for pid in self.daemons() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

const TOOLS: [&str; 3] = ["busybox", "nft", "chroot"];

#[test]
fn installed_it_does_nothing_until_it_is_enabled_and_removed_it_leaves_the_owners_file() {
    let Some(lab) = Lab::new(&TOOLS) else { return };
    let router = Router::new(&lab, &Workshop::new());
    let (disk, rules) = (router.disk(), router.tables());
    router.opkg_install();
    assert!(router.is_enabled());
    assert_eq!(router.daemons(), [0; 0]);
    assert_eq!(router.tables(), rules);

    router.enable();
    assert_eq!(router.daemons().len(), 1);
    assert_ne!(router.tables(), rules);

    router.sh("opkg remove");
    assert_eq!(router.daemons(), [0; 0]);
    assert!(!router.is_enabled());
    assert_eq!(router.tables(), rules);
    assert_eq!(router.sh("ls /run"), "");
    let left: Vec<String> = router
        .disk()
        .into_iter()
        .filter(|path| !disk.contains(path))
        .collect();
    assert_eq!(left, ["./etc/config/portsentry"]);
    assert_eq!(router.sh("ls -d /etc/portsentry || true"), "");
}

#[test]
fn an_upgrade_by_opkg_restarts_what_runs_and_keeps_the_owners_file() {
    let Some(lab) = Lab::new(&TOOLS) else { return };
    let router = Router::new(&lab, &Workshop::new());
    router.opkg_install();
    // What is not enabled stays so.
    router.opkg_install();
    assert_eq!(router.daemons(), [0; 0]);

    router.enable();
    router.sh("echo 192.0.2.7 >/etc/portsentry/portsentry.ignore");
    let before = router.daemons();
    router.opkg_install();
    eventually("it is active again", || router.activations() == 2);
    let after = router.daemons();
    assert_eq!(after.len(), 1);
    assert_ne!(before, after);
    assert!(router.is_enabled());
    let config = router.sh("cat /etc/config/portsentry");
    assert!(config.contains("enabled '1'"), "{config}");

    // Who is banned is not forgotten, should the old package be asked as well.
    router.sh("PKG_UPGRADE=1 /usr/lib/opkg/info/portsentry.postrm upgrade");
    assert!(router.sh("ls /run/portsentry").contains("lock"));

    // The owner has put something into this one.
    router.sh("opkg remove");
    let ignored = router.sh("cat /etc/portsentry/portsentry.ignore");
    assert_eq!(ignored, "192.0.2.7\n");
}

/// apk runs no script before an upgrade, so the old program still runs behind it.
#[test]
fn an_upgrade_by_apk_restarts_what_runs() {
    let Some(lab) = Lab::new(&TOOLS) else { return };
    let router = Router::new(&lab, &Workshop::new());
    let script = include_str!("../../../cross/package/post-upgrade");
    fs::write(router.place.join("post-upgrade"), script).unwrap();
    let upgrade = || {
        router.sh(&format!(
            "cp -p /usr/sbin/portsentry /usr/sbin/new
             mv /usr/sbin/new /usr/sbin/portsentry
             sh {}",
            router.place.join("post-upgrade").display()
        ))
    };
    router.opkg_install();
    upgrade();
    assert_eq!(router.daemons(), [0; 0]);
    router.enable();
    let before = router.daemons();
    upgrade();
    eventually("it is active again", || router.activations() == 2);
    let after = router.daemons();
    assert_eq!(after.len(), 1);
    assert_ne!(before, after);
}

/// An image is made on another machine, whose services are none of ours.
#[test]
fn in_an_image_the_service_is_enabled_and_nothing_is_started() {
    let Some(lab) = Lab::new(&TOOLS) else { return };
    let workshop = Workshop::new();
    let router = Router::new(&lab, &workshop);
    let scripts = workshop.path("cross/package");
    let image = router.place.join("image");
    let set = format!("export IPKG_INSTROOT={}", image.display());
    let run = |script: &str| router.sh(&format!("{set}\nsh {}/{script}", scripts.display()));
    // As for a package that is unpacked into a root without OpenWrt's base.
    for script in ["postinst", "post-upgrade", "prerm", "postrm"] {
        run(script);
    }
    assert!(!Path::new(&image).exists());

    router.sh(&format!(
        "mkdir -p {image}/lib/apk/packages {image}/etc/init.d
         cp -r /lib/functions.sh /lib/functions {image}/lib/
         cp /etc/rc.common {image}/etc/
         echo /etc/init.d/portsentry >{image}/lib/apk/packages/portsentry.list
         cp {files}/portsentry.init {image}/etc/init.d/portsentry",
        image = image.display(),
        files = workshop.path("cross/openwrt/files").display(),
    ));
    let enabled = || fs::symlink_metadata(image.join("etc/rc.d/S95portsentry")).is_ok();
    router.sh(&format!(
        "{set}\nexport IPKG_NO_SCRIPT=1\nsh {}/postinst",
        scripts.display()
    ));
    assert!(!enabled());
    run("postinst");
    assert!(enabled());
    assert_eq!(router.daemons(), [0; 0]);
    assert!(!router.is_enabled());
}
