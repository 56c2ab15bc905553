"""An output that is full or closed, and an address at which something else listens, are no
traceback."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.here.folders import ROOT
from tests.support.processes import run_lab, run_script

posix_only = pytest.mark.skipif(os.name != "posix", reason="closes descriptors in a POSIX shell")
FULL = Path("/dev/full")
PRINTS = f'"{sys.executable}" -c "import lab; print(1)"'
LAB = f'"{sys.executable}" -m lab'


def in_shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, timeout=100, check=False, cwd=ROOT
    )


@pytest.mark.slow
@posix_only
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])  # an error while it runs, or at its end
@pytest.mark.parametrize(
    ("line", "status"), [(f"{LAB} hint 01", 1), (f"{LAB} explain --list --json", 1), (PRINTS, None)]
)
def test_a_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, unbuffered: str, line: str, status: int | None
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    result = in_shell(f"{line} >{FULL}")
    (said,) = result.stderr.splitlines()
    assert "What was to be written was not: No space left on device. Make room, and" in said
    assert status is None or result.returncode == status


@posix_only
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{LAB} explain ExpiredToken >&-", ""),
        (f"{LAB} explain <&-", "No chapter has met an error yet"),
        (f"{LAB} hint 01 <&- >&-", ""),
        (f"{LAB} status 2>&-", ""),
    ],
)
def test_a_closed_stream_is_an_empty_one(
    free_port: int, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.setenv("LAB_PORT", str(free_port))
    result = in_shell(line)
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith(said) if said else result.stderr == ""


class _WebPage(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_error(501)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _WebPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_server_in_the_place_of_a_cloud_is_one_line(
    web_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", web_server)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    commands = (["check", "01"], ["up"], ["down", "--yes"], ["watch", "--once"])
    for result in (*(run_lab(*each) for each in commands), run_script("scripts/05_connect.py")):
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"TargetError: What listens at {web_server} does not answer as AWS")
        assert line.endswith("Set AWS_ENDPOINT_URL right, or unset it.")
