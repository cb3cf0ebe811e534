# shellcheck shell=bash
# A Python that is new enough and a virtual environment of the pinned packages. Works in bash 3.2.
# Source say.sh and apt.sh first. VENV is the folder to make (absolute), CHECKOUT the project's.

# There while pip is at work: a killed pip leaves packages that only look installed.
UNFINISHED=.devbox-unfinished

# find_python: sets PYTHON to the first Python >= 3.11 among the usual names, one that can make
# virtual environments where there is a choice.
find_python() {
    local name first=
    for name in ${DEVBOX_PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        is_new_enough "$name" || continue
        [ -n "$first" ] || first=$name
        if makes_venvs "$name"; then
            PYTHON=$name
            return
        fi
    done
    [ -n "$first" ] || fail 1 "Python 3.11 or newer is needed$(found_python)" \
        "Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python" \
        "another one is taken with DEVBOX_PYTHON=/path/to/python3"
    PYTHON=$first
    install_venv_module
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

found_python() {
    if have python3; then
        printf ', and python3 here is %s' "$(python3 -c 'import platform
print(platform.python_version())' 2>/dev/null || echo broken)"
    fi
}

# Debian and Ubuntu keep the venv module in a package of its own.
install_venv_module() {
    local package
    package=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if has_apt && can_be_root; then
        step "Installing $package: this Python cannot make virtual environments yet"
        apt_install "$LOG" "$package" && makes_venvs "$PYTHON" && return
    fi
    fail 1 "this Python ($PYTHON) cannot make virtual environments" \
        "Debian, Ubuntu: sudo apt-get install $package"
}

# make_venv LOCK: the packages of LOCK, and this checkout installed editable. Does nothing
# where the last complete run had the same input; a stamp, written last, tells.
make_venv() {
    local lock=$1 stamp=$VENV/.devbox-setup
    # Two at once: the second waits, then finds the work done.
    if have flock; then
        exec 8>"$LOG.lock"
        flock -w 1200 8 || fail 1 "another installation has been at work for 20 minutes"
    fi
    is_made "$lock" "$stamp" || install_packages "$lock" "$stamp"
    exec 8>&-
}

# What scripts/test has set up contains all that a user needs.
is_made() { # LOCK STAMP
    local found
    found=$(cat "$2" 2>/dev/null) || return 1
    "$VENV/bin/python" -c '' 2>/dev/null || return 1
    [ "$found" = "$(fingerprint "$1")" ] || [ "$found" = "$(fingerprint requirements-dev.lock)" ]
}

install_packages() { # LOCK STAMP
    local lock=$1 stamp=$2 want
    want=$(fingerprint "$lock")
    rm -f "$stamp"
    fresh_venv
    : >"$VENV/$UNFINISHED"
    step "Installing devbox and its packages into ${VENV#"$CHECKOUT"/}"
    # A stalled connection hangs pip for as long as it is let.
    attempts 3 400 "$LOG" "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check \
        --timeout 30 --retries 5 --require-hashes -r "$CHECKOUT/$lock" ||
        fail 1 "the Python packages could not be installed" "the log: $LOG" \
            "behind a proxy or with an own package index, pip must know it: pip config list"
    attempts 2 200 "$LOG" "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check \
        --no-index --no-deps --no-build-isolation --editable "$CHECKOUT" ||
        fail 1 "devbox could not be installed from this checkout" "the log: $LOG"
    # As pip does for what is not editable: some machines forbid Python to do so when it runs.
    (cd "$CHECKOUT" && "$VENV/bin/python" -m compileall -q devbox tui) || true
    printf '%s\n' "$want" >"$stamp"
    rm -f "$VENV/$UNFINISHED"
}

# An environment that was moved, half made, or whose Python is gone is made anew.
fresh_venv() {
    if [ ! -e "$VENV/$UNFINISHED" ] && is_new_enough "$VENV/bin/python" &&
        "$VENV/bin/python" -m pip --version >/dev/null 2>&1 &&
        grep -qsF "$VENV" "$VENV/bin/activate"; then
        return
    fi
    if [ -e "$VENV" ] && [ ! -e "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
        fail 1 "$VENV is in the way: it is no virtual environment" \
            "move it, or name another folder: DEVBOX_VENV=DIR"
    fi
    find_python
    step "Making the virtual environment ${VENV#"$CHECKOUT"/} with $("$PYTHON" --version 2>&1)"
    attempts 2 200 "$LOG" "$PYTHON" -m venv --clear "$VENV" ||
        fail 1 "the virtual environment $VENV could not be made" "the log: $LOG"
}

# What an installation depends on, in one word.
fingerprint() { # LOCK
    {
        printf '%s\n' "$1" "$CHECKOUT" "$VENV"
        cat "$CHECKOUT/$1" "$CHECKOUT/pyproject.toml"
    } | cksum | tr ' ' '-'
}
