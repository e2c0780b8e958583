#!/bin/sh
# $1: the package, $2: its version

[ "$1" = portsentry ] || exit 0

portsentry --version | grep -F "portsentry $2" || exit 1

# What is shipped is sound, and watches nothing yet.
portsentry check -c /etc/config/portsentry | grep -F "note: enabled is 0" || exit 1

# What it does not know neither runs nor stays in the background.
portsentry --no-such-option && exit 1

exit 0
