# Sourced by the Dockerfile, after the shared script (which says set -e).
# shellcheck disable=SC2164

torch_version=2.13.0

# install_torch cpu|cuda: a wheel from a folder of wheels where one fits. Else the CUDA build is
# the one that package indexes have for Linux, and the CPU build, which is a tenth of that, comes
# from PyTorch's own index, whose address uv knows.
install_torch() {
    cd /run/project
    if [ -n "$(local_wheel "$1")" ]; then
        set -- "$1" "torch==$torch_version"
    elif [ "$1" = cpu ]; then
        set -- "$1" --torch-backend=cpu "torch==$torch_version"
    else
        # Exactly: a CPU build from a folder of wheels would be 2.13.0+cpu, and count as newer.
        set -- "$1" "torch===$torch_version"
    fi
    compute=$1
    shift
    uv_install -r requirements.txt "$@" ||
        fail "PyTorch $torch_version for $compute cannot be installed" "Put its wheel into a folder of network.wheels in your settings, or let this machine reach PyTorch's package index."
    [ "$(torch_compute)" = "$compute" ] ||
        fail "the PyTorch that was found is not built for $compute" "Look at network.index and network.wheels in your settings."
}

# local_wheel cpu|cuda: the wheels among the given ones that fit this Python and machine.
local_wheel() {
    tag=$(/opt/venv/bin/python -c 'import sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}")')
    case $1 in cpu) build=cpu ;; *) build='cu[0-9]*' ;; esac
    find /run/wheels/ -name "torch-$torch_version+$build-$tag-*_$(uname -m).whl"
}

# torch_compute: what the installed one is built for.
torch_compute() {
    /opt/venv/bin/python -B -c 'import torch; print("cuda" if torch.version.cuda else "cpu")'
}
