# shellcheck shell=bash
# Starts and stops a dockerd, with or without systemd. Source say.sh first. Runs as root.
#
# PREFIX/PARTS  where an unpacked engine may be      STATE  its data, log and pid
# SOCK          the socket it listens on             DEVBOX_ENGINE_ARGS  more flags for it

PID_FILE=$STATE/dockerd.pid
DAEMON_LOG=$STATE/dockerd.log
BY_SYSTEMD=$STATE/started-by-systemd # exists while systemd runs the engine at our request

# The daemon to run: the machine's own before the unpacked one; nothing where there is none.
find_dockerd() {
    PATH=$PATH:/usr/sbin:/sbin command -v dockerd 2>/dev/null && return
    if [ -e "$PARTS/.complete" ]; then printf '%s\n' "$PARTS/usr/sbin/dockerd"; fi
}

# A process id in a file may be a leftover, a zombie or, by now, another program.
is_running() { # PID NAME
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] &&
        ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

our_pid() {
    local pid
    pid=$(cat "$PID_FILE" 2>/dev/null) || return 0
    if is_running "$pid" dockerd && tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$PID_FILE"; then
        printf '%s\n' "$pid"
    fi
}

start_dockerd() {
    local dockerd=$1
    mkdir -p "$STATE"
    if [ -d /run/systemd/system ] && [ -z "${DEVBOX_ENGINE_SOCK:-}" ] &&
        systemctl cat docker.service >/dev/null 2>&1; then
        : >"$BY_SYSTEMD"
        systemctl start docker || {
            rm -f "$BY_SYSTEMD"
            fail 3 "systemd could not start docker" "look at: journalctl -u docker -n 30"
        }
    else
        mount_cgroups
        run_dockerd "$dockerd"
    fi
    wait_until_it_answers
}

run_dockerd() {
    local dockerd=$1 data exec_root=$STATE/exec containerd
    # The machine's own engine keeps its own data folder.
    data=/var/lib/docker
    case $dockerd in "$PREFIX"/*) data=$STATE/data ;; esac
    [ -z "${DEVBOX_ENGINE_STATE:-}" ] || data=$STATE/data
    # Left by a kill or a power cut. An engine that still runs is waited for instead.
    if [ -n "$(our_pid)" ]; then return 0; fi
    rm -f "$PID_FILE"
    containerd=$exec_root/containerd/containerd.pid
    is_running "$(cat "$containerd" 2>/dev/null)" containerd || rm -f "$containerd"
    no_second_engine
    getent group docker >/dev/null || groupadd --system docker 2>/dev/null || true
    # No lock and no terminal of ours goes on to the daemon.
    # shellcheck disable=SC2086
    PATH=$PARTS/usr/bin:$PARTS/usr/sbin:$PATH:/usr/sbin:/sbin setsid "$dockerd" \
        --data-root "$data" --exec-root "$exec_root" --pidfile "$PID_FILE" -H "unix://$SOCK" \
        ${DEVBOX_ENGINE_ARGS:-} >"$DAEMON_LOG" 2>&1 </dev/null 9>&- &
    DAEMON=$!
    disown
}

# Two engines in one network namespace take each other's bridge and packet filter rules away.
no_second_engine() {
    local pid
    pid=$(other_dockerd)
    [ -z "$pid" ] || fail 3 \
        "another Docker engine (process $pid) runs here, which a second one would cut off its network" \
        "use that one: unset DEVBOX_ENGINE_SOCK, or set DOCKER_HOST to its socket" \
        "or give the second one a network of its own: sudo unshare -n scripts/engine start"
}

# A dockerd in our network namespace that is not ours, or nothing.
other_dockerd() {
    local folder pid
    for folder in /proc/[0-9]*; do
        pid=${folder#/proc/}
        if is_running "$pid" dockerd && [ "$pid" != "$(our_pid)" ] &&
            [ "$folder/ns/net" -ef /proc/self/ns/net ]; then
            printf '%s\n' "$pid"
            return
        fi
    done
}

wait_until_it_answers() {
    local left=300
    until answers; do
        left=$((left - 1))
        if [ -n "${DAEMON:-}" ] && ! is_alive "$DAEMON"; then left=0; fi
        if [ "$left" -le 0 ]; then
            [ ! -s "$DAEMON_LOG" ] || tail -n 8 "$DAEMON_LOG" | sed 's/^/    | /' >&2
            fail 3 "the Docker engine does not come up" "its log: $DAEMON_LOG" \
                "inside a container that has no privileges an engine cannot run"
        fi
        sleep 0.2
    done
}

is_alive() { [ -d "/proc/$1" ] && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }

# A machine without an init system may have no cgroups mounted. The unified hierarchy is taken
# where it offers memory limits, else one hierarchy a controller.
mount_cgroups() {
    local controller
    if grep -q ' /sys/fs/cgroup[ /]' /proc/mounts; then return 0; fi
    say "mounting the cgroup file systems"
    if mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null; then
        if grep -qw memory /sys/fs/cgroup/cgroup.controllers; then return 0; fi
        umount /sys/fs/cgroup
    fi
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup || fail 3 "cannot mount cgroups" \
        "the engine needs a real or virtual machine, or a privileged container"
    # shellcheck disable=SC2013
    for controller in $(awk '!/^#/ && $4 == 1 {print $1}' /proc/cgroups); do
        mkdir -p "/sys/fs/cgroup/$controller"
        mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" ||
            rmdir "/sys/fs/cgroup/$controller"
    done
}

stop_dockerd() {
    local pid containerd
    if [ -e "$BY_SYSTEMD" ]; then
        systemctl stop docker docker.socket || fail 1 "systemd could not stop docker"
        rm -f "$BY_SYSTEMD"
        return
    fi
    pid=$(our_pid)
    if [ -z "$pid" ]; then
        say "no engine that this script started is running: nothing to stop"
        return
    fi
    containerd=$(cat "$STATE/exec/containerd/containerd.pid" 2>/dev/null || true)
    kill -TERM "$pid"
    if ! wait_for 30 has_ended "$pid" dockerd; then
        kill -KILL "$pid" 2>/dev/null || true
        if is_running "$containerd" containerd; then kill -TERM "$containerd"; fi
        wait_for 10 has_ended "$pid" dockerd || fail 1 "the engine (pid $pid) does not end"
    fi
    rm -f "$PID_FILE"
}

has_ended() { ! is_running "$@"; }
