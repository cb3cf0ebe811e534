from __future__ import annotations

import string
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devbox.config import find_project, load, problems
from devbox.config.keys import BOX, HOOKS, RESOURCES
from devbox.config.parts import SERVICE_KEYS
from devbox.config.spec import Gpu, Settings
from devbox.config.written import toml
from devbox.errors import ConfigError, UsageError
from tests.unit.config.conftest import Load, Wrong


def test_the_smallest_project(loaded: Load, root: Path) -> None:
    project = loaded("[box]\n")
    spec = project.box().spec
    assert (spec.name, spec.profile, spec.profile_image) == ("churn", "python", "python")
    assert spec.project == project.root == root
    assert spec.resources.shm_size == 2 << 30
    origins = project.box().origins
    assert str(origins["name"]) == "default"
    assert origins["image"].layer == "profile python"


def test_a_typical_project(loaded: Load, root: Path) -> None:
    (root / "requirements.txt").touch()
    project = loaded(
        """
        [box]
        profile = "datascience"
        python = "3.12"
        pip = ["torch"]
        requirements = "requirements.txt"
        stop_after = "30m"
        hooks.on_create = "make"
        [box.resources]
        gpus = 2
        memory = "1GiB"
        """
    )
    spec = project.box("churn").spec
    assert spec.requirements == (root / "requirements.txt",)
    assert spec.resources.gpus is Gpu.COUNT
    assert spec.resources.gpu_count == 2
    assert spec.resources.shm_size == 1 << 30
    assert spec.hooks.on_create == ("make",)
    assert spec.stop_after == 1800
    assert str(project.box().origins["resources.gpus"]) == "project devbox.toml:10"


def test_all_problems_come_at_once_with_line_key_and_hint(wrong: Wrong) -> None:
    found = wrong(
        '[box]\nprofil = "x"\npip = [\n  "numpy",\n  "-r x",\n]\n[box.resources]\nmemory = "lots"\n'
        "[bux]\n"
    )
    assert [(problem.line, problem.key) for problem in found] == [
        (9, "bux"),
        (2, "box.profil"),
        (5, "box.pip[1]"),
        (8, "box.resources.memory"),
    ]
    assert found[1].hint == "did you mean 'profile'?"
    assert str(found[0]).startswith("devbox.toml:9: bux: unknown key 'bux' (did you mean 'box'?")


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "x" * 300, "日本", "-a", "", "a\\nb", "A"])
def test_hostile_names(wrong: Wrong, name: str) -> None:
    assert wrong(f'[box]\nname = "{name}"')[0].key == "box.name"
    assert wrong(f'[boxes."{name}"]')[0].line == 1


def test_several_boxes(loaded: Load, wrong: Wrong) -> None:
    project = loaded('[boxes.train]\n[boxes.serve]\nimage = "debian"\n')
    assert list(project.boxes) == ["train", "serve"]
    serve = project.box("serve").spec
    assert (serve.image, serve.profile, serve.profile_image) == ("debian", "", "")
    with pytest.raises(UsageError, match="several") as caught:
        project.box()
    assert caught.value.hint == "Name one: serve, train."
    with pytest.raises(UsageError) as caught:
        project.box(how="one with --box NAME")
    assert caught.value.hint == "Name one with --box NAME: serve, train."
    with pytest.raises(UsageError) as caught:
        project.box("trian")
    assert caught.value.message == f"Unknown box 'trian' in {project.file}."
    assert caught.value.hint == "Did you mean 'train'?"
    assert wrong("[box]\n[boxes.a]")[0].key == "box"
    assert wrong("[boxes]")[0].key == "boxes"
    assert wrong("")[0].line == 0
    named = loaded('[boxes.train]\nname = "churn-train"\n[boxes.serve]\n')
    assert list(named.boxes) == ["churn-train", "serve"]
    assert named.box("churn-train").table == ("boxes", "train")
    (twice,) = wrong('[boxes.a]\nname = "b"\n[boxes.b]\n[boxes.c]\n')
    assert twice.key == "boxes.b.name"


