# Stands in for /lib/functions/network.sh of OpenWrt: of the networks only wan is up.

network_flush_cache() {
	:
}

network_get_device() {
	[ "$2" = wan ] || return 1
	eval "$1=wan"
}
