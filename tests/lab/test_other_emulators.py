"""The course against another emulator: what it can do there, and what it says that it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.commands import main
from lab.course import COURSE
from lab.here.own_cloud import environment
from tests.support import http
from tests.support.chapters import resources, run_chapters
from tests.support.sessions import make_session


@pytest.fixture
def moto_server() -> Iterator[Session]:
    """moto's own server, from PyPI, without Docker."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("moto_server")), "-p", port]
    without = {**os.environ, "DOCKER_HOST": "unix:///nowhere"}
    with subprocess.Popen(command, env=without, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _answers(address), "moto's server answers", timeout=90)
            with environment(AWS_ENDPOINT_URL=address):
                yield make_session(address)
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        return http.request("GET", address, retries=False).status < 500
    except urllib3.exceptions.HTTPError:
        return False


@pytest.mark.long
def test_a_cloud_that_runs_no_functions_is_named_and_nothing_is_left_there(
    moto_server: Session,
) -> None:
    up = CliRunner().invoke(main, ["up"])
    assert up.exit_code == 1
    assert "TargetError: Expected a cloud that runs functions, found one that wants" in up.stderr
    assert "Created the function take_order." in up.stdout
    made = resources(moto_server)
    assert any(made.values()), made
    down = CliRunner().invoke(main, ["down", "--yes"])
    assert down.exit_code == 0, down.output
    assert down.stdout.splitlines()[-1] == "0 left"
    assert not any(resources(moto_server).values())


@pytest.mark.long
def test_what_the_chapters_make_there_goes_again(moto_server: Session) -> None:
    pretend = {"lambda": {"use_docker": False}}  # it then answers to Invoke without any function
    address = f"{moto_server.endpoint_url}/moto-api/config"
    assert http.request("POST", address, json=pretend).status == 201
    stopped: dict[str, str] = {}
    for number in COURSE.set_up:
        try:
            run_chapters(number)
        except Exception as error:
            stopped[number] = repr(error)[:300]
    # It has no TestInvokeMethod, and no function writes the item that chapter 04 looks for.
    assert stopped.keys() == {"02", "04"}, stopped
    assert "TestInvokeMethod" in stopped["02"] and "'Item'" in stopped["04"], stopped
    made = resources(moto_server)
    assert made["functions"] == 3 and made["tables"] == made["usage plans"] == 1, made
    assert made["mappings"] == 1 and made["subscriptions"] == 3, made
    down = CliRunner().invoke(main, ["down", "--yes"])
    assert down.stdout.splitlines()[-1] == "0 left", down.output
    assert not any(resources(moto_server).values())
