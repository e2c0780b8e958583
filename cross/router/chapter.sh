# shellcheck shell=bash
# README.md's chapter for owners of OpenWrt, line by line, as far as the emulated router of cross/test-router has
# the programs. To be sourced behind home.sh.
# shellcheck disable=SC2154

# What its reader types, without the remarks.
chapter() {
    sed -n '/^## On OpenWrt$/,/^## [^O]/p' "$root/README.md" | sed -n 's/^    //p' | sed 's/ *  #.*//'
}

# missing LINE: those of its programs that the router has not.
missing() {
    local programs
    programs=$(sed 's/&&/\n/g; s/[|;]/\n/g' <<<"$1" | awk '{ print $1 }' | tr '\n' ' ')
    router "for program in $programs; do command -v \$program >/dev/null || echo \$program; done" | tr '\n' ' '
}

# types LINE: it works, and who was banned is in what it shows.
types() {
    router "$1; echo \"status \$?\"" >"$work/router.said"
    grep -qx 'status 0' "$work/router.said" || failed "README.md: '$1': $(cat "$work/router.said")"
    case $1 in
    *' list'* | *' why '* | logread*)
        grep -q "$stranger" "$work/router.said" || failed "README.md: '$1' knows no $stranger"
        ;;
    esac
    echo "README.md: $1"
}

# While a scanner is banned, who has the address of the chapter. At its end nobody is, and it is removed.
reads_the_chapter() {
    local lines line wanted tried=0
    mapfile -t lines < <(chapter)
    for line in "${lines[@]}"; do
        wanted=$(missing "$line")
        if [ -z "$wanted" ]; then
            types "$line"
            tried=$((tried + 1))
        else
            echo "README.md: not tried here, without ${wanted% }: $line"
        fi
    done
    [ $tried -ge 8 ] || failed "README.md: only $tried lines could be tried"
    banned
}
