# Stands in for /lib/functions.sh of OpenWrt: what a package's scripts and an init script call.

# The files of the package whose script this is, by its first argument.
filelist() {
	local name=${1%.*}
	cat "$IPKG_INSTROOT/usr/lib/opkg/info/$name.list" 2>/dev/null ||
		cat "$IPKG_INSTROOT/lib/apk/packages/$name.list"
}

# Enables and starts, also at an upgrade of what was not running.
default_postinst() {
	local script
	for script in $(filelist "$1" | grep '^/etc/init.d/'); do
		if [ -n "$IPKG_INSTROOT" ]; then
			/bin/sh "$IPKG_INSTROOT/etc/rc.common" "$IPKG_INSTROOT$script" enable
			continue
		fi
		[ "$PKG_UPGRADE" = 1 ] || "$script" enable
		"$script" start
	done
}

default_prerm() {
	local script
	for script in $(filelist "$1" | grep '^/etc/init.d/'); do
		[ "$PKG_UPGRADE" = 1 ] || "$script" disable
		"$script" stop
	done
}

uci() {
	grep -q "^config portsentry 'main'" /etc/config/portsentry
}

# A file in UCI is shell, as long as nobody means harm: a line calls one of the functions that follow.
config_load() {
	. "/etc/config/$1"
}

config() {
	:
}

option() {
	eval "CONFIG_$1=\$2"
}

list() {
	eval "CONFIG_$1=\"\${CONFIG_$1:+\$CONFIG_$1 }\$2\""
}

config_get() {
	eval "$1=\${CONFIG_$3:-\$4}"
}

config_get_bool() {
	config_get "$1" "$2" "$3" "$4"
}
