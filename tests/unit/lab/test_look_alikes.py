"""What listens at the address of a local cloud may be anything: it holds no command up, and is
taken for no cloud."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from typing import Any

import pytest
from click.testing import CliRunner

from lab.commands import main
from lab.errors import LabError, NoAnswerError, TargetError
from lab.here import exchange, local
from lab.here.folders import ROOT
from lab.here.own_cloud import environment
from localcloud.host import start_key

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def listener(parts: Callable[[], Iterator[bytes]], pause: float = 0.0) -> Iterator[str]:
    """Somebody at a port who answers everything in these parts; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65_536)
                for part in parts():
                    connection.sendall(part)
                    time.sleep(pause)  # what is tried is that it is slow

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=answer, args=[connection], daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield local.address(server.getsockname()[1])
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def saying(found: Any) -> Callable[[], Iterator[bytes]]:
    """An answer with this in JSON."""
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    return lambda: iter([HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body])


def slow_body() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 1000\r\n\r\n"
    yield from repeat(b" ")


def slow_head() -> Iterator[bytes]:
    yield HEAD
    yield from repeat(b"x")


@pytest.mark.parametrize("parts", [slow_body, slow_head])
def test_one_byte_after_the_other_does_not_hold_it_up(
    parts: Callable[[], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(local, "_DEED_SECONDS", 0.1)
    with listener(parts, pause=0.05) as url:
        for ask in (local.status, local.console_link):
            began = time.monotonic()
            with pytest.raises(NoAnswerError, match="within"):
                ask(url)
            assert time.monotonic() - began < 5


def test_an_answer_without_end_is_read_to_a_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_MOST", 100)
    long = [HEAD + b"\r\n", *repeat(b"x" * 1000, 1000)]
    with listener(lambda: iter(long)) as url:
        assert len(exchange.exchange("GET", url, None, {}, 5).body) == 100
        assert local.whose(url) == {}


def test_a_redirect_is_not_followed() -> None:
    with listener(saying({"service": "localcloud", "user": "other"})) as other:
        there = b"HTTP/1.1 302 Found\r\nLocation: " + other.encode() + b"\r\n\r\n"
        with listener(lambda: iter([there])) as url:
            assert local.whose(url) == {}


WHOLE = {"service": "localcloud", "speed": 1, "mailbox": None, "services": {}}
LOOK_ALIKES = [
    {"service": "localcloud"},
    {**WHOLE, "mailbox": 5},
    {**WHOLE, "services": [1]},
    {**WHOLE, "services": {"lambda": []}},
    {**WHOLE, "speed": "fast"},
    ["localcloud"],
    b"[" * 100_000,
    b"tea",
]


@pytest.mark.parametrize("said", LOOK_ALIKES, ids=range(len(LOOK_ALIKES)))
def test_a_look_alike_is_taken_for_no_cloud(said: Any) -> None:
    with listener(saying(said)) as url:
        assert local.status(url) is None
        for command in ("status", "mail", "console", "stop", "start", "env"):
            with environment(AWS_ENDPOINT_URL=url):
                result = CliRunner().invoke(main, [command])
            assert result.exception is None or isinstance(
                result.exception, SystemExit | TargetError
            ), (command, result.exception)
            told = result.output or str(result.exception)
            assert len(told.splitlines()) == 1 and "no local" in told.lower()


@pytest.mark.parametrize("said", LOOK_ALIKES, ids=range(len(LOOK_ALIKES)))
def test_it_has_no_owner_who_could_be_named(said: Any) -> None:
    with (
        listener(saying(said)) as url,
        pytest.raises(TargetError, match="Something that is no local cloud listens at"),
    ):
        local.find(int(url.rpartition(":")[2]))


@pytest.mark.parametrize("pid", [1, -1, 10**30, True, "1; rm -r work", None, os.getppid()])
def test_nobody_is_told_to_end_a_process_that_does_not_listen_there(pid: object) -> None:
    """Another user's program can say that it is a cloud of this user and folder."""
    mine = {"folder": str(ROOT.resolve()), "user_id": start_key.user_id(), "user": "me"}
    with listener(saying({"service": "localcloud", "pid": pid, **mine})) as url:
        with pytest.raises(TargetError) as caught:
            local.find(int(url.rpartition(":")[2]))
        assert "kill" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b'{"message": "no"}', LabError, "^no$"),
        (b"tea", NoAnswerError, "gave an answer to reset without sense"),
        (b'{"message": ""}', NoAnswerError, "gave an answer to reset without sense"),
    ],
)
def test_a_refusal_is_one_sentence(body: bytes, kind: type[LabError], says: str) -> None:
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with listener(lambda: iter([refusal])) as url, pytest.raises(kind, match=says):
        local._post(url, "reset")
