"""Images as a real engine builds them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devbox import cli
from devbox.compute.engine.build import BuildFailed
from devbox.config.spec import Build
from tests.real.images.workshop import Workshop


def test_a_base_is_what_a_developer_expects(workshop: Workshop) -> None:
    image = workshop.build(workshop.spec(profile_image="base"))
    out = workshop.sh(
        image,
        "for p in git sshd ssh vim tmux curl less ps sudo uv uvx xz; do command -v $p; done;"
        "ls /etc/ssh; test ! -e /usr/bin/python3; sudo -u dev sudo id -u; locale;"
        "stat -c '%U %n' /home/dev /workspace /cache; ls /usr/local/lib/devbox /run/secrets || :",
    )
    assert "ssh_host_" not in out
    assert "dev /home/dev\ndev /workspace\ndev /cache" in out
    assert "LANG=C.UTF-8" in out
    assert "init" in out
    labels = workshop.labels(image)
    assert labels["devbox.kind"] == "box"
    assert labels["org.opencontainers.image.title"] == "devbox base"


def test_python_is_first_everywhere_and_any_user_may_change_it(workshop: Workshop) -> None:
    image = workshop.build(workshop.spec())
    where = "python -c 'import sys; print(sys.prefix)'"
    assert workshop.sh(image, f'{where}; env -i sh -lc "{where}"') == "/opt/venv\n/opt/venv"
    assert workshop.sh(image, "grep PATH= /etc/environment").startswith("PATH=/opt/venv/bin:")
    out = workshop.sh(
        image,
        "find /opt/venv ! -type l ! -perm -0666; cd /opt/venv/lib/python3*/site-packages;"
        f"touch x.py; {where}; pip --version",
        "--user=4711:4711",
    )
    assert out.startswith("/opt/venv\npip ")
    assert len(out.splitlines()) == 2


def test_the_second_time_nothing_is_done(workshop: Workshop) -> None:
    spec = workshop.spec()
    image = workshop.build(spec)
    before = workshop.engine.image(image)
    assert workshop.build(spec) == image
    assert not workshop.said
    assert workshop.engine.image(image) == before


def test_a_debian_package_that_there_is_not(workshop: Workshop) -> None:
    with pytest.raises(BuildFailed) as caught:
        workshop.build(workshop.spec(profile_image="base", apt=("no-such-package-at-all",)))
    assert caught.value.step.endswith("RUN apt_install no-such-package-at-all")
    assert "Unable to locate package no-such-package-at-all" in "\n".join(caught.value.detail)


def test_an_own_dockerfile_and_its_failure(workshop: Workshop, base_image: str) -> None:
    context = workshop.project / "docker"
    context.mkdir()
    file = context / "Dockerfile"
    file.write_text(f"FROM {base_image}\nARG WORD\nRUN echo said-$WORD >/said\n")
    image = workshop.build(workshop.spec(build=Build(context, args={"WORD": "x"})))
    assert workshop.sh(image, "cat /said; test -x /usr/local/lib/devbox/init") == "said-x"
    file.write_text(f"FROM {base_image}\nRUN echo last words; exit 3\n")
    with pytest.raises(BuildFailed) as caught:
        workshop.build(workshop.spec(build=Build(context)))
    assert "RUN echo last words; exit 3" in caught.value.step
    assert "last words" in caught.value.detail


def test_a_made_base_takes_the_place_of_what_no_registry_gives(
    workshop: Workshop, base_image: str
) -> None:
    made = "devbox/debian:forky-slim"
    if workshop.engine.image(made) is not None:
        pytest.skip(f"{made} is somebody's here")
    workshop.engine.tag(base_image, made)
    try:
        missing = "nowhere.invalid/debian:forky-slim"
        image = workshop.build(workshop.spec(image=missing))
        assert workshop.labels(image)["devbox.parent"] == made
        context = workshop.project / "docker"
        context.mkdir()
        (context / "Dockerfile").write_text(f"FROM {missing}\nRUN echo here >/here\n")
        image = workshop.build(workshop.spec(build=Build(context)))
        assert workshop.sh(image, "cat /here") == "here"
    finally:
        workshop.engine.remove_image(made)


def test_the_commands(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workshop.project)

    def run(*arguments: str) -> Any:
        assert cli.run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    tag = run("image", "build", "base")[0]["image"]
    (workshop.project / "devbox.toml").write_text('[box]\nprofile = "base"\n')
    assert run("image", "build") == [{"image": tag}]
    listed = {entry["ref"]: entry for entry in run("image", "ls")}
    assert listed[tag]["kind"] == "box"
    assert listed[listed[tag]["parent"]]["kind"] == "base"
    plan = run("image", "prune", "--dry-run")
    assert plan["freed"] == 0
    assert tag not in {entry["ref"] for entry in plan["images"]}
    parts = {part["kind"]: part for part in run("df")["parts"]}
    assert parts["images"]["size"] > 100 << 20
    assert cli.run(["image", "prune", "--all"]) == 4  # nobody agreed


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_datascience_has_what_it_promises(workshop: Workshop) -> None:
    image = workshop.build(workshop.spec(profile_image="datascience"))
    modules = "jupyterlab, tensorboard, numpy, pandas, polars, duckdb, sklearn, matplotlib.pyplot"
    assert workshop.sh(image, f"python -c 'import {modules}, ipykernel; print(1)'") == "1"
    workshop.sh(
        image, "uv pip check; jupyter lab --version; find /opt/venv ! -type l ! -perm -0666"
    )
