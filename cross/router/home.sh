# shellcheck shell=bash
# The program at home on a box that has busybox and nothing else: started by its init through our init script, with
# OpenWrt's configuration in a flash, everything else of the router read-only. To be sourced behind machine.sh.
# shellcheck disable=SC2154

script=/etc/init.d/S50portsentry
conf=/etc/config/portsentry
stranger=192.0.2.66

# logs TEXT: the daemon did, into the log that is in memory.
logs() {
    router_until 'logread | grep "portsentry\["' "$1"
}

# answers LINE TEXT: what the line prints at once has the text.
answers() {
    router "$1" >"$work/router.said"
    grep -qe "$2" "$work/router.said" || failed "'$1' said, without '$2': $(cat "$work/router.said")"
}

# finds_the_service WHEN: nmap, past all traps.
finds_the_service() {
    scan 9099 192.0.2.1 >"$work/scanned"
    grep -q '9099/open' "$work/scanned" || failed "$1: the service was not found: $(cat "$work/scanned")"
}

# nothing_left WHEN: neither in a firewall nor among the processes.
nothing_left() {
    router 'iptables -S; ip6tables -S; ipset list -n; nft list tables; ps | grep "[s]bin/portsentry"' \
        >"$work/router.said"
    ! grep -i portsentry "$work/router.said" || failed "$1: something of it is left"
}

# uci_set OPTION VALUE: as `uci commit` leaves the file, which keeps no remark.
uci_set() {
    router "sed -i -e '/^[[:space:]]*#/d' -e \"s|option $1 .*|option $1 '$2'|\" $conf" >"$work/router.said"
    answers "cat $conf" "option $1 '$2'"
}

# As it is delivered nothing is watched, and the box comes up all the same.
as_delivered() {
    grep -q "portsentry is not started: $conf: enabled is 0" "$console" || failed "it does not say that it is off"
    nothing_left "off"
    finds_the_service "off"
    ! router 'echo >/etc.new' | grep -v 'Read-only' || failed "the root can be written to"
}

# Its owner says yes, and where strangers come from: nobody here knows the networks of OpenWrt.
is_started() {
    router "sed -i \"s/list network 'wan'/list device 'eth0'/; /list network/d\" $conf"
    uci_set enabled 1
    answers "$script start" 'portsentry started (process [0-9]*)'
    answers "$script status" 'portsentry runs (process '
    logs 'PortSentry is now active and listening'
}

# banned ADDRESS...: exactly these are, says the program, and the kernel says the same.
banned() {
    local expected
    expected=$(printf '%s\n' "$@")
    router 'portsentry list' | grep -o '^192[.]0[.]2[.][0-9]*' | sort >"$work/router.said" || true
    [ "$(cat "$work/router.said")" = "$expected" ] || failed "not '$*' are listed: $(cat "$work/router.said")"
    router 'nft list set inet portsentry ban4' | grep -o '192[.]0[.]2[.][0-9]*' | sort >"$work/router.said" || true
    [ "$(cat "$work/router.said")" = "$expected" ] || failed "not '$*' are in the set: $(cat "$work/router.said")"
}

# The third trap that nmap touches is its last, and the service is behind all of them: the second makes a scan of
# it; the first is counted and no more, in the file as it is delivered.
scan_is_cut_off() {
    finds_nothing "$1" 1-200,9099 192.0.2.1
    logs "scan from host: $stranger/$stranger to TCP port: 23\$"
    logs "Host $stranger has been blocked via dropped route using command: "
    banned "$stranger"
}

# reloads: it reads its file again, and takes it.
reloads() {
    local before
    before=$(router 'logread | grep -c "is read again and in force$"') || true
    answers "$script reload; echo \"status \$?\"" 'status 0'
    router_until 'logread | grep -c "is read again and in force$"' "^$((before + 1))\$"
}

# Dry: what would be banned is logged and counted.
tried_dry() {
    uci_set block_tcp 0
    reloads
    touch_from 192.0.2.67 111,110
    logs 'scan from host: 192.0.2.67/192.0.2.67 to TCP port: 1'
    answers 'portsentry status' 'banned 0, would be banned 1,'
    banned
    uci_set block_tcp 1
    reloads
}

# One trap is no scan in the file as it is delivered; then the owner says that it is, and for how long.
reload_takes_effect() {
    touch_from 192.0.2.68
    router_until 'portsentry why 192.0.2.68' '1 of 2 traps'
    banned "$stranger"
    uci_set trigger_ports 1
    uci_set block_time 1h
    reloads
    touch_from 192.0.2.69
    router_until 'nft list set inet portsentry ban4' '192.0.2.69 timeout 1h'
    banned "$stranger" 192.0.2.69
}

# What cannot be used is named, and what is in force stays: who touches a trap is banned for an hour, at once.
broken_edit_changes_nothing() {
    local line
    uci_set block_time soon
    line=$(router "grep -n 'block_time ' $conf" | cut -d : -f 1)
    answers "$script reload; echo \"status \$?\"" "^$conf:$line: .*block_time.*soon"
    grep -qx 'status 2' "$work/router.said" || failed "a broken file: $(cat "$work/router.said")"
    logs "$conf:$line: .*block_time.*soon"
    touch_from 192.0.2.70
    router_until 'nft list set inet portsentry ban4' '192.0.2.70 timeout 1h'
    uci_set block_time 10m
    reloads
}

# Its rules go with it, its bans come back with it.
stops_and_starts() {
    answers "$script stop" 'portsentry stopped'
    nothing_left "stopped"
    answers "$script status; echo \"status \$?\"" 'status 3'
    finds_the_service "stopped"
    answers "$script start" 'portsentry started'
    banned "$stranger" 192.0.2.69 192.0.2.70
}

# What it has written: into memory, and nothing into the flash, where there is only what its owner has edited.
flash_is_spared() {
    router 'find /overlay/upper ! -type d' >"$work/router.said"
    [ "$(cat "$work/router.said")" = /overlay/upper/config/portsentry ] ||
        failed "this is in the flash: $(cat "$work/router.said")"
    router 'find /tmp ! -type d' | grep portsentry | sort >"$work/router.said"
    [ "$(cat "$work/router.said")" = \
        "$(printf '/tmp/run/portsentry%s\n' .pid /control /journal /lock)" ] ||
        failed "this is in memory: $(cat "$work/router.said")"
}

# A reboot: active by itself, with the configuration of before; /var was in memory, and all bans with it.
comes_back_clean() {
    reboot
    answers "$script status" 'portsentry runs (process '
    logs 'PortSentry is now active and listening'
    answers "cat $conf" "option trigger_ports '1'"
    banned
    finds_the_service "rebooted"
    ! router 'logread | grep portsentry' | grep -iE 'lock|stale|journal|fail' || failed "something was left over"
    scan_is_cut_off "rebooted"
}

at_home() {
    as_delivered
    echo "at home: as delivered it is off, and the router comes up"
    is_started
    tried_dry
    scan_is_cut_off "started"
    echo "at home: nmap is in the log, and cut off at its third trap"
    reload_takes_effect
    broken_edit_changes_nothing
    echo "at home: a reload takes effect; a broken file does not, and its line is named"
    stops_and_starts
    flash_is_spared
    echo "at home: a stop leaves nothing, bans outlive it, and nothing was written but in memory"
    comes_back_clean
    echo "at home: rebooted, active and without a ban, until the next scan"
}
