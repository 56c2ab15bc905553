"""The pages behind jupyter-server-proxy, as on JupyterHub, Binder and Codespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.here import local
from localcloud.console import ROOT
from tests.support.browser import PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("browser")]

_PREFIX = "/user/ana/"
_TOKEN = "for-this-test"


@pytest.fixture
def jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a Jupyter server below a prefix, with the proxy in it."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    options = {
        "base_url": _PREFIX,
        "root_dir": str(tmp_path),
        "jpserver_extensions": '{"jupyter_server_proxy": True}',
        "port": "0",
        "open_browser": "False",
        "allow_root": "True",
    }
    arguments = [f"--ServerApp.{name}={value}" for name, value in options.items()]
    with (
        open(tmp_path / "log", "w") as log,
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                f"--IdentityProvider.token={_TOKEN}",
                *arguments,
            ],
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            (told,) = wait_until(lambda: [*tmp_path.glob("jpserver-*.json")], "Jupyter listens")
            yield json.loads(told.read_text())["url"].rstrip("/")
        finally:
            server.terminate()


def test_the_pages_work_below_a_prefix(page: Page, cloud: str, aws: Session, jupyter: str) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    sns = aws.client("sns")
    topic = sns.create_topic(Name="tea")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    port = cloud.rpartition(":")[2]
    page.goto(f"{jupyter}/tree?token={_TOKEN}")  # who is in Jupyter has its cookie
    page.goto(f"{jupyter}/proxy/{port}{local.console_link(cloud)}")
    page.wait_for_url(f"{jupyter}/proxy/{port}{ROOT}")
    aws.client("sqs").create_queue(QueueName="coffee")
    expect(
        page.get_by_role("link", name="queue coffee")
    ).to_be_visible()  # the stream comes through
    page.get_by_role("link", name="topic tea").click()
    expect(page.get_by_role("heading", name="Topic tea")).to_be_visible()
    page.get_by_role("link", name="Mailbox", exact=True).click()
    page.get_by_role("button", name="Confirm the subscription").click()
    expect(page.get_by_role("status").first).to_contain_text("Subscription confirmed")
    assert page.url.startswith(f"{jupyter}/proxy/{port}/_localcloud/console/mailbox?said=")
