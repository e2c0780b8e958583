# Stands in for /lib/functions/network.sh of OpenWrt: $ROUTER/networks has a file for each network that is up, with the
# name of its device in it. As there, names become names of variables, and are evaluated.

network_flush_cache() {
	unset NETWORK_CACHE_wan
}

# What netifd does not know leaves the variable as it is.
network_get_device() {
	eval "[ -n \"\${NETWORK_CACHE_$2-}\" ] || [ -e \"\$ROUTER/networks/$2\" ]" || return 1
	eval "$1=\${NETWORK_CACHE_$2-}"
	eval "[ -n \"\$$1\" ] || $1=\$(cat \"\$ROUTER/networks/$2\")"
}
