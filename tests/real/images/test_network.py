"""The way to the network reaches builds, and nothing of it an image."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from devbox.boxes.images.sources import system_mirror
from tests.real.images.workshop import PASSWORDS, Server, Workshop, wheel


def everything_in(image: str) -> Iterator[tuple[str, bytes]]:
    """Every file of an image as it is saved: its configuration, and what is in its layers."""
    with (
        subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as saved,
    ):
        for entry in saved:
            content = saved.extractfile(entry)
            if content is None:
                continue
            data = content.read()
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                    for member in layer:
                        yield f"{entry.name}:{member.name}", member.name.encode()
                        file = layer.extractfile(member) if member.isfile() else None
                        if file is not None:
                            yield f"{entry.name}:{member.name}", file.read()
            except tarfile.ReadError:
                yield entry.name, data


def test_nothing_of_the_way_to_the_network_is_in_the_image(
    workshop: Workshop, index: Server, tmp_path: Path
) -> None:
    package = wheel(index.root / "tinyindexed", "tinyindexed")
    authority = tmp_path / "ca.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=planted"]
    request += ["-keyout", str(tmp_path / "key.pem"), "-out", str(authority)]
    subprocess.run(request, check=True, capture_output=True)
    proxy = f"http://me:{PASSWORDS[1]}@proxy.invalid:3128"
    # An archive without TLS asks for no password, and takes one.
    mirror = system_mirror("bookworm")
    mirror = mirror.replace("http://", f"http://me:{PASSWORDS[2]}@") if "http:" in mirror else ""
    image = workshop.build(
        workshop.spec(pip=(package,), apt=("tree",)),
        apt_mirror=mirror,
        index=index.url,
        ca=authority,
        https_proxy=proxy,
        no_proxy=index.host.partition(":")[0],
    )
    assert workshop.sh(image, "python -c 'import tinyindexed as t; print(t.HELLO)'") == "hello"

    planted = [word.encode() for word in PASSWORDS]
    planted += [b"proxy.invalid", index.host.encode()]
    planted.append(authority.read_bytes().splitlines()[5])
    seen = 0
    for name, data in everything_in(image):
        seen += 1
        found = [word for word in planted if word in data]
        # What pip records of a package's origin names the index, never the password.
        if name.endswith(("direct_url.json", "uv_cache.json")):
            found = [word for word in found if word in planted[: len(PASSWORDS)]]
        assert not found, name
        assert not name.endswith(("/run/secrets", "devbox-ca", "devbox-pip"))
    assert seen > 5000
    history = subprocess.run(
        ["docker", "history", "--no-trunc", image], capture_output=True, check=True
    ).stdout
    assert not [word for word in planted if word in history]


def test_a_folder_of_wheels_reaches_the_build(
    workshop: Workshop, index: Server, tmp_path: Path
) -> None:
    package = wheel(tmp_path / "wheels", "tinylocal")
    other = wheel(tmp_path / "more", "tinyother")
    (workshop.project / "requirements.txt").write_text(f"{other}\n")
    spec = workshop.spec(pip=(package,), requirements=(workshop.project / "requirements.txt",))
    folders = (tmp_path / "wheels", tmp_path / "more")
    image = workshop.build(spec, index=index.url, wheels=folders)
    out = workshop.sh(image, "python -c 'import tinylocal as t, tinyother; print(t.HELLO)'")
    assert out == "hello"
