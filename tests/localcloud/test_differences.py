"""Where the local cloud knowingly differs from AWS, and what it does instead."""

from __future__ import annotations

import base64
import itertools
import json
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.inbox import find_mail
from lab.here import local
from lab.here import own_cloud as users
from tests.support import http
from tests.support.clouds import own_cloud
from tests.support.functions import invoke, make_function, zip_of
from tests.support.mapping import Setup
from tests.support.queues import messages_on, open_queue
from tests.support.sessions import make_session
from tests.support.subscriptions import link_in, mails, subscribe_email

ACCOUNT = "123456789012"


# -- Lambda ----------------------------------------------------------


@pytest.mark.parity(
    "A function runs in the runtime that it asks for",
    kept="no: your Python runs it",
    module="lambda_.runtime.report",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
)
def test_this_machines_python_runs_whatever_the_runtime(aws: Session) -> None:
    source = "import platform\ndef handler(event, context):\n    return platform.python_version()\n"
    make_function(aws, "f", source)
    aws.client("lambda").update_function_configuration(FunctionName="f", Runtime="python3.9")
    assert invoke(aws, "f")["Payload"] == platform.python_version()


@pytest.mark.parity(
    "A function that takes more memory than it has is ended",
    kept="no: its memory is reported and not enforced",
    module="lambda_.runtime.report",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html",
)
def test_more_memory_than_was_asked_for_is_given(aws: Session) -> None:
    source = "def handler(event, context):\n    return len(bytearray(200 << 20))\n"
    make_function(aws, "f", source, MemorySize=128)
    reply = invoke(aws, "f", LogType="Tail")
    assert reply["Payload"] == 200 << 20
    (report,) = (
        event["message"]
        for event in aws.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
        if event["message"].startswith("REPORT")
    )
    assert "Memory Size: 128 MB" in report


@pytest.mark.parity(
    "A function can write to `/tmp` only",
    kept="no: it can write wherever you can",
    module="lambda_.runtime.environment",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html",
)
def test_the_files_of_a_function_can_be_written(aws: Session) -> None:
    source = (
        "import os, pathlib\n"
        "def handler(event, context):\n"
        "    path = pathlib.Path(os.environ['LAMBDA_TASK_ROOT'], 'tea')\n"
        "    path.write_text('green')\n"
        "    return path.read_text()\n"
    )
    make_function(aws, "f", source)
    assert invoke(aws, "f")["Payload"] == "green"


WHEN = """
import time
def handler(event, context):
    started = time.monotonic()
    time.sleep(0.3)
    return [started, time.monotonic()]
"""


@pytest.mark.parity(
    "Above the concurrency of the account (1,000, or 10 if it is new) a function is throttled",
    kept="no: above 10 at one time (`--concurrency`) work waits",
    module="lambda_.runtime.runtime",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html",
)
def test_work_above_the_concurrency_of_the_account_waits() -> None:
    with own_cloud("--concurrency", "1") as (address, _):
        aws = make_session(address)
        make_function(aws, "f", WHEN)
        with ThreadPoolExecutor(3) as threads:
            replies = list(threads.map(lambda _: invoke(aws, "f"), range(3)))
    times = sorted(reply["Payload"] for reply in replies)
    for (_, ended), (started, _) in itertools.pairwise(times):
        assert ended <= started


@pytest.mark.parity(
    "An invocation that finds no idle execution environment starts one",
    kept="a third one starts only when the others have finished nothing for a second",
    module="lambda_.runtime.pool",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html",
)
def test_quick_invocations_share_two_environments(aws: Session, cloud: str) -> None:
    make_function(aws, "f", "def handler(event, context):\n    return event\n")
    invoke(aws, "f")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: invoke(aws, "f"), range(80)))
    status = local.status(cloud)
    assert status is not None
    assert len(status["workers"]) == 2


