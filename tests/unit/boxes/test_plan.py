"""What `up` decides to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.compose import DesiredBox, Surroundings, document, summary
from devbox.boxes.identity import BoxId, User
from devbox.boxes.plan import Act, Change, Found, Plan, make_plan, spec_changes
from devbox.compute.engine.types import Container
from devbox.config.spec import BoxSpec, Mount, Port, Service

BOX = BoxId("ada", "churn")
SPEC = BoxSpec(name="churn", project=Path("/p"), profile="python", env={"COLOR": "red"})
WITH_DB = replace(SPEC, services=(Service("db", image="postgres:16"),))


def desired(spec: BoxSpec = SPEC, image: str = "devbox/box:1") -> DesiredBox:
    around = Surroundings(image=image, user=User(0, 0))
    return DesiredBox(BOX, spec, around.user, (), document(BOX, spec, around))


def containers(box: DesiredBox, state: str = "running") -> tuple[Container, ...]:
    return tuple(
        Container(
            id=name,
            name=name,
            image=entry["image"],
            image_id="",
            state=state,
            status="",
            labels={**entry["labels"], "com.docker.compose.service": name},
            created=0.0,
        )
        for name, entry in box.document["services"].items()
    )


def plan(box: DesiredBox, found: tuple[Container, ...], **more: Any) -> Plan:
    return make_plan(box, Found(found, **more))


def test_nothing_there() -> None:
    made = plan(desired(), (), missing=("devbox/box:1",))
    assert made.act is Act.CREATE
    assert made.build == ("devbox/box:1",)
    assert not made.empty


def test_unchanged_and_finished() -> None:
    assert plan(desired(), containers(desired())).empty


def test_an_interrupted_start_is_finished() -> None:
    assert plan(desired(), containers(desired()), finished=False).act is Act.FINISH


def test_stopped() -> None:
    made = plan(desired(), containers(desired(), "exited"))
    assert (made.act, made.reason) == (Act.START, "not running: box")


def test_a_changed_setting_is_named() -> None:
    changed = replace(SPEC, env={"COLOR": "blue"})
    made = plan(desired(changed), containers(desired()))
    assert made.act is Act.RECREATE
    assert made.changes == (Change("env.COLOR", "red", "blue"),)


def test_changed_files_of_an_image_are_named() -> None:
    made = plan(desired(image="devbox/box:2"), containers(desired()))
    assert made.act is Act.RECREATE
    assert made.changes == (Change("(image)", "devbox/box:1", "devbox/box:2"),)


def test_a_service_comes_and_goes() -> None:
    assert plan(desired(WITH_DB), containers(desired())).act is Act.RECREATE
    assert plan(desired(), containers(desired(WITH_DB))).act is Act.RECREATE


def test_one_missing_container_is_made_again() -> None:
    made = plan(desired(WITH_DB), containers(desired(WITH_DB))[:1])
    assert (made.act, made.reason) == (Act.RECREATE, "missing: db")


def test_labels_that_are_not_ours_to_read() -> None:
    (found,) = containers(desired())
    broken = replace(found, labels={**found.labels, "devbox.spec": "{", "devbox.config": "x"})
    assert plan(desired(), (broken,)).act is Act.RECREATE


def test_what_comes_and_goes_in_lists_is_shown_apart() -> None:
    old = {"pip": ["a", "b"], "apt": ["jq"], "resources": {"memory": 8 << 30}, "env": {"A": "1"}}
    new = {"pip": ["b", "c"], "resources": {"memory": 1 << 29}, "stop_after": 7200.0, "env": {}}
    assert {change.key: change.lines for change in spec_changes(old, new)} == {
        "apt": ("- jq",),
        "env.A": ("1 -> unset",),
        "pip": ("- a", "+ c"),
        "resources.memory": ("8GiB -> 512MiB",),
        "stop_after": ("unset -> 2h",),
    }
    assert Change("pip", ["a", "b"], ["b", "a"]).lines == ("in another order: b, a",)


def test_ports_mounts_and_services_are_shown_as_they_are_written() -> None:
    spec = replace(
        SPEC,
        ports=(Port(80, 8080),),
        mounts=(Mount("/srv", "/data/srv", read_only=True),),
        services=(Service("db", image="postgres:16"),),
    )
    lines = {change.key: change.lines for change in spec_changes(summary(SPEC), summary(spec))}
    assert lines == {
        "ports": ("+ 127.0.0.1:8080:80/tcp",),
        "mounts": ("+ /srv:/data/srv:ro",),
        "services.db.image": ("unset -> postgres:16",),
        "services.db.name": ("unset -> db",),
    }


VALUES = st.recursive(
    st.one_of(st.integers(), st.text(max_size=5)),
    lambda inner: st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=8,
)
SUMMARIES = st.dictionaries(st.text("abc", min_size=1, max_size=2), VALUES, max_size=4)


@given(SUMMARIES)
def test_a_summary_does_not_differ_from_itself(summary: dict[str, Any]) -> None:
    assert list(spec_changes(summary, summary)) == []


@given(SUMMARIES, SUMMARIES)
def test_changes_are_the_same_both_ways(old: dict[str, Any], new: dict[str, Any]) -> None:
    there = list(spec_changes(old, new))
    assert there == [Change(c.key, c.after, c.before) for c in spec_changes(new, old)]
