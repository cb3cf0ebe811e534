"""From a spec to a Compose document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes import compose
from devbox.boxes.compose import Surroundings, document_hash
from devbox.boxes.identity import BoxId, User
from devbox.config.spec import BoxSpec, Gpu, HealthCheck, Hooks, Mount, Port, Resources, Service

BOX = BoxId("ada", "churn")
SPEC = BoxSpec(name="churn", project=Path("/home/ada/churn"), profile="python")


AROUND = Surroundings(image="devbox/box:1", user=User(1000, 1000))


def document(spec: BoxSpec = SPEC, **changes: Any) -> dict[str, Any]:
    return compose.document(BOX, spec, replace(AROUND, **changes))


def own(spec: BoxSpec = SPEC, **changes: Any) -> dict[str, Any]:
    entry: dict[str, Any] = document(spec, **changes)["services"]["box"]
    return entry


def test_names_follow_owner_and_box() -> None:
    doc = document()
    assert doc["name"] == "devbox-ada_churn"
    assert doc["volumes"]["home"] == {"name": "devbox-ada_churn-home", "external": True}
    assert doc["volumes"]["cache"]["name"] == "devbox-ada-cache-1000"


def test_only_a_box_that_stops_by_itself_is_told_when() -> None:
    stopping = own(replace(SPEC, stop_after=0.5))
    assert stopping["environment"]["DEVBOX_STOP_AFTER"] == "1"
    assert stopping["labels"]["devbox.stop_after"] == "1"
    assert "DEVBOX_STOP_AFTER" not in own()["environment"]
    assert "devbox.stop_after" not in own()["labels"]


def test_the_workspace_is_mounted_and_never_created() -> None:
    assert document()["services"]["box"]["volumes"][0] == {
        "type": "bind",
        "source": "/home/ada/churn",
        "target": "/workspace",
        "bind": {"create_host_path": False},
    }


def test_limits_ports_and_mounts() -> None:
    spec = replace(
        SPEC,
        resources=Resources(cpus=1.5, memory=1 << 30, shm_size=1 << 28),
        ports=(Port(8888), Port(80, host=8080, protocol="udp")),
        data=(Mount("/srv/data", "/data/big", read_only=True),),
        mounts=(Mount("scratch", "/scratch", volume=True),),
    )
    doc = document(spec)
    entry = doc["services"]["box"]
    assert (entry["cpus"], entry["mem_limit"], entry["shm_size"]) == (1.5, 1 << 30, 1 << 28)
    assert entry["ports"][0] == {"target": 8888, "host_ip": "127.0.0.1", "protocol": "tcp"}
    assert entry["ports"][1]["published"] == "8080"
    assert {"type": "volume", "source": "volume-scratch", "target": "/scratch"} in entry["volumes"]
    assert doc["volumes"]["volume-scratch"]["name"] == "devbox-ada_churn_scratch"
    data = next(mount for mount in entry["volumes"] if mount["target"] == "/data/big")
    assert data["read_only"] is True


def test_gpus_by_driver_or_cdi() -> None:
    spec = replace(SPEC, resources=Resources(gpus=Gpu.COUNT, gpu_count=2))
    (device,) = own(spec)["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    (device,) = own(spec, cdi=True)["deploy"]["resources"]["reservations"]["devices"]
    assert device["device_ids"] == ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]
    assert "deploy" not in own(replace(SPEC, resources=Resources(gpus=Gpu.NONE)))


def test_services_wait_for_each_other() -> None:
    check = HealthCheck("pg_isready")
    spec = replace(
        SPEC,
        services=(
            Service("db", image="postgres:16", healthcheck=check),
            Service("api", image="api:1", after=("db",), command=("serve", "--port", "80")),
        ),
    )
    services = document(spec)["services"]
    assert services["db"]["healthcheck"]["test"] == ["CMD-SHELL", "pg_isready"]
    assert services["api"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    # The box itself starts at once: its hooks wait, not its container.
    assert "depends_on" not in services["box"]


def test_a_dollar_is_never_interpolated() -> None:
    assert own(replace(SPEC, env={"PRICE": "$HOME ${X}"}))["environment"]["PRICE"] == (
        "$$HOME $${X}"
    )


def test_the_hash_covers_all_but_labels() -> None:
    before = document_hash(document())
    assert document_hash(document()) == before
    for changed in (
        replace(SPEC, env={"A": "1"}),
        replace(SPEC, resources=Resources(memory=1 << 30)),
        replace(SPEC, ports=(Port(1),)),
    ):
        assert document_hash(document(changed)) != before
    assert document_hash(document(image="devbox/box:2")) != before
    assert document_hash(document(user=User(0, 0))) != before
    hooks = Hooks(on_start=("make serve",))
    assert document_hash(document(replace(SPEC, hooks=hooks))) != before
    assert document_hash(document(replace(SPEC, profile="other"))) != before


def test_secrets_are_only_named() -> None:
    spec = replace(SPEC, secrets=("HF_TOKEN",))
    assert json.loads(own(spec)["labels"]["devbox.spec"])["secrets"] == ["HF_TOKEN"]
    assert "HF_TOKEN" not in own(spec)["environment"]


@given(st.dictionaries(st.from_regex(r"\A[A-Z_]{1,8}\Z"), st.text(max_size=40), max_size=4))
def test_any_value_survives_the_way_through_yaml(env: dict[str, str]) -> None:
    doc = document(replace(SPEC, env=env))
    read = yaml.safe_load(yaml.safe_dump(doc))["services"]["box"]["environment"]
    for name, value in env.items():
        if "$" not in value:
            assert read[name] == value
        assert read[name].replace("$$", "$") == value
