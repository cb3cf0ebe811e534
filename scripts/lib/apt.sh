# shellcheck shell=bash
# Debian and Ubuntu packages, as root or with a sudo that asks no password. Source say.sh first.

AS_ROOT=()
[ "$(id -u)" = 0 ] || AS_ROOT=(sudo -n)
# The words that come before `install`, `update` or `download`. apt's own settings (proxies,
# sources) stay as the machine has them.
APT_GET=(
    env DEBIAN_FRONTEND=noninteractive apt-get -q
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30
    -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0
)
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# devbox: no service is started during this installation'

has_apt() { have apt-get && have dpkg-query; }

can_be_root() { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# apt_install LOG PACKAGE...: installs what is missing, and never removes a package for it.
apt_install() {
    local log=$1 code=0 package missing=()
    shift
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "packages: ${missing[*]}"
    apt_update "$log" || return
    # An installation that was killed half way is finished first.
    "${AS_ROOT[@]}" dpkg --configure -a >>"$log" 2>&1 </dev/null || true
    hold_services
    attempts 2 900 "$log" "${AS_ROOT[@]}" "${APT_GET[@]}" install \
        -y --no-install-recommends --no-remove "${missing[@]}" || code=$?
    release_services
    return "$code"
}

# The package lists, at most once a run.
apt_update() {
    [ -z "${APT_UPDATED:-}" ] || return 0
    attempts 3 180 "$1" "${AS_ROOT[@]}" "${APT_GET[@]}" update || return
    APT_UPDATED=1
}

# Without systemd nobody would supervise a service that a package starts by itself.
hold_services() {
    if [ -d /run/systemd/system ] || [ -e "$POLICY" ]; then return 0; fi
    # shellcheck disable=SC2016
    "${AS_ROOT[@]}" sh -c 'printf "#!/bin/sh\n%s\nexit 101\n" "$2" >"$1" && chmod 755 "$1"' \
        hold "$POLICY" "$POLICY_MARK"
}

# Also clears what a killed installation left behind; a policy of the machine's own stays.
release_services() {
    if grep -qsF "$POLICY_MARK" "$POLICY"; then "${AS_ROOT[@]}" rm -f "$POLICY"; fi
}

# candidate PACKAGE: the version that apt would install, or nothing.
candidate() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/ && $2 != "(none)" {print $2}'
}

# major VERSION: its first number, without Debian's epoch.
major() {
    local version=${1#*:}
    printf '%s\n' "${version%%[!0-9]*}"
}
