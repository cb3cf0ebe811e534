# Sourced by the RUN lines of devbox's images and by the commands of a packages step, in any POSIX
# shell. It points programs at what this build was given to reach the network (secrets and
# mounts, so nothing of it is kept) and holds the steps that images share.
#
# A packages step runs in a container like a box's, which has the same network settings and the
# same caches as the box (DEVBOX_CACHE); RUN lines have caches of the builder's own.
set -eu

uv_version=0.13.9
given=${DEVBOX_GIVEN:-/run/secrets}
scratch=/dev/shm # memory, and never part of a layer
locked=/run/build/locked # the packages of a lock, where there is one
cache=${DEVBOX_CACHE:-/var/cache/devbox-}
[ ! -r /run/devbox/env ] || . /run/devbox/env

if [ -s "$given/devbox-ca" ]; then
    export SSL_CERT_FILE="$given/devbox-ca" PIP_CERT="$given/devbox-ca"
    export REQUESTS_CA_BUNDLE="$given/devbox-ca" CURL_CA_BUNDLE="$given/devbox-ca"
    export GIT_SSL_CAINFO="$given/devbox-ca"
fi
[ ! -s "$given/devbox-pip" ] || export PIP_CONFIG_FILE="$given/devbox-pip"
[ ! -s "$given/devbox-uv" ] || export UV_CONFIG_FILE="$given/devbox-uv"
export PIP_CACHE_DIR="${cache}pip" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off
export UV_CACHE_DIR="${cache}uv" UV_PYTHON_CACHE_DIR="${cache}uv/python"
export UV_LINK_MODE=copy UV_NO_PROGRESS=1

# fail MESSAGE [HINT]: end the build with a sentence; devbox shows it as the error.
fail() {
    echo "devbox: $1${2:+ | $2}" >&2
    exit 1
}

# apt_install PACKAGE...: from the mirror that was given, else the image's own sources; or the
# files of a lock and nothing else.
apt_install() {
    if [ -d $locked ]; then
        apt_install_locked "$@"
    else
        apt_lists
        apt-get -qq -y install --no-install-recommends -- "$@"
    fi
    rm -rf $scratch/apt.conf $scratch/apt /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \
        /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
}

# apt_install_locked PACKAGE...: every package of the lock; those named count as asked for, all
# others as what they need.
apt_install_locked() {
    set -- $locked/debs/*.deb -- "$@"
    [ -e "$1" ] || return 0
    apt_conf
    mkdir -p $scratch/apt
    cat >>$scratch/apt.conf <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$scratch/apt";
APT::Sandbox::User "root";
CONF
    for file in "$locked"/debs/*.deb; do
        name=${file##*/}
        name=${name%%_*}
        dpkg-query -W "$name" >/dev/null 2>&1 || echo "$name"
    done >$scratch/new
    apt-get -qq -y install --no-install-recommends --allow-downgrades $locked/debs/*.deb
    xargs -r apt-mark -qq auto <$scratch/new
    rm -f $scratch/new
    while [ "$1" != -- ]; do shift; done
    shift
    for name; do
        apt-mark -qq manual "${name%%[=/]*}" || :
    done
}

# apt_lists: fetch the lists of packages. Lists and archives live in the cache mount.
apt_lists() {
    apt_conf
    security="-security"
    apt_sources
    apt-get -qq update || {
        # Many mirrors hold the archive and not its security updates.
        [ -s "$given/devbox-apt" ] || fail "the package lists cannot be fetched" "Check the network, or set network.apt_mirror."
        security=
        apt_sources
        apt-get -qq update || fail "the package lists cannot be fetched from the mirror" "Check network.apt_mirror."
    }
}

# apt_conf: how apt works here.
apt_conf() {
    command -v apt-get >/dev/null ||
        fail "apt packages need an image based on Debian or Ubuntu" "Remove apt, or choose another image."
    . /etc/os-release
    apt_cache=/var/cache/devbox-apt/$ID-${VERSION_CODENAME:-$VERSION_ID}-$(dpkg --print-architecture)
    mkdir -p "$apt_cache/lists/partial" "$apt_cache/archives/partial"
    ! grep -q '^_apt:' /etc/passwd || chown _apt "$apt_cache"/*/partial
    cat >$scratch/apt.conf <<CONF
Dir::State::Lists "$apt_cache/lists";
Dir::Cache::Archives "$apt_cache/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Install-Recommends "false";
Dpkg::Use-Pty "0";
CONF
    [ ! -s "$given/devbox-ca" ] || echo "Acquire::https::CAInfo \"$given/devbox-ca\";" >>$scratch/apt.conf
    export APT_CONFIG=$scratch/apt.conf DEBIAN_FRONTEND=noninteractive
}

