# shellcheck shell=bash
# The machine of the emulated router of cross/test-router, its wire, and the serial console by which it is told
# what to do. To be sourced behind lib.sh; whoever does sets $kernel and $qemu.
# shellcheck disable=SC2154

# Waiting for anything ends here; it only decides how long a failing test takes.
bound=40
console=$work/router.console

# The scanner's end of the wire, in the network namespace in which all of this runs. Each of its addresses has the
# router's address in its network for a target: that of the network card, and that of the device on top of it.
wire() {
    local address
    ip tuntap add tap0 mode tap
    ip link set tap0 address 02:66:00:00:00:02
    for address in 10.66.0.2 10.66.7.{2,3,4} 192.0.2.{66,67,68,69,70}; do
        ip address add "$address/24" dev tap0
    done
    ip link set tap0 up
    ip neighbour add 10.66.0.1 lladdr 02:66:00:00:00:01 dev tap0 nud permanent
    ip neighbour add 192.0.2.1 lladdr 02:66:00:00:00:01 dev tap0 nud permanent
    ip neighbour add 10.66.7.1 lladdr 02:66:00:00:00:07 dev tap0 nud permanent
}

# Switches the machine on, with a new flash. qemu by its own loader and libraries: no matter what this machine has.
boot() {
    local loader libraries
    loader=$(echo "$qemu"/lib*/ld-linux*)
    libraries=$(echo "$qemu"/lib/*-linux-gnu):$(echo "$qemu"/usr/lib/*-linux-gnu)
    rm -f "$work/router.in"
    mkfifo "$work/router.in"
    truncate -s 0 "$work/router.flash"
    truncate -s 4M "$work/router.flash"
    "$loader" --library-path "$libraries" "$qemu/usr/bin/qemu-system-mipsel" \
        -L "$qemu/usr/share/qemu" -M malta -cpu 24Kc -m 128 -nodefaults -display none -serial stdio \
        -kernel "$kernel"/boot/vmlinuz-* -initrd "$work/router.image" \
        -append 'console=ttyS0 quiet' \
        -drive if=none,id=flash,format=raw,file="$work/router.flash" -device virtio-blk-pci,drive=flash \
        -netdev tap,id=wan,ifname=tap0,script=no,downscript=no \
        -device e1000,netdev=wan,mac=02:66:00:00:00:01,romfile= \
        <"$work/router.in" >"$console" 2>&1 &
    machine=$!
    trap 'kill $machine 2>/dev/null' EXIT
    exec 8>"$work/router.in"
    rm "$work/router.in"
    up 1
}

# up TIMES: it has come up so often, and is heard on the wire. Its card drops what comes in its first moment, and a
# scan gives up the host when nobody answers its question for the address (ARP), which is all that is asked here.
up() {
    local until=$((SECONDS + bound))
    wait_for "$1" 'router is up'
    ! grep 'no module' "$console" || failed "the kernel package has changed"
    until nmap -n -sn -PR 10.66.0.1 | grep -q 'Host is up'; do
        [ $SECONDS -lt $until ] || failed "nobody answers at 10.66.0.1"
    done
}

# Restarts it as its owner would. What it was told before is no answer to anything after.
reboot() {
    echo reboot >&8
    up 2
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

# scan PORTS ADDRESS: in the order given, the service last, at a rate that leaves an emulated processor on a busy
# machine the time to run a firewall program. (What a fast scan learns is for tests on a real one.)
scan() {
    timeout "$bound" nmap -n -Pn -sS -r -p "$1" --min-rate 100 --max-rate 100 --max-retries 1 -oG - "$2"
}

# touch_from ADDRESS [PORTS]: a trap of the router, in the name of another address of the scanner's.
touch_from() {
    timeout "$bound" nmap -n -Pn -sS -e tap0 -S "$1" -p "${2-111}" --max-retries 0 "${1%.*}.1" >"$work/scanned"
}

# finds_nothing WHEN PORTS ADDRESS: no service.
finds_nothing() {
    scan "$2" "$3" >"$work/scanned"
    ! grep -q '/open/' "$work/scanned" || failed "$1: nmap found: $(cat "$work/scanned")"
}
