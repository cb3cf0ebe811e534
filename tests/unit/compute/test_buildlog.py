"""BuildKit's plain output, as real builds wrote it."""

from __future__ import annotations

from pathlib import Path

from devbox.compute.engine.build import arguments, failure
from devbox.compute.engine.buildlog import BuildLog
from devbox.compute.engine.reports import BuildRequest
from devbox.progress import Progress

FAILING = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 206B done
#1 DONE 0.0s

#2 [internal] load metadata for registry.example/library/debian:bookworm-slim
#2 DONE 0.0s

#4 [one 1/2] FROM registry.example/library/debian:bookworm-slim
#4 CACHED

#5 [one 2/2] RUN printf "a\\rb\\n"
#5 0.169 start
#5 0.171 10 %\r20 %\r100 %

#6 [stage-1 1/1] RUN <<EOF (echo hello...)
#6 0.238 hello

#5 [one 2/2] RUN printf "a\\rb\\n"
#5 DONE 0.4s

#6 [stage-1 1/1] RUN <<EOF (echo hello...)
#6 0.240 could not fetch
#6 ERROR: process "/bin/sh -c echo hello" did not complete successfully: exit code: 1
------
 > [stage-1 1/1] RUN <<EOF (echo hello...):
0.238 hello
------
Dockerfile:4
--------------------
   4 | >>> RUN <<EOF
--------------------
ERROR: failed to solve: process "/bin/sh -c echo hello" did not complete successfully: exit code: 1
"""


def read(text: str) -> tuple[BuildLog, list[Progress]]:
    log = BuildLog("t:1")
    told = [log.feed(line) for line in text.split("\n")]
    return log, [each for each in told if each]


def test_steps_and_output() -> None:
    _, told = read(FAILING)
    assert [(p.text, p.current, p.total) for p in told if not p.log] == [
        ("FROM registry.example/library/debian:bookworm-slim", 1, 2),
        ('RUN printf "a\\rb\\n"', 2, 2),
        ("RUN <<EOF (echo hello...)", 1, 1),
    ]
    assert [p.text for p in told if p.log] == ["start", "100 %", "hello", "could not fetch"]


def test_a_failed_step() -> None:
    error = failure(read(FAILING)[0])
    assert error.step == "[stage-1 1/1] RUN <<EOF (echo hello...)"
    assert error.message == "Building t:1 failed at [stage-1 1/1] RUN <<EOF (echo hello...)"
    assert error.detail[:2] == ("hello", "could not fetch")
    assert "exit code: 1" in error.detail[-1]


def test_a_dockerfile_that_does_not_parse() -> None:
    text = """\
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
Dockerfile:2
--------------------
   2 | >>> FOO x
--------------------
ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: FOO
"""
    error = failure(read(text)[0])
    assert "line 2: unknown instruction: FOO" in error.message
    assert error.detail == ("Dockerfile:2", "   2 | >>> FOO x")


def test_hints() -> None:
    for line, word in (
        ("dd: writing: No space left on device", "devbox df"),
        ("E: Temporary failure resolving 'deb.example'", "proxy"),
        ("SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed", "proxy"),
        ("make: *** Error 1", ""),
    ):
        text = f"#5 [2/2] RUN x\n#5 0.1 {line}\n#5 ERROR: process failed: exit code: 1\n"
        hint = failure(read(text)[0]).hint
        assert word in hint if word else not hint


def test_a_base_image_that_is_not_there() -> None:
    text = """\
#2 [internal] load metadata for registry.example/library/nosuch:1
#2 ERROR: registry.example/library/nosuch:1: not found
------
ERROR: failed to solve: nosuch:1: registry.example/library/nosuch:1: not found
"""
    error = failure(read(text)[0])
    assert (error.image, error.unreachable) == ("registry.example/library/nosuch:1", False)
    assert "There is no image" in error.message


def test_no_output_at_all() -> None:
    error = failure(BuildLog("t:1"))
    assert error.message == "Building t:1 failed: the builder gave no reason"
    assert "devbox doctor" in error.hint


def test_a_full_disk_behind_the_words_of_runc() -> None:
    text = (
        "#5 [2/2] RUN x\n#5 ERROR: process failed: runc did not terminate successfully: "
        "exit status 1: mkdir /var/lib/x: no space left on device\n"
    )
    error = failure(read(text)[0])
    assert error.message == "Building t:1 failed at [2/2] RUN x: the engine's disk is full."
    assert error.step == "[2/2] RUN x"


def test_what_must_not_be_seen_is_no_argument() -> None:
    request = BuildRequest(
        "t:1",
        Path("/c"),
        "FROM x",
        args={"A": "1"},
        secrets={"s": b"hush"},
        proxies={"HTTP_PROXY": "http://user:word@p"},
        contexts={"wheels": "/w"},
        platform="linux/arm64",
        target="last",
        no_cache=True,
    )
    words = " ".join(arguments(request))
    assert "hush" not in words
    assert "word" not in words
    assert "--build-arg A=1 --build-arg HTTP_PROXY --build-context wheels=/w" in words
    assert words.endswith("--platform linux/arm64 --target last --no-cache")
