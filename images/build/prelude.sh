# Sourced by the RUN lines of devbox's images, in any POSIX shell. It points programs at what
# this build was given to reach the network (secrets and mounts, so nothing of it is kept) and
# holds the steps that images share.
set -eu

uv_version=0.13.9
given=/run/secrets
scratch=/dev/shm # memory, and never part of a layer

if [ -s $given/devbox-ca ]; then
    export SSL_CERT_FILE=$given/devbox-ca PIP_CERT=$given/devbox-ca
    export REQUESTS_CA_BUNDLE=$given/devbox-ca CURL_CA_BUNDLE=$given/devbox-ca
    export GIT_SSL_CAINFO=$given/devbox-ca
fi
[ ! -s $given/devbox-pip ] || export PIP_CONFIG_FILE=$given/devbox-pip
[ ! -s $given/devbox-uv ] || export UV_CONFIG_FILE=$given/devbox-uv
export PIP_CACHE_DIR=/var/cache/devbox-pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export UV_CACHE_DIR=/var/cache/devbox-uv UV_PYTHON_CACHE_DIR=/var/cache/devbox-uv/python
export UV_LINK_MODE=copy UV_NO_PROGRESS=1

# fail MESSAGE [HINT]: end the build with a sentence; devbox shows it as the error.
fail() {
    echo "devbox: $1${2:+ | $2}" >&2
    exit 1
}

# apt_install PACKAGE...: from the mirror that was given, else the image's own sources. Lists
# and archives live in the cache mount.
apt_install() {
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
    [ ! -s $given/devbox-ca ] || echo "Acquire::https::CAInfo \"$given/devbox-ca\";" >>$scratch/apt.conf
    export APT_CONFIG=$scratch/apt.conf DEBIAN_FRONTEND=noninteractive
    security="-security"
    apt_sources
    apt-get -qq update || {
        # Many mirrors hold the archive and not its security updates.
        [ -s $given/devbox-apt ] || fail "the package lists cannot be fetched" "Check the network, or set network.apt_mirror."
        security=
        apt_sources
        apt-get -qq update || fail "the package lists cannot be fetched from the mirror" "Check network.apt_mirror."
    }
    apt-get -qq -y install --no-install-recommends -- "$@"
    rm -rf $scratch/apt.conf $scratch/apt /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \
        /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
}

# apt_sources: put the given mirror in the place of the distribution's own sources.
apt_sources() {
    [ -s $given/devbox-apt ] && [ "$ID" = debian ] || return 0
    mirror=$(cat $given/devbox-apt)
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
        fail "Python $1 cannot be downloaded" "Set network.python_mirror in your settings to where uv finds builds of Python, or leave python out to take the image's own."
    chmod -R a+rX /opt/python
    UV_PYTHON_INSTALL_DIR=/opt/python uv python find --managed-python "$1"
}

# own_environment VERSION: /opt/venv on top of the Python that some other image has.
own_environment() {
    [ ! -x /opt/venv/bin/python ] || return 0
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
    open_to_all /opt/venv
    mkdir -p /etc/profile.d
    echo 'export VIRTUAL_ENV=/opt/venv; case :$PATH: in *:/opt/venv/bin:*) ;; *) PATH=/opt/venv/bin:$PATH ;; esac' \
        >/etc/profile.d/devbox-python.sh
    sed -i '/^PATH=/d;/^VIRTUAL_ENV=/d' /etc/environment 2>/dev/null || :
    {
        echo "PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        echo "VIRTUAL_ENV=/opt/venv"
    } >>/etc/environment
}

# open_to_all FOLDER: touch only what needs it, since a changed mode copies the file to the layer.
open_to_all() {
    find "$1" ! -type l ! -perm -0666 -exec chmod a+rwX {} +
}

# pip_install ARGUMENT...: `uv pip install` into /opt/venv, from /run/project.
pip_install() {
    need_uv
    [ ! -d /run/project ] || cd /run/project
    uv pip install --python /opt/venv/bin/python "$@"
    open_to_all /opt/venv
    rm -rf $scratch/requirements.txt /tmp/devbox-uv
}

# install_uv_lock FOLDER: what the uv.lock of a project pins, without the project itself.
install_uv_lock() {
    need_uv
    (cd "/run/project/$1" && uv export -q --frozen --no-emit-project --no-header \
        --python /opt/venv/bin/python -o $scratch/requirements.txt >/dev/null)
    pip_install -r $scratch/requirements.txt
}

# need_uv: images other than devbox's get it for this one step.
need_uv() {
    command -v uv >/dev/null || {
        /opt/venv/bin/python -m pip install -q --no-deps --target /tmp/devbox-uv "uv==$uv_version" ||
            fail "uv cannot be installed in this image"
        PATH=/tmp/devbox-uv/bin:$PATH
    }
}
