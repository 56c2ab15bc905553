"""A local cloud for the tests, and the few things that most of them need.

Tests talk to it over HTTP, as a learner's boto3 does. It is one process for the whole run;
each test that asks for `cloud` finds it empty.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import boto3
import pytest

from lab.aws import client_env
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.here import last_error, local
from lab.here.own_cloud import environment
from tests.support import quick_sessions, sizes, users  # noqa: F401  # users first: it remembers
from tests.support.chain import Chain
from tests.support.chapters import status
from tests.support.clouds import own_cloud
from tests.support.fault_proxy import fault_proxy
from tests.support.handlers import handler
from tests.support.sessions import hook_clients, make_session
from tests.support.usage_plan import lift_throttle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent
gc.disable()  # until the tests are imported: what that makes is never garbage


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of anyone who runs the tests reaches them, and none of their keys and logs."""
    with environment(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _quick_sessions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_sessions.install(patch)
        yield


@pytest.fixture(autouse=True)
def _no_last_error() -> None:
    """No test reads the last error of the one before."""
    last_error.path().unlink(missing_ok=True)


@pytest.fixture(scope="session")
def running_cloud(_clean_environment: None) -> Iterator[tuple[str, int]]:
    with own_cloud("--retry-delay", "0.05") as found:
        yield found


@pytest.fixture
def cloud(running_cloud: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty local cloud, which the settings point at."""
    address, _ = running_cloud
    local.reset(address)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    return address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one, its tests are skipped with a sentence."""
    from tests.support.browser import NoBrowserError, chromium  # not where nobody asks for it

    with ExitStack() as stack:
        try:
            made = stack.enter_context(chromium())
        except NoBrowserError as error:
            pytest.skip(str(error))
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def aws(cloud: str) -> Session:
    return make_session(cloud)


@pytest.fixture
def calls_made(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the operations that clients call which are made from now on."""
    called: set[str] = set()
    hook_clients(monkeypatch, "before-call", lambda model, **_: called.add(model.name))
    return called


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def _standing_chain(_clean_environment: None) -> Iterator[Chain]:
    """The whole chain on a local cloud of its own, as it stands before each test."""
    with (
        # Signatures hold the host, and the proxy puts another one in its place.
        own_cloud("--retry-delay", "0.05", "--auth", "off") as (address, _),
        fault_proxy(address) as proxy,
    ):
        with environment(AWS_ENDPOINT_URL=address):
            made = Chain(make_session(address), proxy)
            lift_throttle(made.aws)
        wait_until(lambda: status(address)["is_idle"], "the chapters' orders are through")
        local.checkpoint(address, "take", "chain")
        yield made


@pytest.fixture
def chain(_standing_chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """The whole chain, brought back to its state before the first test."""
    address = str(_standing_chain.aws.endpoint_url)
    _standing_chain.proxy.set()
    local.checkpoint(address, "restore", "chain")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    return _standing_chain


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="give the tests their full sizes")
    parser.addoption(
        "--aws",
        action="store_true",
        help="also run the end-to-end test on the AWS account that LAB_ACCOUNT names; costs a cent",
    )


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run all tests that share the standing chain, which takes seconds to set up.
    Files with a costly fixture of their own carry the same mark."""
    for item in items:
        if "_standing_chain" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("chain"))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Say it before the tests are imported, which have their sizes then."""
    if config.getoption("--soak"):
        os.environ[sizes.VARIABLE] = "1"


@pytest.fixture
def load_handler(cloud: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Loads a fresh copy of `lambdas/<stem>.py`, with AWS at the local cloud."""

    def load(stem: str, **variables: str) -> ModuleType:
        key = local.key_at(cloud)
        assert key is not None
        for name, value in {**client_env.variables(key, "us-east-1"), **variables}.items():
            monkeypatch.setenv(name, value)
        # boto3's own session would keep the keys of a cloud before this one.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        return handler(stem)

    return load
