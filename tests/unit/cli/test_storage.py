from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from devbox.api import Devbox
from devbox.cli import run
from devbox.errors import UsageError
from devbox.journal.active import start_run
from devbox.storage.blobs import Damaged

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Outside of every project, with a file to keep and a place for it."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "team").mkdir()
    (folder / "survey.csv").write_text("a,b\n1,2\n")
    monkeypatch.chdir(folder)
    return folder


def read(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_locations(tmp_path: Path, capsys: Capture) -> None:
    assert run(["storage", "add", "team", str(tmp_path / "team")]) == 0
    assert run(["storage", "add", "team", str(tmp_path / "team")]) == 2
    assert "already" in capsys.readouterr().err
    (tmp_path / "second").mkdir()
    assert run(["storage", "add", "second", str(tmp_path / "second"), "--json"]) == 0
    assert read(capsys)["default"] is False
    assert run(["storage", "use", "second"]) == 0
    assert run(["storage", "ls", "--json"]) == 0
    assert [(each["name"], each["default"]) for each in read(capsys)] == [
        ("second", True),
        ("team", False),
    ]
    assert run(["storage", "ls", "-q"]) == 0
    assert capsys.readouterr().out == "second\nteam\n"
    assert run(["storage", "rm", "secnd"]) == 2
    assert "Did you mean second?" in capsys.readouterr().err
    assert run(["storage", "rm", "second"]) == 0
    assert run(["storage", "add", "gone", str(tmp_path / "gone")]) == 3
    assert run(["storage", "add", "here", str(tmp_path / "team")]) == 2


def test_data_and_copies(tmp_path: Path, elsewhere: Path, capsys: Capture) -> None:
    assert run(["data", "add", "survey", "survey.csv", "-t", "k=v", "--json"]) == 0
    made = read(capsys)
    assert (made["ref"], made["new"], made["tags"]) == ("survey@1", True, {"k": "v"})
    assert run(["data", "add", "survey", "survey.csv", "-q"]) == 0
    assert capsys.readouterr().out == "survey@1\n"
    assert run(["data", "push", "survey"]) == 2
    assert "There is no storage location" in capsys.readouterr().err
    run(["storage", "add", "team", str(tmp_path / "team")])
    capsys.readouterr()
    assert run(["storage", "cp", "survey@1", "--to", "team", "--json"]) == 0
    assert len(read(capsys)["sent"]) == 2
    assert run(["data", "push", "survey", "--json"]) == 0
    assert len(read(capsys)["there"]) == 2
    assert run(["data", "pull", "survey@1", "--json"]) == 0
    capsys.readouterr()
    assert run(["data", "get", "survey", "out"]) == 0
    assert capsys.readouterr().out.strip() == str(elsewhere / "out" / "survey.csv")
    assert run(["data", "get", "survey", "out"]) == 4
    assert run(["data", "show", "survey", "--files"]) == 0
    assert "survey.csv" in capsys.readouterr().out
    assert run(["data", "ls"]) == 0
    assert run(["data", "ls", "survey", "--json"]) == 0
    capsys.readouterr()
    assert run(["data", "tag", "survey", "k=w", "--remove", "none"]) == 0
    (elsewhere / "survey.csv").write_text("a,b\n3,4\n")
    run(["data", "add", "survey", "survey.csv"])
    capsys.readouterr()
    assert run(["data", "diff", "survey@1", "survey@2", "--json"]) == 0
    assert read(capsys)["changed"] == ["survey.csv"]
    assert run(["data", "rm", "survey@2"]) == 4
    assert run(["data", "rm", "survey@2", "--yes"]) == 0
    assert run(["data", "show", "survey@2"]) == 2


def test_check_names_what_is_wrong(tmp_path: Path, capsys: Capture) -> None:
    run(["storage", "add", "team", str(tmp_path / "team")])
    run(["data", "add", "survey", "survey.csv"])
    run(["data", "push", "survey"])
    capsys.readouterr()
    assert run(["storage", "check", "--read", "--json"]) == 0
    assert [each["damaged"] for each in read(capsys)] == [[], []]
    (blob,) = (path for path in (tmp_path / "team").glob("??/*") if path.stat().st_size == 8)
    blob.chmod(0o644)
    blob.write_bytes(b"88888888")
    assert run(["storage", "check", "team"]) == 0
    capsys.readouterr()
    assert run(["storage", "check", "team", "--read"]) == 1
    assert f"team: damaged {blob.name}" in capsys.readouterr().out
    (tmp_path / "team").rename(tmp_path / "away")
    assert run(["storage", "check"]) == 1
    assert "There is no folder" in capsys.readouterr().out


def test_gc_deletes_only_when_told_to(home: Path, capsys: Capture) -> None:
    with start_run("r", sample_every=None) as made:
        made.log_text("kept", "note.txt")
    run(["data", "add", "survey", "survey.csv"])
    run(["data", "rm", "survey", "--yes"])
    capsys.readouterr()
    assert run(["storage", "gc", "--json"]) == 0
    assert read(capsys)[0]["digests"] == []
    assert run(["storage", "gc", "--grace=-9"]) == 0
    said = capsys.readouterr()
    assert "Nothing was deleted: add --yes." in said.err
    garbage = said.out.split()
    assert len(garbage) == 2
    assert run(["storage", "gc", "--grace=-9", "--yes", "--json"]) == 0
    assert read(capsys)[0]["digests"] == garbage
    assert run(["storage", "gc", "--grace=-9", "--json"]) == 0
    assert read(capsys)[0]["digests"] == []
    assert run(["storage", "check", "here", "--read"]) == 0


def test_what_is_copied_is_named(tmp_path: Path, capsys: Capture) -> None:
    run(["storage", "add", "team", str(tmp_path / "team")])
    with start_run("r", sample_every=None) as made:
        made.log_text("kept", "note.txt")
    capsys.readouterr()
    assert run(["storage", "cp", made.id, "--to", "team", "--json"]) == 0
    assert len(read(capsys)["sent"]) == 1
    assert run(["storage", "cp", "nothing@1"]) == 2
    assert "There is no dataset, model or run nothing@1" in capsys.readouterr().err


def test_the_location_of_a_project(elsewhere: Path, tmp_path: Path, capsys: Capture) -> None:
    for name in ("mine", "team"):
        (tmp_path / name).mkdir(exist_ok=True)
        run(["storage", "add", name, str(tmp_path / name)])
    run(["data", "add", "survey", "survey.csv"])
    toml = elsewhere / "devbox.toml"
    toml.write_text('[storage]\ndefault = "team"\n\n[box]\nprofile = "base"\n')
    capsys.readouterr()
    assert run(["config", "check"]) == 0
    capsys.readouterr()
    assert run(["data", "push", "survey", "--json"]) == 0
    assert read(capsys)["location"] == "team"
    toml.write_text('[box]\nprofile = "base"\n\n[storage]\ndefalt = "team"\n')
    assert run(["data", "push", "survey"]) == 2
    said = capsys.readouterr().err
    assert "devbox.toml:5" in said
    assert "did you mean 'default'?" in said
    toml.write_text('[storage]\ndefault = "tem"\n')
    assert run(["data", "push", "survey"]) == 2
    assert "tem, which devbox.toml names" in capsys.readouterr().err


def test_a_damaged_blob_is_called_so_and_a_bad_name_is_a_usage_error(tmp_path: Path) -> None:
    with Devbox(tmp_path / "h") as door:
        digest = door.storage.blobs.put(io.BytesIO(b"whole"))
        place = door.storage.blobs.path(digest)
        place.chmod(0o644)
        place.write_bytes(b"other")
        with pytest.raises(Damaged, match=digest):
            door.storage.need(digest)
        with pytest.raises(UsageError, match="no name for a dataset"):
            door.data.get("../x")
