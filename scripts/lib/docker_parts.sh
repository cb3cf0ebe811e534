# shellcheck shell=bash
# What an engine is made of (dockerd, containerd, the docker client, compose and buildx), from
# Debian's or Ubuntu's packages. Source say.sh and apt.sh first. Runs as root.
#
# PREFIX  folder of our own; PARTS is the unpacked part of it
# LINK    1: put what the machine lacks where every docker client looks for it

OLDEST_ENGINE=23 # the first with BuildKit by default
UNPACKED=(docker.io docker-cli docker-compose docker-buildx containerd)
# runc and tini of a newer release need a newer libc: these come from the machine's own.
BESIDE=(iptables iproute2 procps runc tini ca-certificates)
NEWER_SUITE=trixie
NEWER_LIBC=2.34

# install_parts LOG WHAT...: WHAT is any of: client compose buildx daemon.
install_parts() {
    local log=$1 packages
    shift
    apt_update "$log" || fail 1 "the package lists could not be loaded" "the log: $log"
    # shellcheck disable=SC2207
    packages=($(own_packages "$@"))
    if [ ${#packages[@]} -gt 0 ]; then
        # With apparmor in the kernel but not its parser, no container starts.
        [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] ||
            packages+=(apparmor)
        apt_install "$log" "${packages[@]}" ca-certificates iptables tini procps ||
            fail 1 "the Docker packages could not be installed" "the log: $log"
        return
    fi
    unpack_parts "$log"
    link_parts "$@"
}

# The machine's own packages for WHAT, or nothing where one of them is missing or too old.
own_packages() {
    local what version names=()
    version=$(candidate docker.io)
    [ "$(major "${version:-0}")" -ge "$OLDEST_ENGINE" ] || return 0
    for what in "$@"; do
        case $what in
            client)
                # Older releases have the client in docker.io itself.
                if [ -n "$(candidate docker-cli)" ]; then names+=(docker-cli); else names+=(docker.io); fi
                ;;
            daemon) names+=(docker.io) ;;
            buildx)
                [ -n "$(candidate docker-buildx)" ] || return 0
                names+=(docker-buildx)
                ;;
            compose)
                if [ -n "$(candidate docker-compose-v2)" ]; then
                    names+=(docker-compose-v2)
                else
                    version=$(candidate docker-compose)
                    [ "$(major "${version:-0}")" -ge 2 ] || return 0
                    names+=(docker-compose)
                fi
                ;;
        esac
    done
    printf '%s\n' "${names[@]}"
}

# The newer packages of the same archive, unpacked beside the system rather than installed: they
# need nothing that this release lacks, and the machine's own packages stay as they are.
unpack_parts() {
    local log=$1 deb debs new=$PREFIX/parts.new
    [ ! -e "$PARTS/.complete" ] || return 0
    libc_is_new_enough ||
        fail 1 "this system is too old for a current Docker engine" "it needs glibc $NEWER_LIBC"
    apt_install "$log" "${BESIDE[@]}" debian-archive-keyring ||
        fail 1 "packages that Docker needs could not be installed" "the log: $log"
    newer_apt_world
    attempts 3 180 "$log" "${APT_GET[@]}" "${NEWER[@]}" update ||
        fail 1 "the package lists of $NEWER_SUITE could not be loaded" "the log: $log"
    rm -rf "$new"
    mkdir -p "$new/debs"
    say "downloading ${UNPACKED[*]} (about 75 MB)"
    (cd "$new/debs" && attempts 3 600 "$log" "${APT_GET[@]}" "${NEWER[@]}" download \
        "${UNPACKED[@]}") || fail 1 "the Docker packages could not be loaded" "the log: $log"
    debs=("$new"/debs/*.deb)
    for deb in "${debs[@]}"; do
        dpkg -x "$deb" "$new" || fail 1 "cannot unpack ${deb##*/} into $PREFIX" "is the disk full?"
    done
    rm -rf "$new/debs"
    # What the packages expect beside them, from the machine's own release.
    ln -sfn /usr/bin/tini-static "$new/usr/bin/docker-init"
    "$new/usr/sbin/dockerd" --version >>"$log" 2>&1 ||
        fail 1 "the unpacked Docker engine does not run here" "the log: $log"
    : >"$new/.complete"
    rm -rf "$PARTS"
    mv "$new" "$PARTS"
    rm -rf "$PREFIX/apt"
}

# An apt world of its own: lists, state and cache apart, the machine's sources untouched.
newer_apt_world() {
    local world=$PREFIX/apt archive
    # shellcheck disable=SC2016
    archive=$(LC_ALL=C apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' \
        'Created-By: Packages' | sed -n 's/^Debian|Debian|//p' | head -n 1)
    [ -n "$archive" ] ||
        fail 1 "this machine's apt sources name no Debian archive to take Docker from" \
            "install Docker $OLDEST_ENGINE or newer with its compose and buildx plugins by hand"
    mkdir -p "$world/lists/partial" "$world/cache/archives/partial"
    : >"$world/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$archive" "$NEWER_SUITE" >"$world/sources.list"
    NEWER=(
        -o "Dir::Etc::SourceList=$world/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o "Dir::State=$world" -o "Dir::State::Lists=$world/lists"
        -o "Dir::State::status=$world/status" -o "Dir::Cache=$world/cache"
        -o APT::Sandbox::User=root -o Acquire::Languages=none
    )
}

libc_is_new_enough() {
    local version
    version=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{print $2}')
    [ -n "$version" ] && dpkg --compare-versions "$version" ge "$NEWER_LIBC"
}

# link_parts WHAT...: where every docker client looks, but only what is not there yet.
link_parts() {
    local plugin
    [ "$LINK" = 1 ] || return 0
    for plugin in compose buildx; do
        case " $* " in *" $plugin "*) ;; *) continue ;; esac
        link_unless_there "$PARTS/usr/libexec/docker/cli-plugins/docker-$plugin" \
            "/usr/local/lib/docker/cli-plugins/docker-$plugin"
    done
    case " $* " in
        *" client "*) link_unless_there "$PARTS/usr/bin/docker" /usr/local/bin/docker ;;
    esac
}

# A link that leads nowhere counts as not there.
link_unless_there() {
    [ ! -e "$2" ] || return 0
    mkdir -p "$(dirname "$2")"
    ln -sfn "$1" "$2"
}
