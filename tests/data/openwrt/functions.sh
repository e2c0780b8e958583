# Stands in for /lib/functions.sh of OpenWrt, and for the programs uci and logger. What uci prints was put into
# files by whoever wrote the configuration: what a strict reading of it has, and what a lenient one.

uci() {
	case "$*" in
	"-P /var/state -S -n export portsentry") cat "$ROUTER/lenient" ;;
	"-q get portsentry.main") grep "^config .* 'main'\$" "$ROUTER/strict" ;;
	*)
		echo "uci $*: not known here" >&2
		return 1
		;;
	esac
}

logger() {
	local options
	options="$1 $2 $3 $4"
	shift 4
	if [ $# -gt 0 ]; then
		echo "$*"
	else
		cat
	fi | while read -r line; do
		printf '%s: %s\n' "$options" "$line" >>"$ROUTER/log"
	done
}

# What is read is shell: a line of it calls one of the functions that follow.
config_load() {
	eval "$(uci -P /var/state -S -n export "$1")"
}

package() {
	return 0
}

config() {
	CONFIG_SECTION=$2
	config_set TYPE "$1"
}

option() {
	config_set "$1" "$2"
}

list() {
	local so_far
	config_get so_far "$CONFIG_SECTION" "$1"
	config_set "$1" "${so_far:+$so_far }$2"
}

config_set() {
	eval "CONFIG_${CONFIG_SECTION}_$1=\$2"
}

config_get() {
	case "$2$3" in
	*[!A-Za-z0-9_]*) ;;
	*) eval "$1=\${CONFIG_${2}_${3}:-\$4}" ;;
	esac
}

# Case matters to it, and what it does not know is the default.
config_get_bool() {
	local word
	config_get word "$2" "$3" "$4"
	case "$word" in
	1 | on | true | yes | enabled) word=1 ;;
	0 | off | false | no | disabled) word=0 ;;
	*) word=$4 ;;
	esac
	eval "$1=\$word"
}
