"""A model is registered by the code that made it, and comes back as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import devbox
from devbox.api import Devbox
from devbox.errors import DevboxError, Refused, UsageError
from devbox.models.records import ModelVersion

X = np.random.default_rng(0).random((40, 2))
Y = (X.sum(axis=1) > 1).astype(int)
ROWS = [{"age": 0.2, "spend": 0.9}, {"age": 0.1, "spend": 0.2}]
SOURCE = """
import numpy as np
FACTOR = 1.0
def featurize(rows):
    return np.array([[row["age"] * FACTOR, row["spend"]] for row in rows])
def predict(model, features):
    return model.predict_proba(features)[:, 1]
def fails(model, features):
    raise KeyError("no such thing")
def changes(rows):
    rows.clear()
    return np.zeros((1, 2))
def weights(state):
    return state["w"] * 2
def dot(w, features):
    return features @ w
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module `scoring`, from which code is imported."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "scoring.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)
    yield folder
    sys.modules.pop("scoring", None)


@pytest.fixture
def model() -> Any:
    return LogisticRegression(C=2.0).fit(X, Y)


@pytest.fixture
def door() -> Iterator[Devbox]:
    with devbox.connect() as opened:
        yield opened


Register = Callable[..., ModelVersion]


@pytest.fixture
def register(door: Devbox, project: Path) -> Register:
    def made(model: Any, **options: Any) -> ModelVersion:
        with devbox.start_run("train", sample_every=None):
            registered = devbox.register_model("churn", model, **options)
        found = door.models.registered(registered.id)
        assert found is not None
        assert registered.version == found.version
        return found

    return made


ENDINGS = (".py", ".skops")
WHOLE = {"featurize": "scoring:featurize", "predict": "scoring:predict", "example": (ROWS,)}


def test_everything_is_registered_and_comes_back(register: Register, model: Any) -> None:
    made = register(
        model,
        **WHOLE,
        data={"train": pd.DataFrame(X, columns=["age", "spend"]), "test": "sales@3"},
        split={"method": "random", "seed": 0},
        tags={"owner": "me", "task": "churn"},
        confusion_matrix=(["no", "yes"], np.array([[3, 1], [0, 4]])),
        description="the first",
    )
    assert set(made.recorded) >= {"definition", "parameters", "functions", "data", "tags"}
    assert (made.description, dict(made.tags)) == ("the first", {"owner": "me", "task": "churn"})
    train, test = made.slots["data"]["inputs"]
    assert (train["rows"], train["schema"]) == (40, {"age": "float", "spend": "float"})
    assert (test["name"], test["version"]) == ("sales", "3")
    assert made.slots["generation"]["hyperparameters"]["C"] == 2.0
    assert made.slots["generation"]["framework_version"]
    matrix = made.slots["experiment"]["confusion_matrix"]
    assert matrix == {"labels": ["no", "yes"], "matrix": [[3, 1], [0, 4]]}
    loaded = devbox.load_model("churn@1", trust_code=True)
    assert (loaded.name, loaded.version) == ("churn", 1)
    expected = model.predict_proba(np.array([[0.2, 0.9], [0.1, 0.2]]))[:, 1]
    assert (loaded(ROWS) == expected).all()
    assert (loaded.predict(loaded.featurize(ROWS)) == expected).all()
    assert (loaded.parameters.predict(X) == model.predict(X)).all()


def test_its_code_runs_only_where_that_is_said(register: Register, model: Any) -> None:
    register(model, **WHOLE)
    loaded = devbox.load_model("churn")
    for call in (loaded, loaded.featurize, loaded.predict):
        with pytest.raises(Refused, match="calling them runs that code") as caught:
            call(ROWS)
        assert "trust_code=True" in caught.value.hint


def test_it_comes_from_what_was_kept(register: Register, model: Any, project: Path) -> None:
    register(model, **WHOLE)
    (project / "scoring.py").write_text("raise RuntimeError")
    sys.modules.pop("scoring", None)
    assert len(devbox.load_model("churn", trust_code=True)(ROWS)) == 2
    assert "scoring" not in sys.modules


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([{"age": 1.0}], "spend is missing"),
        ([{"age": "x", "spend": 1.0}], "age is text, not float"),
        (3, "not a single value"),
    ],
)
def test_an_input_that_does_not_fit(value: Any, told: str, register: Register, model: Any) -> None:
    register(model, **WHOLE)
    with pytest.raises(UsageError, match=told):
        devbox.load_model("churn", trust_code=True)(value)


