"""Models are written and read in formats that run no code; others need consent."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
import safetensors.numpy
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from devbox.errors import DevboxError, Refused, UsageError
from devbox.formats import loading, look, saving

TREE = "sklearn.tree._tree.Tree"
X = np.random.default_rng(0).random((40, 3))
Y = (X.sum(axis=1) > 1.5).astype(int)


class Evil:
    """Leaves a file where it was read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def kept(model: Any, tmp_path: Path, kind: str = "auto", **options: Any) -> tuple[Path, str]:
    chosen = saving.chosen(model, kind, allow_pickle=options.pop("allow_pickle", False))
    return saving.save(model, chosen, tmp_path / "out"), chosen


def load(file: Path, kind: str, **options: Any) -> Any:
    return loading.load(file, kind, name="m@1", **options)


@pytest.fixture
def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)


def test_an_estimator_is_kept_as_skops(pipeline: Any, tmp_path: Path) -> None:
    file, kind = kept(pipeline, tmp_path)
    assert (kind, file.name) == ("skops", "model.skops")
    assert (load(file, kind).predict(X) == pipeline.predict(X)).all()


def test_types_that_nobody_trusts_are_named(tmp_path: Path) -> None:
    forest = RandomForestClassifier(3, random_state=0).fit(X, Y)
    file, kind = kept(forest, tmp_path)
    with pytest.raises(Refused, match=TREE) as caught:
        load(file, kind)
    assert f'trusted=["{TREE}"]' in caught.value.hint
    for trusted in ([TREE], ["sklearn.*"], ["sklearn.tree._tree.*"]):
        assert (load(file, kind, trusted=trusted).predict(X) == forest.predict(X)).all()
    for other in (["sklearn"], ["*"], [".*"], ["sklearn.tree._tree"], ["klearn.*"]):
        with pytest.raises(Refused):
            load(file, kind, trusted=other)


def hostile_skops(file: Path, module: str, name: str, loader: str) -> None:
    """A skops file that would call something when it is read."""
    content = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    argument = content | {"content": '"touch /tmp/never"', "is_json": True, "__id__": 2}
    schema = {
        "__class__": name,
        "__module__": module,
        "__loader__": loader,
        "__id__": 1,
        "content": argument,
        "attrs": argument,
        "reduce": argument,
        "func": {"function": name, "module_path": module},
        "obj": argument,
        "protocol": 2,
        "_skops_version": "0.16.0",
    }
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))


