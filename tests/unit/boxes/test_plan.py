"""What `up` decides to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.compose import Desired, document
from devbox.boxes.identity import BoxId, User
from devbox.boxes.plan import Act, Change, Plan, make_plan, spec_changes
from devbox.compute.engine.types import Container
from devbox.config.spec import BoxSpec, Service

BOX = BoxId("ada", "churn")
SPEC = BoxSpec(name="churn", project=Path("/p"), profile="python", env={"COLOR": "red"})
WITH_DB = replace(SPEC, services=(Service("db", image="postgres:16"),))


def doc(spec: BoxSpec = SPEC, image: str = "devbox/box:1") -> dict[str, Any]:
    return document(Desired(id=BOX, spec=spec, image=image, user=User(0, 0), environment={}))


def containers(document: dict[str, Any], state: str = "running") -> list[Container]:
    return [
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
        for name, entry in document["services"].items()
    ]


def plan(now: dict[str, Any], found: list[Container], spec: BoxSpec = SPEC, **more: Any) -> Plan:
    return make_plan(BOX, spec, now, containers=found, **{"build": (), "finished": True, **more})


def test_nothing_there() -> None:
    made = plan(doc(), [], build=["devbox/box:1"])
    assert made.act is Act.CREATE
    assert made.build == ("devbox/box:1",)
    assert not made.empty


def test_unchanged_and_finished() -> None:
    assert plan(doc(), containers(doc())).empty


def test_an_interrupted_start_is_finished() -> None:
    assert plan(doc(), containers(doc()), finished=False).act is Act.FINISH


def test_stopped() -> None:
    made = plan(doc(), containers(doc(), "exited"))
    assert (made.act, made.reason) == (Act.START, "not running: box")


def test_a_changed_setting_is_named() -> None:
    changed = replace(SPEC, env={"COLOR": "blue"})
    made = plan(doc(changed), containers(doc()), changed)
    assert made.act is Act.RECREATE
    assert made.changes == (Change("env.COLOR", "red", "blue"),)


def test_changed_files_of_an_image_are_named() -> None:
    made = plan(doc(image="devbox/box:2"), containers(doc()))
    assert made.act is Act.RECREATE
    assert made.changes == (Change("(image)", "devbox/box:1", "devbox/box:2"),)


def test_a_service_comes_and_goes() -> None:
    assert plan(doc(WITH_DB), containers(doc()), WITH_DB).act is Act.RECREATE
    assert plan(doc(), containers(doc(WITH_DB))).act is Act.RECREATE


def test_one_missing_container_is_made_again() -> None:
    made = plan(doc(WITH_DB), containers(doc(WITH_DB))[:1], WITH_DB)
    assert (made.act, made.reason) == (Act.RECREATE, "missing: db")


def test_labels_that_are_not_ours_to_read() -> None:
    (found,) = containers(doc())
    broken = replace(found, labels={**found.labels, "devbox.spec": "{", "devbox.config": "x"})
    assert plan(doc(), [broken]).act is Act.RECREATE


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