def test_an_output_that_is_another(register: Register, model: Any) -> None:
    with pytest.raises(UsageError, match=r"do not give the example's output: \[0\]: expected 0.5"):
        register(model, **{**WHOLE, "example": (ROWS, [0.5, 0.5])})
    register(model, **{**WHOLE, "example": (ROWS, [0.5, 0.5])}, tolerance=1.0)


def test_a_function_that_fails(register: Register, model: Any, door: Devbox) -> None:
    with pytest.raises(DevboxError, match=r"predict failed: KeyError: 'no such thing'"):
        register(model, **{**WHOLE, "predict": "scoring:fails"})
    assert door.models.ls() == ()


def test_build_makes_of_the_parameters_what_predict_gets(register: Register) -> None:
    state = {"w": np.array([1.0, 2.0])}
    example = (np.array([[1.0, 1.0]]), [6.0])
    register(state, build="scoring:weights", predict="scoring:dot", example=example)
    loaded = devbox.load_model("churn", trust_code=True)
    assert loaded(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist() == [2.0, 4.0]
    assert loaded.parameters["w"].tolist() == [1.0, 2.0]


def test_without_functions_there_are_the_parameters(register: Register, model: Any) -> None:
    made = register(model)
    assert "functions" not in made.slots
    loaded = devbox.load_model("churn", trust_code=True)
    assert loaded.parameters.C == 2.0
    with pytest.raises(DevboxError, match="was registered without functions"):
        loaded(ROWS)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"featurize": "scoring:featurize"}, "nothing to call"),
        ({"example": (ROWS,)}, "go with predict="),
        ({**WHOLE, "example": ROWS * 2}, r"example is \(input,\)"),
        ({**WHOLE, "tolerance": float("nan")}, "tolerance"),
        ({"tags": {"": "x"}}, "A key has"),
        ({"confusion_matrix": ([0, 1], [[1, 2]])}, "as many rows"),
        ({"data": {"train": 3}}, "no data"),
        ({"data": [1]}, "by role"),
        ({"plots": ["../x.png"]}, "no place for an artifact"),
        ({"split": {"a": "x" * 1_000_000}}, "too much for one note"),
        ({"format": "pickle"}, "runs whatever code"),
    ],
)
def test_what_can_not_be_registered(
    options: dict[str, Any], told: str, register: Register, model: Any, door: Devbox
) -> None:
    with pytest.raises(DevboxError, match=told):
        register(model, **options)
    assert door.models.ls() == ()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a" * 101, "é"])
