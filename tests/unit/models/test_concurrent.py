"""Several processes on one registry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from devbox.api import Devbox
from devbox.journal.active import start_run
from devbox.journal.ids import new_id
from devbox.models import Models

REGISTER = """
import sys
from pathlib import Path
from devbox.api import Devbox
with Devbox(Path(sys.argv[1])) as door:
    door.state
    print(flush=True)
    sys.stdin.readline()
    for _ in range(25):
        print(door.models.register("churn", tags={"a": "b"}, id=sys.argv[2]).version)
"""

LOOK = """
import sys
from pathlib import Path
from devbox.api import Devbox
with Devbox(Path(sys.argv[1])) as door:
    door.state
    print(flush=True)
    sys.stdin.readline()
    print(*(version.ref for version in door.models.ls()), sep="\\n")
"""


def together(code: str, home: Path, *arguments: str) -> list[list[str]]:
    """What four processes print that begin at the same moment."""
    command = [sys.executable, "-c", code, str(home), *arguments]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    return printed


def test_each_gets_its_own_version(door: Devbox, models: Models) -> None:
    printed = together(REGISTER, door.home, "")
    for numbers in printed:
        assert numbers == sorted(numbers, key=int)
    found = sorted(int(number) for numbers in printed for number in numbers)
    assert found == list(range(1, 101))
    assert models.model("churn").versions == 100


def test_one_id_is_one_version(door: Devbox, models: Models) -> None:
    printed = together(REGISTER, door.home, new_id())
    assert {number for numbers in printed for number in numbers} == {"1"}
    assert models.model("churn").versions == 1


def test_what_runs_ask_for_is_taken_in_once(door: Devbox, models: Models) -> None:
    with start_run(sample_every=None) as run:
        for _ in range(50):
            run.note("model", id=new_id(), name="churn")
    printed = together(LOOK, door.home)
    assert [len(set(refs)) for refs in printed] == [50, 50, 50, 50]
    assert sorted(each.version for each in models.versions("churn")) == list(range(1, 51))
