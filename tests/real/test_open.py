"""Programs with a page and forwarded ports: a real browser, a real ssh, real boxes."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import psutil
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Route, sync_playwright

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person, until

# What a base image has to serve with: no Python, but Perl.
SERVER = r"""
use IO::Socket::INET;
my $server = IO::Socket::INET->new(
    LocalAddr => $ARGV[0], LocalPort => $ARGV[1], Listen => 5, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
    while (my $line = <$client>) { last if $line =~ /^\r?\n$/; }
    print $client "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    close $client;
}
"""
EVENTS = """
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter("runs/first")
value = Summary.Value(tag="validation_loss", simple_value=0.25)
writer.add_event(Event(step=1, wall_time=1.0, summary=Summary(value=[value])))
writer.close()
"""


def person_with(tmp_path: Path, name: str, text: str) -> Person:
    project = tmp_path / name
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml(f'[box]\nname = "{name}"\n{text}')
    made.run("up")
    return made


@pytest.fixture
def person(engine: DockerEngine, base_image: str, tmp_path: Path) -> Iterator[Person]:
    made = person_with(tmp_path, "b", 'profile = "base"\n')
    yield made
    made.run("ports", "--stop")


@pytest.fixture
def browser() -> Iterator[Page]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium", pytrace=False)
        pytest.skip("NO CHROMIUM")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page()
        page.set_default_timeout(60_000)
        page.route("**/*", answer)
        yield page
        page.unroute_all(behavior="ignoreErrors")
        chromium.close()


def answer(route: Route) -> None:
    """Let the driver make the requests for a page's parts. Chromium breaks its own off whenever a
    network interface comes or goes, as they do with the containers of other tests.

    The page itself is Chromium's: it only lets a page from loopback talk to loopback.
    """
    if route.request.resource_type == "document":
        route.continue_()
        return
    try:
        route.fulfill(response=route.fetch())
    except PlaywrightError:  # the server has ended, as a test wants it
        route.abort()


def visit(browser: Page, url: str) -> None:
    """Open a page, again where that was broken off as in :func:`answer`."""
    for _ in range(20):
        try:
            browser.goto(url)
            return
        except PlaywrightError as error:
            if "ERR_NETWORK_CHANGED" not in error.message:
                raise
    pytest.fail("the network never stood still")


def serve(person: Person, port: int, address: str = "127.0.0.1") -> None:
    """Let something listen in the box, as a server of the person's that goes on."""
    (person.project / "serve.pl").write_text(SERVER)
    started = f"setsid env -u DEVBOX_EXEC perl serve.pl {address} {port} >/dev/null 2>&1 &"
    person.sh(started)
    until(lambda: port in {row["port"] for row in person.json("ports")})


def row(person: Person, port: int) -> dict[str, object]:
    (found,) = [row for row in person.json("ports") if row["port"] == port]
    return dict(found)


