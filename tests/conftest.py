"""A local cloud for the tests, and the few things that most of them need.

Tests talk to it over HTTP, as a learner's boto3 does. It is one process for the whole run;
each test that asks for `cloud` finds it empty.
"""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader

from benchmarks.bench import handler, lift_throttle
from lab.aws import client_env
from lab.aws.session import Session
from lab.here import last_error, local
from lab.here.own_cloud import environment, own_cloud
from tests.support.chain import Chain
from tests.support.fault_proxy import fault_proxy

ROOT = Path(__file__).parent.parent
TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of anyone who runs the tests reaches them, and none of their keys and logs."""
    with environment(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_loader() -> Iterator[None]:
    """Sessions share AWS's service descriptions, which each would read anew: a fifth of the
    suite's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
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


@pytest.fixture
def aws(cloud: str) -> Session:
    return make_session(cloud)


@pytest.fixture
def calls_made(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the operations that clients call which are made from now on."""
    called: set[str] = set()
    make_client = boto3.Session.client

    def client(session: boto3.Session, *args: Any, **options: Any) -> Any:
        made = make_client(session, *args, **options)
        made.meta.events.register("before-call", lambda model, **_: called.add(model.name))
        return made

    monkeypatch.setattr(boto3.Session, "client", client)
    return called


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def chain(_clean_environment: None) -> Iterator[Chain]:
    """The whole chain on a local cloud of its own, for one file: what a test breaks, it mends."""
    with (
        # Signatures hold the host, and the proxy puts another one in its place.
        own_cloud("--retry-delay", "0.05", "--auth", "off") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
        fault_proxy(address) as proxy,
    ):
        made = Chain(make_session(address), proxy)
        lift_throttle(made.aws)
        yield made


def make_session(address: str) -> Session:
    """A session with the keys of the local cloud at this address, or with made-up ones."""
    key = local.key_at(address)
    return Session(
        address,
        aws_access_key_id=key.access_key_id if key else "any",
        aws_secret_access_key=key.secret_access_key if key else "any",
        region_name="us-east-1",
    )


def zip_of(source: str, name: str = "app.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, source)
    return buffer.getvalue()


def make_role(aws: Session, name: str = "role", policy: dict[str, Any] = ANYTHING) -> str:
    iam = aws.client("iam")
    try:
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName=name)
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return str(role["Role"]["Arn"])


def make_function(aws: Session, name: str, source: str, **configuration: Any) -> str:
    """A function with the handler `app.handler`; returns its ARN."""
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Handler="app.handler",
        Runtime="python3.13",
        **{
            "Code": {"ZipFile": zip_of(source)},
            "Role": configuration.pop("Role", None) or make_role(aws),
            "Timeout": 5,
            **configuration,
        },
    )
    return str(made["FunctionArn"])


def permit(aws: Session, function: str, principal: str, source_arn: str) -> None:
    """Let a service of AWS's call a function on behalf of `source_arn`."""
    aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId=principal.partition(".")[0],
        Action="lambda:InvokeFunction",
        Principal=principal,
        SourceArn=source_arn,
        SourceAccount="123456789012",
    )


def open_queue(aws: Session, name: str, topic_arn: str) -> str:
    """A queue that lets a topic in; returns its URL."""
    allow_topic = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:us-east-1:123456789012:{name}",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow_topic]})
    made = aws.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})
    return str(made["QueueUrl"])


def messages_on(aws: Session, url: str, wait: float = 8) -> list[dict[str, Any]]:
    """Up to ten messages with all their attributes, taken off the queue; waits for the first
    one for so long, however fast the cloud's own waits pass."""
    sqs, deadline = aws.client("sqs"), time.monotonic() + wait
    while True:
        found = sqs.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=1 if wait else 0,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if found or time.monotonic() >= deadline:
            return list(found)


def invoke(aws: Session, name: str, event: Any = None, **options: Any) -> dict[str, Any]:
    """Invoke and read the payload."""
    reply = aws.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event or {}), **options
    )
    reply["Payload"] = json.loads(reply["Payload"].read() or "null")
    return dict(reply)


def event(stem: str) -> Any:
    """The content of a file in `events/`."""
    return json.loads((ROOT / "events" / f"{stem}.json").read_text("utf-8"))


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


def run_script(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the project as a user does, from another directory."""
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments],
        cwd=ROOT.parent,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
