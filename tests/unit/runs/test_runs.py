"""From what was logged to what is found: everything, once, whoever takes it in."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbox.errors import UsageError
from devbox.journal.active import start_run
from devbox.journal.ids import new_id
from devbox.journal.places import spool
from devbox.journal.run import Run
from devbox.runs import Runs
from devbox.state import State
from devbox.storage import Blobs


@pytest.fixture
def state(home: Path) -> Iterator[State]:
    with State(home, actor="tester") as made:
        yield made


@pytest.fixture
def runs(home: Path, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.chdir(tmp_path)  # out of a repository
    return Runs(home, state=lambda: state, blobs=Blobs(home / "blobs"))


def test_a_run_is_found_with_all_that_was_logged(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("weights")
    with start_run("first", experiment="churn", params={"lr": 0.1}, sample_every=None) as run:
        run.set_tag("task", "fraud")
        run.log_metric("loss", 0.5)
        run.log_metric("loss", 0.25)
        run.log_artifact(tmp_path / "model.txt")
        run.log_input("customers", version="3", digest="abc")
    found = runs.get(run.id[:12])
    assert (found.id, found.name, found.experiment) == (run.id, "first", "churn")
    assert (found.status, found.params, found.tags) == (
        "succeeded",
        {"lr": "0.1"},
        {"task": "fraud"},
    )
    assert found.metrics == {"loss": 0.25}
    (artifact,) = found.artifacts
    assert artifact.path == "model.txt"
    with runs._blobs.open(artifact.digest) as file:
        assert file.read() == b"weights"
    assert [(each.name, each.version) for each in found.inputs] == [("customers", "3")]
    assert found.ended is not None
    assert found.started <= found.ended


def test_a_running_run_is_followed(runs: Runs) -> None:
    with start_run(sample_every=None) as run:
        run.log_metric("loss", 1)
        assert runs.get(run.id).status == "running"
        assert len(runs.metric(run.id, "loss")) == 1
        run.log_metric("loss", 2)
        assert list(runs.metric(run.id, "loss").values) == [1, 2]
    assert runs.get(run.id).status == "succeeded"


def test_special_values_equal_points_and_order_are_kept(runs: Runs) -> None:
    with start_run(sample_every=None) as run:
        for value in (math.nan, math.inf, -math.inf, 1.0, 1.0):
            run.log_metric("loss", value, 0, time=100)
        run.log_metric("loss", 7.0, 0, time=50)
    series = runs.metric(run.id, "loss")
    assert series.values[0] == 7.0
    assert math.isnan(series.values[1])
    assert list(series.values[2:]) == [math.inf, -math.inf, 1.0, 1.0]
    assert runs.get(run.id).metrics["loss"] == 1.0


def test_a_metric_whose_last_value_is_no_number(runs: Runs) -> None:
    with start_run(sample_every=None) as run:
        run.log_metric("loss", math.nan)
    assert math.isnan(runs.get(run.id).metrics["loss"])
    assert runs.search("metrics.loss < 1") == ()


LOGGER = """
import sys
from pathlib import Path
from devbox.journal.run import Run
run = Run(sys.argv[1], Path(sys.argv[2]))
for step in range(5000):
    run.log_metric("loss", 1.0, step, time=step)
