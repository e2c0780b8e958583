# shellcheck shell=bash
# What the emulated router of cross/test-router consists of, as its initramfs. To be sourced behind lib.sh; whoever
# does sets $arch, $program, $kernel and $firewall.
# shellcheck disable=SC2154
scripts=$root/cross/router

# The file system: busybox, the program and what comes with it for a router without a package manager, the firewall
# programs, and the modules that these need. As OpenWrt's, /var is in memory.
image() {
    local tree=$work/router
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,sbin,tmp,overlay,usr/sbin,usr/lib/mipsel-linux-gnu,dev,proc,sys,lib/modules} \
        "$tree"/etc/{init.d,default,config,portsentry,lab}
    ln -s tmp "$tree/var"
    ln -s tmp/run "$tree/run"
    ln -s bin/busybox "$tree/init"
    install -m 644 "$scripts/inittab" "$tree/etc/"
    install -m 755 "$scripts/console" "$tree/etc/"
    install -m 755 "$scripts/rcS" "$scripts/rcK" "$tree/etc/init.d/"
    cp "$kernel/bin/busybox" "$tree/bin/"
    quietly "no zig: run make cross TARGET=$arch first" env \
        ZIG_GLOBAL_CACHE_DIR="$work/zig-cache" ZIG_LOCAL_CACHE_DIR="$work/zig-cache" "$work/zig/ziglang/zig" cc \
        -target mipsel-linux-musleabi -static -o "$tree/sbin/router-clock" "$scripts/clock.c"
    ours "$tree"
    modules "$tree"
    firewalls "$tree"
    lab "$tree"
    (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/router.image"
}

# As cross/README.md puts it onto such a box, with OpenWrt's configuration, as it is delivered.
ours() {
    local tree=$1
    cp "$program" "$tree/usr/sbin/portsentry"
    install -m 755 "$root/cross/busybox/portsentry" "$tree/etc/init.d/S50portsentry"
    sed 's/^#CONF=/CONF=/' "$root/cross/etc/default/portsentry" >"$tree/etc/default/portsentry"
    grep -qx 'CONF=/etc/config/portsentry' "$tree/etc/default/portsentry" || die "CONF is elsewhere now"
    install -m 600 "$root/cross/openwrt/files/portsentry.config" "$tree/etc/config/portsentry"
}

# Those for firewall, network cards and the flash, and the few that they stand on.
modules() {
    local tree=$1 modules release
    modules=$(echo "$kernel"/lib/modules/*)
    release=$(basename "$modules")
    (cd "$modules/.." && tar c "$release"/kernel/{net/{netfilter,ipv4,ipv6},lib,crypto} \
        "$release"/kernel/drivers/{net/{ethernet/intel/e1000,macvlan.ko},virtio,block/virtio_blk.ko} \
        "$release"/kernel/fs/{ext4,jbd2,mbcache.ko,overlayfs} "$release"/modules.{order,builtin}) |
        tar x -C "$tree/lib/modules"
    busybox depmod -b "$tree" "$release"
}

# iptables, with ipset, as on the routers that still have it, nft as on those that have not, and the libraries they
# are linked to.
firewalls() {
    local tree=$1 libraries=$firewall/usr/lib/mipsel-linux-gnu name
    cp "$firewall"/usr/sbin/{xtables-legacy-multi,ipset,nft} "$tree/usr/sbin/"
    for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
        ln -s xtables-legacy-multi "$tree/usr/sbin/$name"
    done
    for name in xtables ip4tc ip6tc ipset nftables nftnl mnl jansson gmp edit bsd md; do
        cp -P "$libraries/lib$name".so.* "$tree/usr/lib/mipsel-linux-gnu/"
    done
    cp -R "$libraries/xtables" "$tree/usr/lib/mipsel-linux-gnu/"
    (cd "$firewall" && tar c lib/ld.so.1 lib/mipsel-linux-gnu/{ld.so.1,libc.so.6,libm.so.6,libtinfo.so.6*}) |
        tar x -C "$tree"
}

# The configurations of firewalls.sh, one for each firewall program.
lab() {
    local etc=$1/etc/lab
    cat >"$etc/iptables.conf" <<'END'
TCP_PORTS="1,11,15,79,111,119,143,540,635,1080,1524,2000"
UDP_PORTS="1,7,9,69,161,40000-40009"
TCP_MODE="stealth"
UDP_MODE="stealth"
BLOCK_TCP="0"
BLOCK_UDP="0"
SCAN_TRIGGER="0"
HISTORY_FILE="/var/lib/portsentry/history"
IGNORE_FILE="/etc/lab/ignore"
BLOCKED_FILE="/var/lib/portsentry/blocked"
END
    sed 's/^BLOCK_\(...\)=.*/BLOCK_\1="1"/' "$etc/iptables.conf" >"$etc/nft.conf"
    printf 'INTERFACE="wan"\nBLOCK_TIME="1h"\nBACKEND="nft"\n' >>"$etc/nft.conf"
    sed 's/^BACKEND=.*/BACKEND="ipset"/' "$etc/nft.conf" >"$etc/ipset.conf"
    : >"$etc/ignore"
}