@pytest.mark.parametrize(
    "loader",
    ["ObjectNode", "FunctionNode", "ReduceNode", "MethodNode", "OperatorFuncNode", "TypeNode", "x"],
)
def test_a_hostile_skops_file_runs_nothing(
    tmp_path: Path, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.skops"
    hostile_skops(file, "os", "system", loader)
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    with pytest.raises(DevboxError):
        load(file, "skops")
    assert ran == []


def test_a_function_in_a_skops_file_is_not_imported_unasked(tmp_path: Path) -> None:
    model = FunctionTransformer(func=os.makedirs)
    file, kind = kept(model, tmp_path)
    with pytest.raises(Refused, match=r"os\.makedirs"):
        load(file, kind)
    assert load(file, kind, trusted=["os.makedirs"]).func is os.makedirs


@pytest.mark.parametrize("schema", ["", "[]", "{}", '{"protocol": 2}', "[" * 100_000])
def test_a_damaged_skops_file_is_an_error(tmp_path: Path, schema: str) -> None:
    file = tmp_path / "m.skops"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(DevboxError, match="m@1 can't be loaded as skops"):
        load(file, "skops")


def test_an_old_skops_is_not_used(
    pipeline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, kind = kept(pipeline, tmp_path)
    monkeypatch.setattr(loading, "version", lambda _: "0.11.0")
    with pytest.raises(Refused, match="known holes"):
        load(file, kind)


def test_arrays_are_kept_as_safetensors(tmp_path: Path) -> None:
    state = {"w": X.T[:, ::2], "b": np.arange(3, dtype=np.int8)}
    file, kind = kept(state, tmp_path)
    assert kind == "safetensors"
    found = safetensors.numpy.load_file(file)
    assert all((found[name] == state[name]).all() for name in state)
    assert load(file, kind).keys() == state.keys()


@pytest.mark.parametrize("model", [{"w": 3}, {1: X}])
def test_a_dict_of_anything_is_no_model(model: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no tensors by name"):
        kept(model, tmp_path)


@pytest.mark.parametrize("model", [3, [X], {}, object()])
def test_what_has_no_format_says_what_to_do(model: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no format for a") as caught:
        kept(model, tmp_path)
    assert "register the path" in caught.value.hint


def test_onnx_is_loaded_as_a_session(pipeline: Any, tmp_path: Path) -> None:
    model = to_onnx(pipeline, X[:1].astype(np.float32), options={"zipmap": False})
    file, kind = kept(model, tmp_path)
    assert kind == "onnx"
    session = load(file, kind)
    (labels, _) = session.run(None, {"X": X.astype(np.float32)})
    assert (labels == pipeline.predict(X)).all()
    again, kind = kept(file, tmp_path / "again")
    assert (kind, again.read_bytes()) == ("onnx", file.read_bytes())


def test_a_cut_off_onnx_file_is_an_error(pipeline: Any, tmp_path: Path) -> None:
    model = to_onnx(pipeline, X[:1].astype(np.float32))
    file = tmp_path / "m.onnx"
    file.write_bytes(model.SerializeToString()[:-50])
    with pytest.raises(DevboxError, match="m@1 can't be loaded as onnx"):
        load(file, "onnx")
    with pytest.raises(DevboxError, match=r"m\.onnx is no onnx file"):
        kept(file, tmp_path)


def test_onnx_with_tensors_beside_it_is_not_whole(tmp_path: Path) -> None:
    weights = onnx.numpy_helper.from_array(np.zeros((64, 64), np.float32), "w")
    node = onnx.helper.make_node("Identity", ["w"], ["y"])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [64, 64])
    graph = onnx.helper.make_graph([node], "g", [], [out], [weights])
    file = tmp_path / "m.onnx"
    onnx.save(onnx.helper.make_model(graph), file, save_as_external_data=True, location="w.bin")
    with pytest.raises(UsageError, match="has tensors in files beside it"):
        kept(file, tmp_path)


@pytest.mark.parametrize("kind", ["pickle", "joblib"])
def test_pickles_need_consent_and_a_container(
    kind: str, pipeline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused, match="runs whatever code it holds") as caught:
        kept(pipeline, tmp_path, kind)
    assert "allow_pickle=True" in caught.value.hint
    file, found = kept(pipeline, tmp_path, kind, allow_pickle=True)
    assert found == kind
    for allowed in (False, True):
        with pytest.raises(Refused) as caught:
            load(file, kind, allow_pickle=allowed)
        assert "inside a box only" in caught.value.hint
    monkeypatch.setenv("DEVBOX_BOX", "work")
    with pytest.raises(Refused, match="runs whatever code it holds"):
        load(file, kind)
    assert (load(file, kind, allow_pickle=True).predict(X) == pipeline.predict(X)).all()


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.bin", "m.skops", "m.onnx", "m.txt"])
def test_a_hostile_pickle_is_never_read(name: str, tmp_path: Path) -> None:
    file, mark = tmp_path / name, tmp_path / "ran"
    file.write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(DevboxError):
        kept(file, tmp_path)
    for kind in look.FORMATS:
        with pytest.raises(DevboxError):
            load(file, kind, allow_pickle=True)
    assert not mark.exists()


def test_other_files_are_kept_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "rules.txt"
    file.write_text("a -> b")
    copy, kind = kept(str(file), tmp_path)
    assert (kind, copy.name, load(copy, kind)) == ("other", "rules.txt", copy)


@pytest.mark.parametrize("path", ["nothing.onnx", "."])
def test_a_path_that_is_no_file(path: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        kept(tmp_path / path, tmp_path)


def test_a_format_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no format of models"):
        kept(X, tmp_path, "tar")


def test_a_format_that_does_not_fit(pipeline: Any, tmp_path: Path) -> None:
    for kind in ("onnx", "safetensors", "other"):
        with pytest.raises(DevboxError):
            kept(pipeline, tmp_path, kind)
    with pytest.raises(DevboxError, match="can't be written as pickle"):
        kept(lambda: 1, tmp_path, "pickle", allow_pickle=True)


def test_a_file_of_joblib_is_one_by_its_ending(tmp_path: Path) -> None:
    file = tmp_path / "m.joblib"
    joblib.dump({"a": 1}, file, compress=3)
    with pytest.raises(Refused, match="A model in joblib"):
        kept(file, tmp_path)