# apt_sources: put the given mirror in the place of the distribution's own sources.
apt_sources() {
    [ -s "$given/devbox-apt" ] && [ "$ID" = debian ] || return 0
    mirror=$(cat "$given/devbox-apt")
    key="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    rm -rf $scratch/apt
    mkdir -p $scratch/apt
    cp /etc/apt/sources.list.d/* $scratch/apt/ 2>/dev/null || :
    rm -f $scratch/apt/debian.sources
    {
        echo "deb $key $mirror $VERSION_CODENAME main"
        [ -z "$security" ] || echo "deb $key $mirror $VERSION_CODENAME-updates main"
        [ -z "$security" ] || echo "deb $key $mirror$security $VERSION_CODENAME-security main"
    } >$scratch/apt/mirror.list
    {
        echo "Dir::Etc::SourceList \"/dev/null\";"
        echo "Dir::Etc::SourceParts \"$scratch/apt\";"
    } >>$scratch/apt.conf
}

# python_environment VERSION: /opt/venv with the distribution's Python ("") or one that uv gets.
python_environment() {
    if [ -z "$1" ]; then
        apt_install python3 python3-venv
        python=/usr/bin/python3
    else
        python=$(managed_python "$1")
    fi
    uv venv -q --seed --python "$python" /opt/venv
    finish_environment
}

# managed_python VERSION: install it below /opt/python and print its path.
managed_python() {
    uv python install --install-dir /opt/python --no-bin "$1" >&2 ||
        fail "Python $1 cannot be downloaded" "Set network.python_mirror in your settings to where uv finds builds of Python (or python_downloads to a list of your own), or leave python out to take the image's own."
    chmod -R a+rX /opt/python
    UV_PYTHON_INSTALL_DIR=/opt/python uv python find --managed-python "$1"
}

# own_environment VERSION: /opt/venv on top of the Python that some other image has.
own_environment() {
    [ ! -x /opt/venv/bin/python ] || {
        open_environment
        return 0
    }
    python=$(command -v python3 || command -v python || :)
    if [ -n "$1" ] && ! is_version "$python" "$1"; then
        command -v uv >/dev/null || fail "the image has no Python $1" "Choose an image that has it, or one with uv in it."
        python=$(managed_python "$1")
        uv venv -q --seed --python "$python" /opt/venv
    else
        [ -n "$python" ] || fail "the image has no Python to install packages for" "Choose an image with Python, or add python3 and python3-venv to apt."
        "$python" -m venv --system-site-packages /opt/venv ||
            fail "the image's Python cannot make a virtual environment" "Add python3-venv to apt."
    fi
    finish_environment
}

is_version() {
    [ -n "$1" ] && found=$("$1" -c 'import platform; print(platform.python_version())') || return 1
    case $found. in "$2".*) return 0 ;; *) return 1 ;; esac
}

# finish_environment: any user of the box may change it, and login shells and ssh find it.
finish_environment() {
    open_environment
    mkdir -p /etc/profile.d
    echo 'export VIRTUAL_ENV=/opt/venv; case :$PATH: in *:/opt/venv/bin:*) ;; *) PATH=/opt/venv/bin:$PATH ;; esac' \
        >/etc/profile.d/devbox-python.sh
    sed -i '/^PATH=/d;/^VIRTUAL_ENV=/d' /etc/environment 2>/dev/null || :
    {
        echo "PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        echo "VIRTUAL_ENV=/opt/venv"
    } >>/etc/environment
}

# open_environment: /opt/venv is root's, whoever installed into it, and any user of the box may
# change it. Touch only what needs it, since a changed owner or mode copies a file to the layer.
open_environment() {
    find /opt/venv \( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +
    find /opt/venv ! -type l ! -perm -0666 -exec chmod a+rwX {} +
}

# pip_install ARGUMENT...: into /opt/venv with pip, as a person in a box does it: what one of them
# has downloaded the other has in its cache.
pip_install() {
    export PYTHONDONTWRITEBYTECODE=1
    if /opt/venv/bin/python -m pip --version >/dev/null 2>&1; then
        /opt/venv/bin/python -m pip install --no-compile "$@"
    else
        uv_install "$@"
    fi
}

# uv_install ARGUMENT...: into /opt/venv with uv, which reads more kinds of files than pip.
uv_install() {
    if [ -d $locked ]; then
        [ -s $locked/python.txt ] || return 0
        set -- --no-deps --require-hashes -r $locked/python.txt
    fi
    need_uv
    uv pip install --python /opt/venv/bin/python "$@"
}

# install_uv_lock FOLDER: what the uv.lock of a project pins, without the project itself.
install_uv_lock() {
    need_uv
    (cd "$1" && uv export -q --frozen --no-emit-project --no-header \
        --python /opt/venv/bin/python -o $scratch/requirements.txt >/dev/null)
    uv_install -r $scratch/requirements.txt
    rm -f $scratch/requirements.txt
}

# need_uv: images other than devbox's get it for this one step.
need_uv() {
    command -v uv >/dev/null || {
        /opt/venv/bin/python -m pip install -q --no-deps --target /tmp/devbox-uv "uv==$uv_version" ||
            fail "uv cannot be installed in this image"
        PATH=/tmp/devbox-uv/bin:$PATH
    }
}

# prepare_cache UID:GID: the folders of a box's cache, as the box itself has them.
prepare_cache() {
    for folder in pip uv; do
        mkdir -p "/cache/$folder"
        [ "$(stat -c %u:%g "/cache/$folder")" = "$1" ] || chown -R -h "$1" "/cache/$folder"
    done
}

# check_locked: end the build where the packages are not all those of the lock, and no others.
check_locked() {
    {
        ! command -v dpkg-query >/dev/null ||
            dpkg-query -W -f='${db:Status-Status} ${Package} ${Version} ${Architecture}\n' |
            sed -n 's/^installed /deb /p'
        [ ! -x /opt/venv/bin/python ] || /opt/venv/bin/python -I $locked/installed.py --list
    } | LC_ALL=C sort >$scratch/packages
    [ "$(cat $locked/packages)" != "$(cat $scratch/packages)" ] || {
        rm -f $scratch/packages
        return 0
    }
    differ=$(diff $locked/packages $scratch/packages |
        sed -n 's/^< [a-z]* \([^ ]* [^ ]*\).*/\1 is missing/p; s/^> [a-z]* \([^ ]* [^ ]*\).*/\1 is not in the lock/p' |
        head -n 5 | tr '\n' ',')
    fail "not the packages of the lock: ${differ%,}" "\`devbox lock\` writes a new one."
}
