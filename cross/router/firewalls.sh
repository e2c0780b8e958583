# shellcheck shell=bash
# All three firewalls in the emulated router of cross/test-router, and its clock in 2040. The daemon is a child of
# the console, its log a file. To be sourced behind machine.sh.
# shellcheck disable=SC2154

# The log goes into a file, which can be emptied.
log_into_a_file() {
    router 'killall syslogd; mkdir -p /var/lib/portsentry; syslogd -O /var/log/messages'
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

# Answers every datagram at once and again when whoever asked has gone. It sees to it that the asker's
# port is one of the router's traps, which the router's own ports are here.
answer() {
    python3 - <<'END'
import socket, time
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("10.66.0.2", 69))
server.settimeout(40)
query, asker = server.recvfrom(512)
assert 40000 <= asker[1] <= 40009, asker
# TFTP's error packet (RFC 1350): the client ends at once.
for _ in range(3):
    server.sendto(b"\0\5\0\1no such file\0", asker)
    time.sleep(1)
END
}

# router_unbans ADDRESS: by hand.
router_unbans() {
    router "portsentry unban $1" >"$work/router.said"
    router_until 'iptables -S PORTSENTRY | grep -c DROP' '^0'
}

# An answer to a question of the router's own is nobody's probe, on time or late, though it comes to a
# trap: so says the kernel's connection tracking, asked by netlink. A datagram that answers nothing is one.
answers_are_no_probes() {
    router 'echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range'
    answer &
    local server=$!
    router_until 'tftp -g -r x -l /tmp/x 10.66.0.2 2>&1' 'no such file'
    wait $server || failed "the router asked from another port"
    router 'grep 10.66.0.2 /var/log/messages; iptables -S PORTSENTRY' >"$work/router.said"
    ! grep -qE '10[.]66[.]0[.]2[/ ]' "$work/router.said" ||
        failed "an answer was taken for a probe: $(cat "$work/router.said")"
    bash -c 'echo >/dev/udp/10.66.0.1/40005'
    router_until 'iptables -S PORTSENTRY' '-s 10.66.0.2/32 .*DROP'
}

# One ban is in the history, with the time of the new clock, and in force.
banned_in_2040() {
    router_until 'iptables -S PORTSENTRY' '-s 10.66.0.2/32 .*DROP'
    router 'cat /var/lib/portsentry/history' >"$work/router.said"
    # 2,208,988,800: seconds from 1970 to 2040. 32 bits end at 2,147,483,647.
    [ "$(grep -cE '^22090[0-9]{5} - 01/01/2040 12:[0-9:]+ Host: 10.66.0.2/' "$work/router.said")" = 1 ] ||
        failed "not one ban in 2040: $(cat "$work/router.said")"
}

# Before blocking is switched on, behind it, and after a restart, which goes on with the ban of before.
with_iptables() {
    router_starts -c /etc/lab/iptables.conf
    router router-clock | grep . && failed "the clock was not set"
    scan 1-600,9099 10.66.0.1 >"$work/scanned"
    grep -q '9099/open' "$work/scanned" || failed "the service was not found: $(cat "$work/scanned")"
    router_until 'cat /var/log/messages' 'from host: 10.66.0.2/10.66.0.2 to TCP port: '
    echo "before: nmap finds the service, portsentry reports the scan"

    # shellcheck disable=SC2016 # it is the router's shell that expands
    router 'sed -i "s/^BLOCK_\(...\)=.*/BLOCK_\1=\"1\"/" /etc/lab/iptables.conf; kill -HUP $pid'
    router_until 'iptables -S' '-N PORTSENTRY'
    finds_nothing after 1-600,9099 10.66.0.1
    banned_in_2040
    echo "after: nmap finds nothing, $(cat "$work/router.said")"

    router_stops
    router_starts -c /etc/lab/iptables.conf
    finds_nothing "after a restart" 9099 10.66.0.1
    banned_in_2040
    echo "restarted in 2040: banned as before"

    router_unbans 10.66.0.2
    scan 9099 10.66.0.1 >"$work/scanned"
    grep -q '9099/open' "$work/scanned" || failed "unbanned: nmap found $(cat "$work/scanned")"
    router_stops
    router_starts -c /etc/lab/iptables.conf
    answers_are_no_probes
    router_unbans 10.66.0.2
    router_stops
    echo "answers to the router's own questions: no probes; a datagram that answers nothing: banned"
}

# said LINE: in the log of the daemon there is nothing else.
said() {
    router 'sed "s/.*portsentry\[[0-9]*\]: //" /var/log/messages' >"$work/router.said"
    [ "$(cat "$work/router.said")" = "$1" ] || failed "not '$1', but: $(cat "$work/router.said")"
    router ': >/var/log/messages'
}

# bans ADDRESS...: exactly these are in the kernel's set.
bans() {
    router 'nft list set inet portsentry ban4' | grep -o '10[.]66[.][0-9.]*' | sort >"$work/router.said" || true
    [ "$(cat "$work/router.said")" = "$(printf '%s\n' "$@")" ] || failed "not $*, but: $(cat "$work/router.said")"
}