def test_a_name_is_checked_first(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a model"):
        devbox.register_model(name)


def test_without_a_run_it_has_one_of_its_own(door: Devbox, project: Path, model: Any) -> None:
    registered = devbox.register_model("alone", model)
    made = door.models.registered(registered.id)
    assert made is not None
    run = door.runs.get(made.run)
    assert (run.name, run.status) == ("register alone", "succeeded")


def test_two_versions_in_one_run_keep_their_own_files(door: Devbox, project: Path) -> None:
    with devbox.start_run(sample_every=None):
        for number in (1.0, 2.0):
            devbox.register_model("churn", {"w": np.array([number])})
    found = [devbox.load_model(f"churn@{n}").parameters["w"][0] for n in (1, 2)]
    assert found == [1.0, 2.0]


def test_large_pieces_are_files(register: Register) -> None:
    made = register({f"w{number}": np.zeros(2) for number in range(1200)})
    definition = made.slots["definition"]
    assert (len(definition["layers"]), definition["parameters"]) == (500, 2400)
    (kept,) = [file for file in made.files if file.slot == "definition"]
    assert kept.path == definition["layers_file"]


def test_what_looks_like_a_secret_is_masked(register: Register, model: Any) -> None:
    secret = "hunter2hunter2hunter2"
    made = register(
        model,
        hyperparameters={"db_password": secret, "nested": [{"password": secret}]},
        data={"train": {"uri": f"s3://me:{secret}@host/x", "digest": "sha256:" + "ab" * 32}},
        tags={"password": secret},
        description=f"password={secret}",
    )
    with devbox.connect() as door:
        kept = door.models.get(made.ref)
    assert secret not in repr(kept)
    assert kept.slots["data"]["inputs"][0]["digest"] == "sha256:" + "ab" * 32
    assert kept.slots["generation"]["framework_version"]


def test_a_damaged_or_missing_file_is_named(register: Register, model: Any, door: Devbox) -> None:
    made = register(model, **WHOLE)
    for slot in ("parameters", "functions"):
        file = next(
            file for file in made.files if file.slot == slot and file.path.endswith(ENDINGS)
        )
        path = door.blobs.path(file.digest)
        content = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(content[:-1] + b"!")
        with pytest.raises(DevboxError, match=r"is damaged"):
            devbox.load_model("churn", trust_code=True)
        path.unlink()
        with pytest.raises(DevboxError, match=file.digest[:12]):
            devbox.load_model("churn", trust_code=True)
        path.write_bytes(content)
    devbox.load_model("churn", trust_code=True)


def test_the_operators_settings_say_what_is_trusted(register: Register) -> None:
    from sklearn.tree import DecisionTreeClassifier

    register(DecisionTreeClassifier().fit(X, Y), **WHOLE)
    with pytest.raises(Refused, match=r"churn@1 holds what nobody has said to trust"):
        devbox.load_model("churn")
    Path(os.environ["DEVBOX_CONFIG"]).write_text('models.trusted = ["sklearn.tree._tree.Tree"]\n')
    assert len(devbox.load_model("churn", trust_code=True)(ROWS)) == 2


def test_a_version_that_there_is_not(door: Devbox) -> None:
    with pytest.raises(UsageError, match="churn"):
        devbox.load_model("churn@champion")


SCRIPT = """
import numpy as np
from pathlib import Path
from sklearn.linear_model import LogisticRegression
import devbox

def predict(model, features):
    return model.predict(features).tolist()

if __name__ == "__main__":
    X = np.array([[0.0], [1.0]])
    with devbox.start_run(sample_every=None):
        model = LogisticRegression().fit(X, [0, 1])
        devbox.register_model("script", model, predict=predict, example=(X, [0, 1]))
"""


@pytest.mark.parametrize("how", [["train.py"], ["-m", "jobs.train"]])
def test_functions_of_a_script(how: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "jobs").mkdir(parents=True)
    (folder / "train.py").write_text(SCRIPT)
    (folder / "jobs/train.py").write_text(SCRIPT)
    env = {**os.environ, "PYTHONPATH": str(Path(devbox.__file__).parents[1])}
    subprocess.run([sys.executable, *how], cwd=folder, env=env, check=True)
    loaded = devbox.load_model("script", trust_code=True)
    assert loaded(np.array([[2.0]])) == [1]
    with devbox.connect() as door:
        assert len(door.models.ls()) == 1
        assert len(door.runs.search()) == 1


def test_a_script_without_a_main_block_is_told(tmp_path: Path) -> None:
    bad = SCRIPT.replace('if __name__ == "__main__":', "if True:")
    bad += "\nprint('working')\n"
    (tmp_path / "train.py").write_text(bad)
    env = {**os.environ, "PYTHONPATH": str(Path(devbox.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "works as soon as it is imported" in done.stderr


def test_recorded_code_registers_nothing_when_it_is_imported(
    register: Register, project: Path, door: Devbox
) -> None:
    (project / "late.py").write_text(
        "import os, devbox\nif os.environ.get('LATE'):\n    devbox.register_model('other')\n"
        "def predict(model, x):\n    return x\n"
    )
    register({"w": X}, predict="late:predict", example=(1,))
    sys.modules.pop("late", None)
    os.environ["LATE"] = "1"
    try:
        with pytest.raises(DevboxError, match="as soon as it is imported"):
            devbox.load_model("churn", trust_code=True)
    finally:
        del os.environ["LATE"]
    assert len(door.models.ls()) == 1


def test_a_hostile_record_leads_nowhere(door: Devbox, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("def f(m, x): return x\n")
    for sources in ({"../evil.py": "evil.py"}, {"/evil.py": "evil.py"}, {"evil.py": "other"}, 3):
        door.models.register(
            "evil",
            slots={"functions": {"predict": "evil:f", "sources": sources}},
            files={"functions": {"evil.py": tmp_path / "evil.py"}},
        )
        with pytest.raises(DevboxError):
            devbox.load_model("evil", trust_code=True)
    assert json.dumps(sorted(each.name for each in tmp_path.glob("*.py"))) == '["evil.py"]'