def fetched(port: int, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True


def other_addresses() -> list[str]:
    found = [a for addresses in psutil.net_if_addrs().values() for a in addresses]
    return [a.address for a in found if a.family == socket.AF_INET and a.address != "127.0.0.1"]


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_what_listens_is_listed_and_forwarded_until_it_is_stopped(person: Person) -> None:
    assert person.json("ports") == []
    serve(person, 8000)
    assert row(person, 8000) == {
        "box": "b",
        "port": 8000,
        "protocol": "tcp",
        "address": "127.0.0.1",
        "host_port": None,
        "process": "perl serve.pl 127.0.0.1 8000",
        "pid": row(person, 8000)["pid"],
        "how": "listening",
    }
    here = free()
    person.run("ports", "--forward", f"8000:{here}")
    assert fetched(here) == (200, b"hello\n")
    assert not [address for address in other_addresses() if answers(address, here)]
    forwarded = row(person, 8000)
    assert (forwarded["how"], forwarded["host_port"]) == ("forwarded", here)
    person.run("ports", "--stop", "8000")
    assert not answers("127.0.0.1", here)
    assert row(person, 8000)["how"] == "listening"


def test_a_forward_ends_with_its_box_and_comes_back_where_it_was(person: Person) -> None:
    serve(person, 8000)
    here = free()
    person.run("ports", "--forward", f"8000:{here}")
    person.run("stop", "--yes")
    until(lambda: not answers("127.0.0.1", here))
    assert person.json("ports") == []
    assert "devbox start" in person.run("ports", "--forward", "8000", code=1).stderr
    person.run("start")
    serve(person, 8000)
    person.run("ports", "--forward", f"8000:{here}")
    assert fetched(here) == (200, b"hello\n")


def test_a_forward_is_no_running_work(person: Person) -> None:
    person.run("ports", "--forward", f"8000:{free()}")
    person.run("stop")


def test_a_port_that_is_taken_here(person: Person, tmp_path: Path) -> None:
    here = free()
    person.run("ports", "--forward", f"8000:{here}")
    other = person_with(tmp_path, "c", 'profile = "base"\n')
    taken = other.run("ports", "--forward", f"9000:{here}", code=1).stderr
    assert f"Port {here} of this machine is in use by a forward of box b" in taken
    fix = re.findall(r"--forward (9000:\d+)", taken)
    other.run("ports", "--forward", fix[0])
    other.run("ports", "--stop")
    for wrong in ("0", "70000", "8000:x", "8000:9000:1", ""):
        other.run("ports", "--forward", wrong, code=2)


def test_a_program_that_is_not_in_the_box(person: Person) -> None:
    for app, package in (("jupyter", "jupyterlab"), ("tensorboard", "tensorboard")):
        error = person.run("open", app, code=1).stderr
        assert 'profile = "datascience"' in error
        assert f"devbox add {package}" in error
    person.run("stop")
    assert "devbox start" in person.run("open", "jupyter", code=1).stderr


@pytest.fixture
def scientist(engine: DockerEngine, base_image: str, tmp_path: Path) -> Iterator[Person]:
    made = person_with(tmp_path, "ds", 'profile = "datascience"\nports = [6006]\n')
    yield made
    for app in ("jupyter", "tensorboard"):
        made.run("open", app, "--stop", "--yes")


def opened(person: Person, app: str) -> tuple[str, int, str]:
    """The URL that `open` prints, its port and its token."""
    url = person.run("open", app, "--no-browser").stdout.strip()
    tokens = re.findall(r"[0-9a-f]{64}", url)
    assert len(tokens) == 1
    return url, int(urlsplit(url).port or 0), tokens[0]


def test_a_cell_runs_in_jupyterlab(scientist: Person, browser: Page, engine: DockerEngine) -> None:
    url, port, token = opened(scientist, "jupyter")
    assert row(scientist, 8888)["how"] == "forwarded"
    assert opened(scientist, "jupyter") == (url, port, token)
    assert fetched(port, "/api/contents")[0] == 403
    assert fetched(port, f"/api/contents?token={'0' * 64}")[0] == 403
    assert b"token" in build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/lab").read()
    assert not [address for address in other_addresses() if answers(address, port)]
    kept_secret(scientist, engine, token)

    visit(browser, url)
    browser.locator(".jp-LauncherCard[title*='Python 3']").first.click()
    browser.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for()
    browser.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    browser.keyboard.type("import numpy; print('product', numpy.prod([6, 7]))")
    browser.keyboard.press("Shift+Enter")
    assert browser.locator(".jp-OutputArea-output").first.inner_text().strip() == "product 42"
    assert [r for r in scientist.json("ports") if "ipykernel" in r["process"]] == []

    browser.keyboard.type("import time; open('/tmp/busy', 'w'); time.sleep(600)")
    browser.keyboard.press("Shift+Enter")
    until(lambda: scientist.sh("ls /tmp").find("busy") >= 0)
    refused = scientist.run("open", "jupyter", "--stop", code=4).stderr
    assert "kernel" in refused
    assert fetched(port, f"/api/status?token={token}")[0] == 200
    scientist.run("open", "jupyter", "--stop", "--yes")
    assert not answers("127.0.0.1", port)
    assert scientist.sh("grep -l DEVBOX_EXEC=serve /proc/[0-9]*/environ || :") == ""


def kept_secret(person: Person, engine: DockerEngine, token: str) -> None:
    """The token is in nothing that is stored, recorded or listed."""
    home = Path(os.environ["DEVBOX_HOME"])
    for file in home.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes(), file
    inspected = engine.container(person.container)
    assert inspected is not None
    assert token not in json.dumps(inspected.raw)
    for command in (["logs"], ["events"], ["status", "--json"]):
        assert token not in person.run(*command).stdout
    lines = [line for p in psutil.process_iter(["cmdline"]) for line in p.info["cmdline"] or ()]
    assert not [line for line in lines if token in line]
    assert person.sh(f"grep -rl {token[:32]} /tmp /home/dev /workspace 2>/dev/null || :") == ""


def test_a_scalar_is_shown_in_tensorboard(scientist: Person, browser: Page) -> None:
    (scientist.project / "events.py").write_text(EVENTS)
    scientist.run("exec", "--", "python", "events.py")
    url, port, token = opened(scientist, "tensorboard")
    published = row(scientist, 6006)
    assert (published["how"], published["host_port"]) == ("published", port)
    assert not [address for address in other_addresses() if answers(address, port)]
    for path in ("/", "/data/environment", f"/{'0' * 64}/data/environment"):
        assert fetched(port, path)[0] == 404
    data = f"/{token}/data/plugin/scalars/scalars?run=first&tag=validation_loss"
    until(lambda: b"0.25" in fetched(port, data)[1])
    visit(browser, url)
    browser.get_by_text("validation_loss").first.wait_for()
    logged = scientist.sh("cat /tmp/devbox-tensorboard.log")
    assert token not in logged
