# shellcheck shell=bash
# The emulated router of cross/test-router: its image, its machine, and the serial console by which it is told what
# to do. To be sourced behind lib.sh; whoever does sets $arch, $program, $kernel, $firewall and $qemu.
# shellcheck disable=SC2154

# Waiting for anything ends here; it only decides how long a failing test takes.
bound=40
console=$work/router.console

# The file system: busybox, the program, the firewall programs, and the modules that these need.
image() {
    local tree=$work/router
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,sbin,tmp,usr/sbin,usr/lib/mipsel-linux-gnu,dev,proc,sys,etc/portsentry,lib/modules}
    install -m 755 "$root/cross/router-init" "$tree/init"
    cp "$kernel/bin/busybox" "$tree/bin/"
    cp "$program" "$tree/usr/sbin/portsentry"
    quietly "no zig: run make cross TARGET=$arch first" env \
        ZIG_GLOBAL_CACHE_DIR="$work/zig-cache" ZIG_LOCAL_CACHE_DIR="$work/zig-cache" "$work/zig/ziglang/zig" cc \
        -target mipsel-linux-musleabi -static -o "$tree/sbin/router-clock" "$root/cross/router-clock.c"
    modules "$tree"
    firewalls "$tree"
    configurations "$tree"
    (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/router.image"
}

# Those for firewall and network cards, and the few that they stand on.
modules() {
    local tree=$1 modules release
    modules=$(echo "$kernel"/lib/modules/*)
    release=$(basename "$modules")
    (cd "$modules/.." && tar c "$release"/kernel/{net/{netfilter,ipv4,ipv6},lib,crypto} \
        "$release"/kernel/drivers/net/{ethernet/intel/e1000,macvlan.ko} "$release"/modules.{order,builtin}) |
        tar x -C "$tree/lib/modules"
    busybox depmod -b "$tree" "$release"
}

# iptables, with ipset, as on the routers that still have it, nft as on those that have not, and the libraries they are linked
# to.
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

# One for each firewall program.
configurations() {
    local etc=$1/etc/portsentry
    cat >"$etc/portsentry.conf" <<'END'
TCP_PORTS="1,11,15,79,111,119,143,540,635,1080,1524,2000"
UDP_PORTS="1,7,9,69,161,40000-40009"
TCP_MODE="stealth"
UDP_MODE="stealth"
BLOCK_TCP="0"
BLOCK_UDP="0"
SCAN_TRIGGER="0"
HISTORY_FILE="/var/lib/portsentry/history"
IGNORE_FILE="/etc/portsentry/portsentry.ignore"
BLOCKED_FILE="/var/lib/portsentry/blocked"
END
    sed 's/^BLOCK_\(...\)=.*/BLOCK_\1="1"/' "$etc/portsentry.conf" >"$etc/nft.conf"
    printf 'INTERFACE="wan"\nBLOCK_TIME="1h"\nBACKEND="nft"\n' >>"$etc/nft.conf"
    sed 's/^BACKEND=.*/BACKEND="ipset"/' "$etc/nft.conf" >"$etc/ipset.conf"
    : >"$etc/portsentry.ignore"
}

# The scanner's end of the wire, in the network namespace in which all of this runs. Each of its addresses has the
# router's address in its network for a target: that of the network card, and that of the device on top of it.
wire() {
    local address
    ip tuntap add tap0 mode tap
    ip link set tap0 address 02:66:00:00:00:02
    for address in 10.66.0.2 10.66.7.2 10.66.7.3 10.66.7.4; do
        ip address add "$address/24" dev tap0
    done
    ip link set tap0 up
    ip neighbour add 10.66.0.1 lladdr 02:66:00:00:00:01 dev tap0 nud permanent
    ip neighbour add 10.66.7.1 lladdr 02:66:00:00:00:07 dev tap0 nud permanent
}

# Switches the machine on. qemu by its own loader and libraries: no matter what this machine has.
boot() {
    local loader libraries
    loader=$(echo "$qemu"/lib*/ld-linux*)
    libraries=$(echo "$qemu"/lib/*-linux-gnu):$(echo "$qemu"/usr/lib/*-linux-gnu)
    rm -f "$work/router.in"
    mkfifo "$work/router.in"
    "$loader" --library-path "$libraries" "$qemu/usr/bin/qemu-system-mipsel" \
        -L "$qemu/usr/share/qemu" -M malta -cpu 24Kc -m 128 -nodefaults -display none -serial stdio -no-reboot \
        -kernel "$kernel"/boot/vmlinuz-* -initrd "$work/router.image" \
        -append 'console=ttyS0 quiet panic=-1' \
        -netdev tap,id=wan,ifname=tap0,script=no,downscript=no \
        -device e1000,netdev=wan,mac=02:66:00:00:00:01,romfile= \
        <"$work/router.in" >"$console" 2>&1 &
    machine=$!
    trap 'kill $machine 2>/dev/null' EXIT
    exec 8>"$work/router.in"
    rm "$work/router.in"
    wait_for 1 'router is up'
    ! grep 'no module' "$console" || failed "the kernel package has changed"
}

# Switches it off.
shut_down() {
    echo 'poweroff -f' >&8
    wait "$machine" || true
    trap - EXIT
}

failed() {
    echo "--- the router's console, its last lines:" >&2
    tail -n 40 "$console" >&2
    die "$*"
}

# wait_for COUNT TEXT: until the console has said it so often.
wait_for() {
    local until=$((SECONDS + bound))
    while [ "$(grep -ce "$2" "$console")" -lt "$1" ]; do
        kill -0 "$machine" 2>/dev/null || failed "the router ended before: $2"
        [ $SECONDS -lt $until ] || failed "waited in vain for: $2"
        sleep 0.1
    done
}

# Runs a line in the router and prints what it says.
router() {
    local lines answers
    lines=$(wc -l <"$console")
    answers=$(grep -c '^done: ' "$console" || true)
    echo "$1" >&8
    wait_for $((answers + 1)) '^done: '
    tail -n "+$((lines + 1))" "$console" | tr -d '\r' | grep -v '^done: ' || true
}

# router_until LINE TEXT: again and again, until what it prints has the text.
router_until() {
    local until=$((SECONDS + bound))
    while :; do
        router "$1" >"$work/router.said"
        ! grep -qe "$2" "$work/router.said" || return 0
        [ $SECONDS -lt $until ] || failed "'$1' never said: $2"
        sleep 0.2
    done
}

# router_starts [ARGUMENT...]: starts the daemon, with its process id in $pid of the router's shell.
router_starts() {
    router ": >/var/log/messages; : >/var/log/start; portsentry run $* 2>/var/log/start & pid=\$!"
    router_until 'cat /var/log/start' 'PortSentry is now active and listening'
}

# Stops it. Nothing of it may be left in the firewall.
router_stops() {
    # shellcheck disable=SC2016 # it is the router's shell that expands
    router 'kill $pid; wait $pid; echo "status $?"' >"$work/router.said"
    grep -q 'status 0' "$work/router.said" || failed "the daemon ended with $(cat "$work/router.said")"
    router 'iptables -S; ipset list -n; nft list tables' >"$work/router.said"
    ! grep -qi portsentry "$work/router.said" || failed "stopped, and left behind: $(cat "$work/router.said")"
}