# no_ingress WHEN: the kernel has no chain on the watched device.
no_ingress() {
    router 'nft list table inet portsentry' >"$work/router.said"
    grep -q 'hook prerouting' "$work/router.said" || failed "$1: there is no table"
    ! grep -q 'hook ingress' "$work/router.said" || failed "$1: there is a chain on the watched device"
}

# ingress_after WHAT COMMAND: that chain is there, two seconds behind the command at the latest. That is on a
# machine on which a run of nft takes next to nothing; here it is as much more as ten of them take at the moment.
ingress_after() {
    local took one limit list='nft list table inet portsentry'
    router "begun=\$(now); $2; until $list >/tmp/list 2>&1 && grep -q 'hook ingress' /tmp/list; do :; done; \
        back=\$(now); $list >/dev/null; echo \$((back - begun)) \$((\$(now) - back)); cat /tmp/list" \
        >"$work/router.said"
    read -r took one <"$work/router.said"
    limit=$((200 + 10 * one))
    echo "nft: $1, its chain is back after ${took}0 ms (a run of nft takes ${one}0 ms)"
    [ "$took" -le $limit ] || failed "$1: that is more than ${limit}0 ms"
    grep -q 'hook ingress device "wan" ' "$work/router.said" || failed "$1: it is on another device"
}

# The kernel knows no fib expression, which the hold needs: bans work all the same, and it is said.
without_fib() {
    router 'rmmod nft_fib_inet nft_fib_ipv4 nft_fib_ipv6' | grep . && failed "the kernel package has changed"
    router_starts -c /etc/lab/nft.conf
    router 'grep -c "nft refused .*: No such file or directory fib .*; it is tried without" /var/log/messages' |
        grep -qx 2 || failed "nft has taken a fib expression, or has refused something else"
    no_ingress "without fib"
    finds_nothing "without fib" 1-100,9099 10.66.7.1
    bans 10.66.7.2
    ! router 'grep -A 9 "now active" /var/log/messages' | grep refused || failed "it was active too soon"
    # shellcheck disable=SC2016 # it is the router's shell that expands
    router 'for name in ipv4 ipv6 inet; do modprobe nft_fib_$name || echo missing; done' | grep . &&
        failed "the kernel package has changed"
    router ': >/var/log/messages'
}

# A kernel before 6.16 drops the chain with the watched device, and tells nobody.
with_nft() {
    router wan
    without_fib

    router 'ip link delete wan'
    router_until 'cat /var/log/messages' 'devices that are named exist'
    no_ingress "without a device"
    ingress_after "the device is there again" wan
    grep -q 'chain hold' "$work/router.said" || failed "there is no hold, though there is a fib expression now"
    bans 10.66.7.2
    said 'adminalert: 0 of 1 devices that are named exist; one that comes is watched then'

    # shellcheck disable=SC2016 # it is the router's shell that expands
    router 'kill -STOP $pid; ip link delete wan; wan'
    no_ingress "while the daemon sleeps"
    # shellcheck disable=SC2016
    ingress_after "it was away for a moment" 'kill -CONT $pid'
    bans 10.66.7.2
    said ''

    touch_from 10.66.7.3
    router_until 'nft list set inet portsentry ban4' '10.66.7.3'
    # A kernel before 6.12 ignores an element that is there already, whatever end it shall have.
    router_until 'portsentry ban 10.66.7.3 --for 1m; nft list set inet portsentry ban4' '10.66.7.3 timeout 1m'
    router_until 'portsentry ban 10.66.7.3 --for 3h; nft list set inet portsentry ban4' '10.66.7.3 timeout 3h'
    router ': >/var/log/messages'
    ingress_after "all rules were flushed" 'nft flush ruleset'
    bans 10.66.7.2 10.66.7.3
    finds_nothing "after a flush" 1-100,9099 10.66.7.1
    said 'adminalert: Somebody else changed our part of the firewall; it is made anew, with 2 bans'
    router_stops
    echo "nft: bans outlive the watched device and a flush, and nothing is left behind"
}

# What nft has held, ipset goes on with; it tells nobody of a change, so it is looked at every ten seconds.
with_ipset() {
    router_starts -c /etc/lab/ipset.conf
    ! router 'cat /var/log/messages' | grep -E 'refused|ERROR' || failed "ipset does not work"
    touch_from 10.66.7.4
    router_until 'ipset save portsentry4' 'add portsentry4 10.66.7.4 timeout 3'
    router ': >/var/log/messages; ipset flush portsentry4'
    router_until 'ipset save portsentry4' 'add portsentry4 10.66.7.4 timeout 3'
    said 'adminalert: Somebody else changed our part of the firewall; it is made anew, with 3 bans'
    finds_nothing "with ipset" 1-100,9099 10.66.7.1
    router_stops
    echo "ipset: the bans of before, a new one, and all of them after a flush; nothing is left behind"
}
