"""Files of versions: found to be right, or named and never served."""

from __future__ import annotations

from pathlib import Path

import pytest

from devbox.api import Devbox
from devbox.errors import DevboxError
from devbox.models import Models
from tests.unit.models import whole


@pytest.fixture
def weights(door: Devbox, models: Models, tmp_path: Path) -> Path:
    (tmp_path / "w.bin").write_bytes(whole.WEIGHTS)
    version = models.register("churn", files={"parameters": {"w.bin": tmp_path / "w.bin"}})
    return door.blobs.path(version.files[0].digest)


def test_what_is_right_is_served(models: Models, weights: Path) -> None:
    assert models.verify("churn").ok
    with models.open_file(models.get("churn"), "w.bin", "parameters") as file:
        assert file.read() == whole.WEIGHTS


def test_a_damaged_file_is_named_and_not_served(models: Models, weights: Path) -> None:
    weights.chmod(0o600)
    weights.write_bytes(b"Weights")
    found = models.verify("churn")
    assert not found.ok
    assert [(file.path, file.state) for file in found.files] == [("w.bin", "damaged")]
    with pytest.raises(
        DevboxError, match=rf"w.bin of churn@1 is damaged .blob {weights.name[:12]}"
    ):
        models.open_file(models.get("churn"), "w.bin")


def test_a_missing_file_is_named(models: Models, weights: Path) -> None:
    weights.unlink()
    assert [file.state for file in models.verify("churn").files] == ["missing"]
    with pytest.raises(DevboxError, match=r"w.bin of churn@1 is missing"):
        models.open_file(models.get("churn"), "w.bin")


def test_content_that_a_version_names_is_needed(
    door: Devbox, models: Models, weights: Path
) -> None:
    assert models.digests() == {weights.name}
    assert door.blobs.gc(models.digests(), grace=0).digests == ()
    models.rm("churn")
    assert door.blobs.gc(models.digests(), grace=0).digests == (weights.name,)
