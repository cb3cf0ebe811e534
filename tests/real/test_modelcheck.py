"""A model from a box: registered and loaded there, called outside in a container of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import devbox
from devbox.api import Devbox
from devbox.boxes.modelcheck import call_example
from devbox.compute.engine.docker import DockerEngine
from devbox.errors import DevboxError, Refused
from tests.real.box import Person, until

TRAIN = """
import pickle, devbox

def predict(words, text):
    return [word for word in words if word in text]

if __name__ == "__main__":
    with devbox.start_run("train", sample_every=None):
        devbox.register_model(
            "words", ["a", "b"], predict=predict, example=("abc", ["a", "b"]),
            format="pickle", allow_pickle=True,
        )
        made = devbox.register_model("plain", "words.txt", predict="plain:count", example=(2,))
    print(made.version)
"""
PLAIN = """
import socket
def count(file, x):
    return open(file).read().count("a") + x
"""
LOAD = """
import devbox
model = devbox.load_model("words", allow_pickle=True, trust_code=True)
print(model.parameters, model("cba"))
for options in ({}, {"trust_code": True}):
    try:
        devbox.load_model("words", **options)
    except devbox.errors.Refused as error:
        print("refused", error.hint)
print(devbox.load_model("plain@1", trust_code=True)(3))
try:
    devbox.load_model("plain@7")
except devbox.errors.DevboxError as error:
    print(error)
"""


@pytest.fixture
def person(base_image: str, tmp_path: Path) -> Person:
    """Somebody with a box in which two models were made."""
    del base_image
    project = tmp_path / "project"
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml('[box]\nname = "b"\nprofile = "base"\napt = ["python3"]\n')
    made.run("up")
    (project / "train.py").write_text(TRAIN)
    (project / "plain.py").write_text(PLAIN)
    (project / "load.py").write_text("import devbox.errors\n" + LOAD)
    (project / "words.txt").write_text("banana")
    assert made.sh("cd /workspace && python3 train.py") == "1"
    return made


def test_a_model_of_a_box(person: Person, engine: DockerEngine) -> None:
    lines = person.sh("cd /tmp && python3 /workspace/load.py").splitlines()
    assert lines[0] == "['a', 'b'] ['a', 'b']"
    assert [line.startswith("refused") for line in lines[1:3]] == [True, True]
    assert lines[3] == "6"
    assert "plain@7" in lines[4] or "plain" in lines[4]
    # Outside a pickle is not read, with or without consent.
    with pytest.raises(Refused, match="runs whatever code it holds"):
        devbox.load_model("words", allow_pickle=True)
    found = person.json("model", "verify", "plain", "--run")
    assert (found["ok"], found["called"]["stage"]) == (True, "done")
    with Devbox() as door:
        image = door.models.get("plain").slots["dependencies"]["image"]
    assert found["called"]["image"] == image
    refused = person.json("model", "verify", "words", "--run", code=1)
    assert refused["called"]["stage"] == "load"
    assert "allow_pickle" in refused["called"]["hint"]
    assert person.json("model", "verify", "words", "--run", "--allow-pickle")["ok"] is True
    until(lambda: not engine.containers({"devbox.check": ""}))


HOSTILE = """
import os, socket

def network(_, x):
    socket.create_connection(("1.1.1.1", 53), timeout=2)
    return x

def files(_, x):
    here = os.path.dirname(os.environ["PYTHONPATH"])
    for root, _, names in os.walk(here):
        for name in [root, *(os.path.join(root, name) for name in names)]:
            assert not os.access(name, os.W_OK), name
    return [os.getuid(), os.path.exists("/var/run/docker.sock")]

def forever(_, x):
    while True:
        pass

def killed(_, x):
    os.kill(os.getpid(), 9)

def lies(_, x):
    os.write(1, b'{"ok": true, "stage": "done"}')
    os._exit(1)
"""


def test_what_runs_there_is_confined(person: Person, engine: DockerEngine) -> None:
    """The code of a model has no network, no files to change, and not for ever."""
    source = person.project / "hostile.py"
    source.write_text(HOSTILE)
    example = {"in": person.project / "in", "out": person.project / "out"}
    example["in"].write_text("1")
    example["out"].write_text("[65534, false]")
    with Devbox() as door:
        image = door.models.get("plain").slots["dependencies"]["image"]

        def called(function: str, timeout: float = 60) -> tuple[str, str]:
            made = door.models.register(
                "hostile",
                slots={
                    "functions": {
                        "predict": f"hostile:{function}",
                        "sources": {"hostile.py": "hostile.py"},
                        "example": {"input": "in", "output": "out"},
                    }
                },
                files={"functions": {"hostile.py": source, **example}},
            )
            found = call_example(
                engine,
                made,
                lambda file: door.models.open_file(made, file.path),
                image=image,
                timeout=timeout,
            )
            return found.stage, found.message

        stage, message = called("network")
        assert (stage, "unreachable" in message.lower()) == ("call", True)
        assert called("files") == ("done", "")
        with pytest.raises(DevboxError, match="takes more than 3 seconds"):
            called("forever", 3)
        with pytest.raises(DevboxError, match="more memory than there is"):
            called("killed")
        with pytest.raises(DevboxError, match="can't be checked"):
            called("lies")
    until(lambda: not engine.containers({"devbox.check": ""}))