"""


def test_four_writers_on_one_run_and_key_lose_nothing(runs: Runs) -> None:
    run = new_id()
    writers = [
        subprocess.Popen([sys.executable, "-c", LOGGER, run, str(spool())]) for _ in range(4)
    ]
    # Taken in while they write, by two at once.
    with State(runs._home, actor="other") as other:
        takers = [runs, Runs(runs._home, state=lambda: other, blobs=runs._blobs)]
        while any(writer.poll() is None for writer in writers):
            threads = [threading.Thread(target=each.ingest.everything) for each in takers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    series = runs.metric(run, "loss")
    assert len(series) == 20_000
    assert list(series.steps) == [step for step in range(5000) for _ in range(4)]


ENDLESS = """
import os, time
from devbox.journal.active import start_run
run = start_run("endless", sample_every=None)
run.log_metric("loss", 1)
os.write(1, run.id.encode())
time.sleep(600)
"""


def test_a_run_whose_process_died_is_lost_not_running(runs: Runs) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        run = os.read(process.stdout.fileno(), 100).decode()
        assert runs.get(run).status == "running"
        process.send_signal(signal.SIGKILL)
    found = runs.get(run)
    assert found.status == "lost"
    assert found.ended is not None
    assert found.metrics == {"loss": 1.0}


def test_a_lost_run_whose_child_goes_on_is_running_again(runs: Runs) -> None:
    script = (
        "import os\nfrom devbox.journal.active import start_run\n"
        "os.write(1, start_run(sample_every=None).id.encode())\nos._exit(1)"
    )
    ended = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    run = ended.stdout.decode()
    assert runs.get(run).status == "lost"
    child = Run(run, spool())
    child.log_metric("loss", 1.0)
    found = runs.get(run)
    assert (found.status, found.ended, found.metrics) == ("running", None, {"loss": 1.0})
    child.close()
    assert runs.get(run).status == "lost"


def test_a_child_of_a_fork_keeps_no_dead_run_alive(runs: Runs) -> None:
    script = (
        "import os, time\nfrom devbox.journal.active import start_run\n"
        "run = start_run(sample_every=None)\n"
        "child = os.fork()\n"
        "if not child:\n    time.sleep(600)\n"
        "os.write(1, f'{run.id} {child}'.encode())\ntime.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    run, child = os.read(process.stdout.fileno(), 100).decode().split()
    try:
        assert runs.get(run).status == "running"
        process.kill()
        process.wait()
        assert runs.get(run).status == "lost"
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.stdout.close()


def test_children_are_in_the_experiment_of_their_parent(runs: Runs) -> None:
    with (
        start_run(experiment="churn", sample_every=None) as outer,
        start_run(sample_every=None) as inner,
    ):
        pass
    assert runs.get(inner.id).experiment == "churn"
    assert runs.children(outer.id) == [inner.id]
    assert [run.id for run in runs.search(roots=True)] == [outer.id]
    (experiment,) = [each for each in runs.experiments() if each.name == "churn"]
    assert experiment.runs == 1


def test_runs_are_searched_and_sorted(runs: Runs) -> None:
    for number in range(5):
        with start_run(f"r{number}", params={"lr": 10**-number}, sample_every=None) as run:
            run.log_metric("auc", 0.5 + number / 10)
            run.set_tag("odd", number % 2 == 1)

    def names(where: str = "", order: str = "") -> list[str]:
        return [run.name for run in runs.search(where, order_by=order)]

    assert names() == ["r4", "r3", "r2", "r1", "r0"]
    assert names("metrics.auc > 0.65", "metrics.auc desc") == ["r4", "r3", "r2"]
    assert names("tags.odd = 'True' and not metrics.auc > 0.7") == ["r1"]
    assert names("params.lr <= 0.01", "params.lr") == ["r4", "r3", "r2"]
    assert names("started > '1h' and name in ('r1', 'r2')", "name") == ["r1", "r2"]
    assert names("started > '2100-01-01'") == []


def test_hostile_spools_harm_nothing(runs: Runs, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"kind":"tags","values":{"leaked":"yes"}}\n')
    run = Run(new_id(), spool())
    run.note("start", parent="../../etc", name=3, command="rm", user=["x"])
    run.note("artifact", path="../../escape", sha256="../x", size=-1)
    run.note("end", status="won", error={})
    run.note("params", values={"a": {"b": 1}, "\ud800": "x", "ok": "fine"})
    run.note("code", root="\ud800", deep={"a": {"b": {}}}, commit="c")
    (run.folder / "0.journal").symlink_to(secret)
    os.mkfifo(run.folder / "1.journal")
    (run.folder / "2.journal").mkdir()
    (spool() / "no-id").mkdir()
    (spool() / new_id()).symlink_to("/etc")
    found = runs.get(run.id)
    assert (found.status, found.tags, found.artifacts) == ("running", {}, ())
    assert found.params["ok"] == "fine"
    assert found.code["commit"] == "c"


def test_a_file_that_is_not_what_was_said_is_not_kept(runs: Runs) -> None:
    with start_run(sample_every=None) as run:
        run.log_text("good", "a.txt")
        run.log_text("fine", "b.txt")
        (file, *_) = sorted((run.folder / "artifacts").iterdir())
        file.write_text("evil")
    found = runs.get(run.id)
    assert len(found.artifacts) == 1
    assert found.damaged == 1


def test_runs_that_are_over_leave_the_spool(runs: Runs) -> None:
    with start_run(sample_every=None) as run:
        run.log_metric("loss", 1)
        runs.ingest.everything()
        assert run.folder.exists()
    runs.ingest.everything()
    assert list(spool().iterdir()) == []
    assert list((runs._home / "runs").rglob("*.journal"))
    # Something of it that comes late is taken in all the same.
    late = Run(run.id, spool())
    late.log_metric("loss", 2)
    late.close()
    assert len(runs.metric(run.id, "loss")) == 2


def test_ids_that_are_none_or_several(runs: Runs) -> None:
    with start_run(sample_every=None) as one, start_run(sample_every=None) as two:
        pass
    assert one.id[:6] == two.id[:6]  # made in the same hours
    with pytest.raises(UsageError, match="Several runs"):
        runs.get(one.id[:6])
    for name in ("", "zzzzzz", "' or 1", "ffffffffff", "01"):
        with pytest.raises(UsageError, match="No run"):
            runs.get(name)
    with pytest.raises(UsageError, match="no metric"):
        runs.metric(one.id, "loss")
