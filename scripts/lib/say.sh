# shellcheck shell=bash
# Messages, bounded waits and retries for the scripts beside this folder. Works in bash 3.2.
# stdout is data, stderr is talk.

say() { printf '    %s\n' "$*" >&2; }

step() {
    if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
        printf '\033[1m==> %s\033[0m\n' "$*" >&2
    else
        printf '==> %s\n' "$*" >&2
    fi
}

# fail CODE MESSAGE [HINT...]: one line that says what is wrong, then what to do, then exit.
fail() {
    local code=$1
    printf 'error: %s\n' "$2" >&2
    shift 2
    while [ $# -gt 0 ]; do
        printf '  hint: %s\n' "$1" >&2
        shift
    done
    exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The command stays in the terminal's foreground group, so that Ctrl+C reaches it.
bounded() { # SECONDS COMMAND...
    local limit=$1
    shift
    if have timeout; then
        timeout --foreground --kill-after=10 "$limit" "$@"
    else
        "$@"
    fi
}

# attempts COUNT SECONDS LOG COMMAND...: quiet, with the output in LOG; its end is shown when the
# last attempt failed. An attempt that was interrupted is not repeated.
attempts() {
    local count=$1 limit=$2 log=$3 n=1 code
    shift 3
    while :; do
        code=0
        # In a subshell, so that a trap of the script still has the script's own stderr.
        (bounded "$limit" "$@") >>"$log" 2>&1 </dev/null || code=$?
        case $code in
            0) return 0 ;;
            130 | 143) return "$code" ;;
            124 | 137) say "no end after $limit s" ;;
        esac
        if [ "$n" -ge "$count" ]; then
            tail -n 15 "$log" | sed 's/^/    | /' >&2
            return "$code"
        fi
        n=$((n + 1))
        say "that failed (attempt $n of $count follows)"
    done
}

# wait_for SECONDS COMMAND...: until the command succeeds, looking five times a second.
wait_for() {
    local left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.2
    done
}

# May we ask? Only a person at a terminal can answer.
at_terminal() { [ -t 0 ] && [ -t 2 ]; }

# ask QUESTION: yes unless the answer starts with n.
ask() {
    local answer
    printf '%s [Y/n] ' "$1" >&2
    IFS= read -r answer || return 1
    case $answer in [nN]*) return 1 ;; esac
}
