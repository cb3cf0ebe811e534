"""A Docker engine, reached through its API."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.compute.engine import endpoint, execs, records
from devbox.compute.engine.faults import Conflict, EngineError, NotFound
from devbox.compute.engine.http import CHUNK, Http
from devbox.compute.engine.quoting import quote
from devbox.compute.engine.types import Container, Exec, ExecResult, FileChange, Held
from devbox.progress import Report, silent

if TYPE_CHECKING:
    from devbox.compute.engine.ahead import Ahead
    from devbox.compute.engine.facts import EngineInfo
    from devbox.compute.engine.reports import (
        BuildRequest,
        EngineEvent,
        HeldRequest,
        Image,
        LogLine,
        Sample,
        Volume,
    )

SHORT = 5.0
CHANGED = ("modified", "added", "deleted")
"""What the API's numbers mean."""


class DockerEngine:
    """See :class:`devbox.compute.engine.types.Engine`. Without an endpoint it is the engine
    that ``docker`` would use here; nothing is connected before the first call."""

    def __init__(self, at: endpoint.Endpoint | None = None) -> None:
        self._endpoint = at or endpoint.find()
        self.http = Http(self._endpoint)
        self.address = self._endpoint.address
        self._ahead: Ahead[EngineInfo] | None = None

    def close(self) -> None:
        """Close the connections that are kept for the next call."""
        self.http.close()

    def abort(self) -> None:
        self.http.abort()

    def fresh(self) -> DockerEngine:
        return DockerEngine(self._endpoint)

    def look_ahead(self) -> None:
        from devbox.compute.engine.ahead import Ahead

        self._ahead = Ahead(self.fresh().info)

    def info(self) -> EngineInfo:
        if ahead := self._ahead:
            self._ahead = None
            return ahead.result()
        from devbox.compute.engine.facts import engine_info

        return engine_info(self.http)

    def ping(self) -> None:
        with self.http.stream("GET", "/_ping", timeout=SHORT) as response:
            response.read()

    # Containers

    def containers(self, labels: Mapping[str, str]) -> tuple[Container, ...]:
        query = {"all": "1", "filters": _filters(labels)}
        return tuple(map(records.listed, self.http.json("GET", "/containers/json", query)))

    def container(self, ref: str) -> Container | None:
        try:
            return records.inspected(self.http.json("GET", f"{_container(ref)}/json"))
        except NotFound:
            return None

    def start(self, ref: str) -> None:
        self.http.json("POST", f"{_container(ref)}/start")

    def stop(self, ref: str, timeout: int = 10) -> None:
        self.http.json("POST", f"{_container(ref)}/stop", {"t": timeout}, timeout=timeout + 60)
        # The engine answers a moment before its own listings say so.
        query = {"filters": json.dumps({"id": [ref], "status": ["running"]})}
        deadline = time.monotonic() + SHORT
        while self.http.json("GET", "/containers/json", query) and time.monotonic() < deadline:
            time.sleep(0.005)

    def unpause(self, ref: str) -> None:
        self.http.json("POST", f"{_container(ref)}/unpause")

    def remove(self, ref: str, *, force: bool = False) -> None:
        # v=1 removes its anonymous volumes, never named ones.
        query = {"force": str(int(force)), "v": "1"}
        try:
            self.http.json("DELETE", _container(ref), query)
        except NotFound:
            return
        except Conflict as error:
            if "already in progress" not in error.message:
                raise
            self._await_removal(ref)

    def _await_removal(self, ref: str) -> None:
        deadline = time.monotonic() + 60
        while self.container(ref) is not None:
            if time.monotonic() > deadline:
                raise EngineError(f"The engine does not get done with removing {ref}.")
            time.sleep(0.05)

    def hold(self, request: HeldRequest) -> Held:
        from devbox.compute.engine.held import hold

        return hold(self.http, request)

    def commit(self, ref: str, tag: str, labels: Mapping[str, str]) -> None:
        from devbox.compute.engine.held import commit

        commit(self.http, ref, tag, labels)

    def processes(self, ref: str) -> tuple[Mapping[str, str], ...]:
        answer = self.http.json("GET", f"{_container(ref)}/top")
        titles = answer["Titles"]
        return tuple(dict(zip(titles, row, strict=False)) for row in answer["Processes"] or ())

    # Commands in containers

    def exec(
        self,
        ref: str,
        argv: Sequence[str],
        *,
        user: str = "",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        tty: bool = False,
        stdin: bool = False,
        size: tuple[int, int] | None = None,
    ) -> Exec:
        return execs.start(
            self.http,
            ref,
            argv,
            user=user,
            cwd=cwd,
            env=env,
            tty=tty,
            stdin=stdin,
            size=size,
        )

    def call(
        self,
        ref: str,
        argv: Sequence[str],
        *,
        user: str = "",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        input: bytes | None = None,  # noqa: A002 - as subprocess calls it
        timeout: float | None = None,
    ) -> ExecResult:
        return execs.call(
            self.http, ref, argv, user=user, cwd=cwd, env=env, input=input, timeout=timeout
        )

    # What they do

    def logs(
        self,
        ref: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float = 0.0,
        timestamps: bool = False,
    ) -> Iterator[LogLine]:
        from devbox.compute.engine import logs

        return logs.logs(
            self.http, ref, follow=follow, tail=tail, since=since, timestamps=timestamps
        )

    def sample(self, ref: str) -> Sample:
        from devbox.compute.engine import reports

        return reports.sample(self.http.json("GET", f"{_container(ref)}/stats", {"stream": "0"}))

    def samples(self, ref: str) -> Iterator[Sample]:
        from devbox.compute.engine import reports

        with self.http.stream("GET", f"{_container(ref)}/stats", {"stream": "1"}) as response:
            for data in response.objects():
                # The first reading has none before it to compare with; after the end of the
                # container the engine goes on sending readings without a limit.
                if not (data.get("memory_stats") or {}).get("limit"):
                    return
                if (data.get("precpu_stats") or {}).get("system_cpu_usage"):
                    yield reports.sample(data)

    def events(
        self, labels: Mapping[str, str], *, since: float = 0.0, until: float | None = None
    ) -> Iterator[EngineEvent]:
        from devbox.compute.engine import reports

        query = {"filters": _filters(labels)}
        if since:
            query["since"] = f"{since:.9f}"
        if until is not None:
            query["until"] = f"{until:.9f}"
        with self.http.stream("GET", "/events", query) as response:
            yield from map(reports.event, response.objects())

    def put(self, ref: str, folder: str, archive: Iterator[bytes]) -> None:
        with self.http.stream(
            "PUT",
            f"{_container(ref)}/archive",
            {"path": folder},
            archive,
            content_type="application/x-tar",
        ) as response:
            response.read()

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        query = {"path": path}
        with self.http.stream("GET", f"{_container(ref)}/archive", query) as response:
            yield from response.chunks()

    def changes(self, ref: str) -> tuple[FileChange, ...]:
        answer = self.http.json("GET", f"{_container(ref)}/changes", timeout=None)
        return tuple(FileChange(each["Path"], CHANGED[each["Kind"]]) for each in answer or ())

    # Images

    def image(self, ref: str) -> Image | None:
        from devbox.compute.engine import reports

        try:
            return reports.image(self.http.json("GET", f"{_image(ref)}/json"))
        except NotFound:
            return None

    def images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        from devbox.compute.engine import reports

        found = self.http.json("GET", "/images/json", {"filters": _filters(labels)})
        users = [container.image_id for container in self.containers({})]
        return tuple(reports.image(data, users.count(data["Id"])) for data in found)

    def pull(self, ref: str, *, platform: str = "", report: Report = silent) -> None:
        from devbox.compute.engine.pull import pull

        pull(self.address, ref, platform, report)

    def import_image(self, archive: Path, tag: str, changes: Sequence[str] = ()) -> str:
        repository, _, name = tag.rpartition(":")
        query: list[tuple[str, object]] = [("fromSrc", "-"), ("repo", repository), ("tag", name)]
        query += [("changes", change) for change in changes]
        with archive.open("rb") as file:
            pieces = iter(lambda: file.read(CHUNK * 16), b"")
            with self.http.stream(
                "POST", "/images/create", query, pieces, content_type="application/x-tar"
            ) as response:
                for step in response.objects():
                    if "error" in step:
                        raise EngineError(f"{archive} cannot be imported: {step['error']}")
        made = self.image(tag)
        assert made is not None
        return made.id

    def tag(self, ref: str, tag: str) -> None:
        repository, _, name = tag.rpartition(":")
        self.http.json("POST", f"{_image(ref)}/tag", {"repo": repository, "tag": name})

    def remove_image(self, ref: str) -> int:
        before = self.image(ref)
        try:
            answer = self.http.json("DELETE", _image(ref))
        except NotFound:
            return 0
        deleted = before and any(step.get("Deleted") == before.id for step in answer or ())
        return before.size if before and deleted else 0

    def build(self, request: BuildRequest, report: Report = silent) -> None:
        from devbox.compute.engine.build import build

        build(self.address, request, report)

    def prune_build_cache(self) -> int:
        answer = self.http.json("POST", "/build/prune", {"all": "1"}, timeout=None)
        return int(answer.get("SpaceReclaimed") or 0)

    # Volumes

    def volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        from devbox.compute.engine import reports

        answer = self.http.json("GET", "/volumes", {"filters": _filters(labels)})
        return tuple(map(reports.volume, answer["Volumes"] or ()))

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self.http.json("POST", "/volumes/create", body={"Name": name, "Labels": dict(labels)})

    def remove_volume(self, name: str) -> None:
        try:
            self.http.json("DELETE", f"/volumes/{quote(name)}")
        except NotFound:
            return

    def usage(self) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.http.json("GET", "/system/df", timeout=None)
        return answer

    # Compose projects

    def compose_up(self, project: str, file: Path, *, report: Report = silent) -> None:
        from devbox.compute.engine import compose

        compose.up(self.address, project, file, report)

    def compose_down(self, project: str, *, report: Report = silent) -> None:
        from devbox.compute.engine import compose

        compose.down(self.address, project, report)


def _container(ref: str) -> str:
    if not ref:
        raise NotFound("There is no container without a name.")
    return f"/containers/{quote(ref)}"


def _image(ref: str) -> str:
    if not ref:
        raise NotFound("There is no image without a name.")
    return f"/images/{quote(ref, safe='/:@')}"


def _filters(labels: Mapping[str, str]) -> str:
    wanted = [f"{name}={value}" if value else name for name, value in labels.items()]
    return json.dumps({"label": wanted} if wanted else {})
