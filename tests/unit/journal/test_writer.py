"""What was logged is there, however the process that logged it ends."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from devbox.errors import DevboxError
from devbox.journal.ids import is_id, new_id
from devbox.journal.reader import Points, parse
from devbox.journal.run import Run

LOGGER = """
import os
import sys
from pathlib import Path
from devbox.journal.run import Run
run = Run(sys.argv[1], Path(sys.argv[2]))
number = 0
while True:
    run.log_metric("loss", float(number), number)
    number += 1
    os.write(1, b"%d\\n" % number)
"""


def journals(run: Run) -> list[Path]:
    return sorted(run.folder.glob("*.journal"))


def logged(run: Run, key: str) -> list[float]:
    values: list[float] = []
    for journal in journals(run):
        values += parse(journal.read_bytes()).points.get(key, Points()).values
    return values


def test_ids_are_unique_and_in_order() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    assert all(map(is_id, ids))
    assert {number[12] for number in ids} == {"7"}
    assert {number[16] for number in ids} <= set("89ab")


def test_every_point_that_was_logged_survives_a_sigkill(tmp_path: Path) -> None:
    run = Run(new_id(), tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", LOGGER, run.id, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process:
        told = b""
        while told.count(b"\n") < 2000:
            some = os.read(process.stdout.fileno(), 65536)
            assert some, "the logger ended by itself"
            told += some
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read()
    numbers = told.split()
    # Of the last number maybe only half was told.
    values = logged(run, "loss")
    assert len(values) >= len(numbers) - 1
    assert values == [float(number) for number in range(len(values))]


def test_threads_of_one_process_lose_nothing(tmp_path: Path) -> None:
    run = Run(new_id(), tmp_path)

    def log(start: int) -> None:
        for number in range(start, start + 1000):
            run.log_metric("loss", number)

    threads = [threading.Thread(target=log, args=(1000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(logged(run, "loss")) == list(range(4000))
    assert len(journals(run)) == 1


def test_a_forked_child_writes_to_a_journal_of_its_own(tmp_path: Path) -> None:
    # In a process of its own: a fork of the tests' would be a fork with threads.
    script = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from devbox.journal.run import Run
        run = Run(sys.argv[1], Path(sys.argv[2]))
        run.log_metric("loss", 1)
        children = []
        for number in range(3):
            child = os.fork()
            if not child:
                for step in range(100):
                    run.log_metric("loss", step, step)
                os._exit(0)
            children.append(child)
        for step in range(100):
            run.log_metric("loss", step, step)
        for child in children:
            os.waitpid(child, 0)
        """
    )
    run = Run(new_id(), tmp_path)
    subprocess.run([sys.executable, "-c", script, run.id, str(tmp_path)], check=True)
    assert len(journals(run)) == 4
    assert len(logged(run, "loss")) == 401


def test_a_full_disk_is_said_and_loses_nothing_before(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: a write may come short of a record."""
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        from devbox.errors import DevboxError
        from devbox.journal.run import Run
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
        run = Run(sys.argv[1], Path(sys.argv[2]))
        for step in range(10_000):
            run.log_metric("loss", step, step)
        """
    )
    run = Run(new_id(), tmp_path)
    subprocess.run(
        [sys.executable, "-c", script, run.id, str(tmp_path), "10007"], check=True, timeout=60
    )
    # Each journal took what fits; the next one went on with the record that did not.
    assert logged(run, "loss") == [float(step) for step in range(10_000)]
    assert len(journals(run)) > 10
    smallest = subprocess.run(
        [sys.executable, "-c", script, new_id(), str(tmp_path), "10"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "can't be written" in smallest.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevboxError, match="can't be written"):
        Run(new_id(), tmp_path / "file").log_metric("loss", 1)