def test_layers_in_their_order(loaded: Load, root: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[box]\npython = "3.10"\nplatform = "linux/arm64"\nenv.A = "person"\n')
    defaults = {"python": "3.10", "platform": "linux/arm64", "env": {"A": "person"}}
    person = Settings("ada", defaults=defaults, file=file)
    (root / "team.toml").write_text(
        'description = "x"\nextends = "python"\n[box]\nplatform = "linux/amd64"\n'
        'env = { A = "profile", B = "profile" }\n'
    )
    box = loaded(
        '[box]\nprofile = "./team.toml"\npython = "3.11"\n', person, {"python": "3.13"}
    ).box()
    assert (box.spec.python, box.spec.platform) == ("3.13", "linux/arm64")
    assert box.spec.env == {"A": "person", "B": "profile"}
    assert [place.layer for place in box.history["python"]] == [
        "command line",
        "project",
        "user settings",
    ]
    assert box.origins["platform"].line == 3
    assert box.origins["env.B"].layer == "profile team"
    assert box.spec.profile_image == "python"


def test_a_profile_with_an_own_image_beats_the_one_it_extends(loaded: Load, root: Path) -> None:
    (root / "team.toml").write_text('extends = "python"\n[box]\nimage = "team/image:1"\n')
    spec = loaded('[box]\nprofile = "./team.toml"\n').box().spec
    assert (spec.image, spec.profile_image, spec.profile) == ("team/image:1", "", "team")


def test_what_excludes_each_other_or_does_not_fit(wrong: Wrong, root: Path) -> None:
    (root / "Dockerfile").touch()
    both = wrong('[box]\nimage = "a"\nprofile = "python"\nbuild = {}\n')
    assert {problem.key for problem in both} == {"box.image", "box.build"}
    sizes = wrong('[box.resources]\nmemory = "1GiB"\nshm_size = "2GiB"\n')
    assert (sizes[0].line, sizes[0].key) == (3, "box.resources.shm_size")
    ports = wrong('[box]\nports = ["80:1", "80:2"]\n')
    assert "published twice" in ports[0].message
    mounts = wrong('[box]\nmounts = ["a:/x", "b:/x"]\n')
    assert "mounted twice" in mounts[0].message
    service = '[box.services.{}]\nimage = "a"\nafter = ["{}"]\n'
    circle = wrong(service.format("a", "b") + service.format("b", "a"))
    assert "wait for each other" in circle[0].message
    assert wrong(service.format("cache", "cash"))[0].hint == "did you mean 'cache'?"
    assert wrong(service.format("abc", "abd"))[0].line == 3


def test_requirements_exist_and_stay_inside(wrong: Wrong, root: Path, tmp_path: Path) -> None:
    (tmp_path / "out.txt").touch()
    (root / "link.txt").symlink_to(tmp_path / "out.txt")
    names = ["../out.txt", "link.txt", "missing.txt", "poetry.lock", "/etc/passwd"]
    assert len(wrong(f"[box]\nrequirements = {toml(names)}\n")) == len(names)


def test_unknown_profiles_get_a_suggestion(wrong: Wrong) -> None:
    problem = wrong('[box]\nprofile = "pyton"\n')[0]
    assert (problem.line, problem.hint) == (2, "did you mean 'python'?")
    assert wrong('[box]\nprofile = "./no.toml"\n')[0].key == "box.profile"


def test_overrides_are_checked_too(wrong: Wrong) -> None:
    found = wrong("[box]", overrides={"resources.cpu": 1, "python": 3})
    assert {problem.file for problem in found} == {"command line"}


def test_a_project_is_found_from_below(root: Path, tmp_path: Path) -> None:
    (root / "devbox.toml").touch()
    below = root / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) == root
    with pytest.raises(UsageError) as caught:
        find_project(tmp_path)
    assert "devbox init" in caught.value.hint


def test_a_check_lists_the_settings_problems_too(loaded: Load, root: Path) -> None:
    (root / "devbox.toml").write_text("[box]\nx = 1\n")
    person = ConfigError(problems(root, settings_of=lambda: Settings("ada")))

    def broken() -> Settings:
        raise person

    assert len(problems(root, settings_of=broken)) == 1
    loaded("[box]")
    assert problems(root, settings_of=lambda: Settings("ada")) == ()


WORDS = [*BOX, *RESOURCES, *HOOKS, *SERVICE_KEYS, "container", "host", "x", "A", "db", "", "a.b"]
SCALARS = (
    st.none().map(lambda _: "1979-05-27")
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=string.printable, max_size=12)
    | st.sampled_from([*WORDS, "8080:80", "a:/b", "8GiB", "30m", "all", "python", "./x.toml", "~"])
)
GARBAGE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
TABLES = st.dictionaries(st.sampled_from(WORDS), GARBAGE, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(table=TABLES, several=st.booleans())
def test_garbage_is_a_config_error_and_nothing_else(
    root: Path, table: dict[str, Any], several: bool
) -> None:
    lines = "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items())
    header = "[boxes.a]" if several else "[box]"
    (root / "devbox.toml").write_text(f"{header}\n{lines}")
    with suppress(ConfigError):
        load(root, settings=Settings("ada"))
    with suppress(ConfigError):
        (root / "devbox.toml").write_text(lines)
        load(root, settings=Settings("ada"), overrides=table)