@pytest.mark.parity(
    "A failing event waits for one minute and then for two before it is tried again",
    kept="yes; `--speed` and `--retry-delay` make it shorter",
    module="lambda_.async_invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
def test_a_failing_event_waits_for_one_minute_and_then_for_two() -> None:
    with users.own_cloud("--speed", "300") as (address, _):
        aws = make_session(address)
        make_function(aws, "f", "def handler(event, context):\n    raise ValueError\n")
        invoke(aws, "f", InvocationType="Event")

        def starts() -> list[int]:
            if not aws.client("logs").describe_log_groups()["logGroups"]:
                return []
            events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
            return [e["timestamp"] for e in events if e["message"].startswith("START")]

        wait_until(lambda: len(starts()) == 3, "it was tried three times", timeout=90)
        first, second, third = starts()
    assert second - first >= 200  # milliseconds: a minute, at a speed of 300
    assert third - second >= 400


@pytest.mark.parity(
    "A function's time-out and a usage plan's throttle hold as they are set",
    kept="yes, and `--speed` does not touch them",
    module="clock",
)
def test_limits_on_real_work_are_not_scaled(aws: Session) -> None:
    lab.hurry(aws, 1000)
    make_function(aws, "f", WHEN, Timeout=5)  # 5 ms, if that were scaled
    with failing_route(aws, throttle={"rateLimit": 0.01, "burstLimit": 1}) as (url, key):
        assert http.request("GET", url, headers=key).status == 500
        assert "FunctionError" not in invoke(aws, "f")  # takes 0.3 s, or three requests
        assert http.request("GET", url, headers=key).status == 429


# -- API Gateway ----------------------------------------------------------


@contextmanager
def failing_route(aws: Session, **plan: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """GET / behind an API key, with a function that is not there, so that each answer is a 500; its
    URL, and the header with the key."""
    api = aws.client("apigateway")
    made = api.create_rest_api(name="api")["id"]
    (root,) = api.get_resources(restApiId=made)["items"]
    ids = {"restApiId": made, "resourceId": root["id"], "httpMethod": "GET"}
    api.put_method(**ids, authorizationType="NONE", apiKeyRequired=True)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:none"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    api.put_integration(**ids, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    api.create_deployment(restApiId=made, stageName="prod")
    stages = [{"apiId": made, "stage": "prod"}]
    plan_id = api.create_usage_plan(name="plan", apiStages=stages, **plan)["id"]
    key = api.create_api_key(name="key", enabled=True)
    api.create_usage_plan_key(usagePlanId=plan_id, keyId=key["id"], keyType="API_KEY")
    yield lab.invoke_url(aws, made, "prod", "/"), {"x-api-key": key["value"]}


# -- Event source mappings ----------------------------------------------------------


@pytest.fixture
def setup(aws: Session) -> Setup:
    return Setup(aws)


@pytest.mark.parity(
    "A mapping starts with five batches at one time and adds up to 300 a minute",
    kept="it starts with five, and stays there",
    module="lambda_.event_source_mapping",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
)
def test_a_mapping_has_five_batches_under_way(setup: Setup, tmp_path: Path) -> None:
    nap = (
        "import os, time\n"
        "def handler(event, context):\n"
        f"    while not os.path.exists({str(tmp_path / 'go')!r}):\n"
        "        time.sleep(0.05)\n"
    )
    setup.lambda_.update_function_code(FunctionName="spy", ZipFile=zip_of(nap))
    setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"VisibilityTimeout": "60"})
    setup.send(*(f"tea {i}" for i in range(12)))
    setup.map(BatchSize=1)
    wait_until(lambda: setup.in_flight() >= 5, "five batches are under way", timeout=90)
    assert (setup.in_flight(), setup.visible()) == (5, 7)
    (tmp_path / "go").touch()
    assert setup.most_in_flight() <= 5


# -- SNS ----------------------------------------------------------


@pytest.mark.parity(
    "A notification is signed",
    kept="no: its signature is not valid",
    module="sns.delivery",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
)
def test_the_signature_of_a_notification_is_not_valid(aws: Session, topic: str) -> None:
    url = open_queue(aws, "q", topic)
    endpoint = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    aws.client("sns").publish(TopicArn=topic, Message="tea")
    (message,) = messages_on(aws, url)
    body = json.loads(message["Body"])
    assert base64.b64decode(body["Signature"]) == b"EXAMPLE"
    assert body["SigningCertURL"].startswith("http://127.0.0.1:")
    assert body["SigningCertURL"].endswith(".pem")


@pytest.mark.parity(
    "An address that would get more than ten mails a second is unsubscribed",
    kept="no: it gets them all",
    module="sns.mailbox",
    aws="https://docs.aws.amazon.com/general/latest/gr/sns.html",
)
def test_more_than_ten_mails_a_second_all_arrive(aws: Session, topic: str) -> None:
    address = "many@example.com"
    text = subscribe_email(aws, topic, address)
    http.request("GET", link_in(text, "ConfirmSubscription"))
    sns, started = aws.client("sns"), time.monotonic()
    entries = [{"Id": str(i), "Message": f"tea {i} many"} for i in range(10)]
    published = 0
    while published < 60 or published <= 10 * (time.monotonic() - started):  # on a slow machine
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        published += 10
    wait_until(lambda: find_mail(aws, address, "tea 9 many"), "the mails are here", timeout=90)
    confirmation = 1

    def all_are_here() -> bool:
        return sum(mail["To"] == address for mail in mails(aws)) == published + confirmation

    wait_until(all_are_here, "all are here", timeout=90)
