#!/bin/sh
# What an init script for PortSentry 1.2 does, in short: one process for each protocol, unless ps shows it.
DAEMON=@DAEMON@
OPTIONS="@OPTIONS@"
TCP_MODE=tcp
UDP_MODE=udp

begin() { # MODE PATTERN
    ps axww | grep -q "$DAEMON -$2" && return 0
    $DAEMON -$1 $OPTIONS || echo "$1 failed"
}

case "$1" in
    start)
        begin "$TCP_MODE" '[as]*tcp'
        begin "$UDP_MODE" '[as]*udp'
        ;;
    stop)
        # By what runs, not by a number that was written down.
        start-stop-daemon --stop --quiet --oknodo --exec "$DAEMON"
        ;;
    shown)
        ps axww | grep -o "$DAEMON -[as]*tcp" || true
        ;;
esac
