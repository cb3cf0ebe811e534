"""What is copied into boxes registers and calls models with an old Python and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.formats.test_check import folder_of
from tests.unit.journal.test_standalone import PARTS, SOURCE, pythons

SCRIPT = """
import sys, devbox
from devbox.formats import filling, model, register, values
open("rules.txt", "w").write("a")
open("rules_code.py", "w").write(
    "from pathlib import Path\\ndef predict(m, x): return {'n': len(Path(m).read_text()) + x}\\n"
)
sys.path.insert(0, ".")
with devbox.start_run(sample_every=None) as run:
    made = devbox.register_model(
        "alone", "rules.txt", predict="rules_code:predict", example=(1, {"n": 2}),
        data={"train": [1, 2]}, tags={"owner": "me"},
    )
outside = {"click", "psutil", "platformdirs", "numpy", "sklearn"} & sys.modules.keys()
print(run.id, made.id, sorted(outside))
"""


@pytest.mark.parametrize("python", pythons())
def test_it_works_by_itself(python: str, tmp_path: Path) -> None:
    package = tmp_path / "lib" / "devbox"
    package.mkdir(parents=True)
    for part in {*PARTS, "formats"}:
        source = SOURCE / part
        if source.is_dir():
            shutil.copytree(source, package / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, package / part)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path / "lib"),
        "DEVBOX_SPOOL": str(tmp_path / "spool"),
        "DEVBOX_CHECK": "1",
    }
    done = subprocess.run(
        [python, "-S", "-c", SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run, made, outside = done.stdout.split(maxsplit=2)
    assert outside.strip() == "[]"
    (journal,) = (tmp_path / "spool" / run).glob("*.journal")
    notes = [json.loads(line) for line in journal.read_bytes().splitlines() if line[:1] == b"{"]
    (note,) = [each for each in notes if each["kind"] == "model"]
    assert (note["id"], note["slots"]["parameters"]["format"]) == (made, "other")
    kept = {each["path"] for each in notes if each["kind"] == "artifact"}
    assert {path for paths in note["files"].values() for path in paths} <= kept
    # The model's files come before what names them.
    assert [each["kind"] for each in notes if each["kind"] != "end"][-1] == "model"
    done = subprocess.run(
        [python, "-S", "-m", "devbox.formats.check", str(folder_of(tmp_path))],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert json.loads(done.stdout)["ok"] is True, done.stdout + done.stderr
