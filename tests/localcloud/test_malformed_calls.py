"""Malformed calls, made up from AWS's own models: each is refused or taken, and none is a 500.

A call gets values of the right kind that mean nothing (too long, empty, ARNs of another kind),
names of things that are there, or a member of another type, one too many, one too few. Some
requests are broken as a whole. What the local cloud makes of it does not matter here, as long as it
answers as a service does: in its protocol, with no word of Python, and no traceback in its log.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape
from botocore.parsers import ResponseParserError
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from moto.core.utils import get_service_model

from lab.aws.session import Session
from lab.here import local
from localcloud.members import DECISIONS
from tests.support.clouds import cloud_of
from tests.support.functions import ECHO, TRUST, make_function
from tests.support.rest_api import make_api
from tests.support.sessions import make_session
from tests.support.sizes import size

OPERATIONS = [(service, name) for service, names in DECISIONS.items() for name in names]
NEIGHBORS = [
    (service, name)
    for service in DECISIONS
    for name in get_service_model(service).operation_names
    if name not in DECISIONS[service]
]
ACCOUNT = "123456789012"
ONCE = Config(
    parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=30,
    inject_host_prefix=False,
)  # fmt: skip
WORDS = [
    "", " ", "a" * 5000, "a b", "é\u2028\x00", "../..", "%2F", "null", "{", "[]", '{"a": 1}', "*",
    "arn:aws", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:sns:us-east-1:{ACCOUNT}:t",
    f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
    f"arn:aws:iam::{ACCOUNT}:role/role", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/tea",
    "arn:aws:iam::aws:policy/AdministratorAccess", "q", "tea", "f", "f:1", "f:$LATEST", "role",
    "/g", "policy", "$LATEST", "AWS_PROXY", "GET", "POST", "#a = :a", "attribute_not_exists(id)",
    "id", "http://127.0.0.1/123456789012/q", "QUEUE_URL", "API", "RESOURCE", "0", "-1", "abc=",
    "true",
]  # fmt: skip
# What is there, by the name of the member that may name it.
HINTS = {
    "AssumeRolePolicyDocument": json.dumps(TRUST), "EventSourceArn": WORDS[13], "FunctionName": "f",
    "QueueName": "q", "QueueUrl": "QUEUE_URL", "ResourceArn": WORDS[14], "Role": WORDS[17],
    "RoleName": "role", "SourceArn": WORDS[13], "TableName": "tea", "TargetArn": WORDS[14],
    "TopicArn": WORDS[14], "apiKey": "KEY", "httpMethod": "POST", "keyId": "KEY",
    "logGroupName": "/g", "parentId": "RESOURCE", "resourceId": "RESOURCE", "restApiId": "API",
    "usagePlanId": "PLAN",
}  # fmt: skip
NUMBERS = [-1, 0, 1, 1, 2, 5, 10, 128, 300, 901, 2**31, 2**63, 10**30]


def values(shape: Shape, depth: int = 0, name: str = "") -> st.SearchStrategy[Any]:
    """Values of a shape's type, which need not mean anything; those of a member of this name."""
    made: Any = shape
    if name in HINTS:
        return st.sampled_from([HINTS[name]] * 9 + WORDS[:9])
    match shape.type_name:
        case "structure":
            members = made.members.items() if depth < 4 else ()
            found = {name: values(each, depth + 1, name) for name, each in members}
            wanted = {name: found.pop(name) for name in made.required_members if name in found}
            return st.fixed_dictionaries(wanted, optional=found)
        case "list":
            return st.lists(values(made.member, depth + 1), max_size=2 if depth < 4 else 0)
        case "map":
            keys, of_value = values(made.key, depth + 1), values(made.value, depth + 1)
            return st.dictionaries(keys, of_value, max_size=2 if depth < 4 else 0)
        case "blob":
            return st.sampled_from([b"", b"x", ECHO, b"\xff{"])
        case "timestamp":
            return st.just(datetime(2026, 1, 1, tzinfo=UTC))
        case "boolean":
            return st.booleans()
        case "integer" | "long" | "float" | "double":
            return st.sampled_from(NUMBERS)
    words = st.sampled_from(WORDS) | st.text(max_size=12)
    least = max(1, made.metadata.get("min", 1))
    plain = st.text("abc", min_size=least, max_size=least + 20)
    return words | (st.sampled_from(made.enum) if made.enum else plain)


@st.composite
def calls(draw: st.DrawFn, operations: list[tuple[str, str]]) -> tuple[str, str, Any, int]:
    """A service, an operation, its input, and what is done to the request."""
    service, operation = draw(st.sampled_from(operations))
    shape = get_service_model(service).operation_model(operation).input_shape
    given_ = draw(values(shape)) if shape else {}
    return service, operation, given_, draw(st.integers(0, 10**6))


def break_(request: dict[str, Any], number: int) -> None:
    """Break a request in one of some ways, or leave it as it is."""
    chance = random.Random(number)
    body = request["body"]
    if isinstance(body, dict):  # a form
        if body and chance.random() < 0.5:
            body[chance.choice(list(body))] = chance.choice([*WORDS, "x" * 300_000])
        if chance.random() < 0.2:
            body["Unknown.member.1"] = "x"
        return
    if not isinstance(body, bytes) or chance.random() < 0.3:
        return
    with suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict):
            _break_object(found, chance)
            body = json.dumps(found).encode()
    if chance.random() < 0.1:
        body = chance.choice([b"", b"{", b"[]", b'"a"', b"\xff", b"[" * 100_000, body[:-1]])
    request["body"] = body


def _break_object(found: dict[str, Any], chance: random.Random) -> None:
    others: list[Any] = [None, True, -1, 1.5, "x", "", [], {}, [None], {"a": {}}, [[]], 10**30]
    if found and chance.random() < 0.7:
        name = chance.choice(list(found))
        inner = found[name]
        if isinstance(inner, dict) and inner and chance.random() < 0.6:
            _break_object(inner, chance)
        else:
            found[name] = chance.choice(others)
    if chance.random() < 0.2:
        found["Unknown"] = chance.choice(others)
    if found and chance.random() < 0.1:
        del found[chance.choice(list(found))]


class Ground:
    """Some of everything that a call may be about, on a cloud with a log."""

    def __init__(self, aws: Session, log: Path) -> None:
        self.log = log
        self.number = self.answered = 0
        self.clients: dict[str, Any] = {}
        for service in DECISIONS:
            made = aws.client(service, config=ONCE)
            made.meta.events.register("before-call", self._break)
            made.meta.events.register("after-call", self._count)
            self.clients[service] = made
        make_function(aws, "f", "def handler(event, context):\n    return event\n")
        url = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        aws.client("sns").create_topic(Name="t")
        aws.client("dynamodb").create_table(
            TableName="tea",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        aws.client("logs").create_log_group(logGroupName="/g")
        api = make_api(aws)
        key = api.api.create_api_key(name="key")["id"]
        plan = api.api.create_usage_plan(name="plan")["id"]
        self.there = {
            "QUEUE_URL": url, "API": api.id, "RESOURCE": api.resource_id, "KEY": key, "PLAN": plan,
        }  # fmt: skip
        local.hurry(aws, 1000)

    def _break(self, params: dict[str, Any], **_: Any) -> None:
        break_(params, self.number)

    def _count(self, **_: Any) -> None:
        self.answered += 1

    def call(self, service: str, operation: str, given_: Any, number: int) -> str:
        """What is wrong with the answer to a call, or ""; "" as well if boto3 cannot send it."""
        self.number = number
        try:
            self.clients[service]._make_api_call(operation, self._filled(given_))
        except ClientError as error:
            found = error.response
            status = found["ResponseMetadata"]["HTTPStatusCode"]
            said = str(found["Error"].get("Message"))
            if status == 500 or re.search(r"Error\(|Exception:|Traceback|object has no", said):
                return f"{status}: {said[:300]}"
        except ResponseParserError as error:
            return repr(error)[:300]
        except (BotoCoreError, TypeError, ValueError, AttributeError, KeyError):
            pass  # boto3 cannot send that
        return ""

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        return self.there.get(value, value) if isinstance(value, str) else value


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with cloud_of(tmp_path) as key:
        monkeypatch.setenv("AWS_ENDPOINT_URL", key.address)
        assert key.log is not None
        yield Ground(make_session(key.address), Path(key.log))


def examine(ground: Ground, examples: int, operations: list[tuple[str, str]] = OPERATIONS) -> None:
    """Make that many calls of these operations, and expect that all of them are answered."""
    wrong: dict[tuple[str, str], str] = {}

    @seed(20261126)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(calls(operations))
    def make(call: tuple[str, str, Any, int]) -> None:
        if problem := ground.call(*call):
            wrong.setdefault(call[:2], f"{problem} <- {str(call[2])[:300]} ({call[3]})")

    make()
    assert ground.answered > examples * 0.8  # boto3 cannot send all of them
    assert not wrong, "\n".join(f"{key}: {value}" for key, value in wrong.items())


@pytest.mark.slow
@pytest.mark.parity(
    "A malformed call is refused in the words of its protocol, whatever is wrong with it",
    kept="yes; 200 made-up calls in each run of the tests, 2,000 in the long one",
    module="models",
    aws="https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html",
)
def test_no_malformed_call_is_a_500(ground: Ground) -> None:
    examine(ground, 200)
    assert "Traceback" not in ground.log.read_text("utf-8", "replace")


@pytest.mark.parity(
    "A malformed call of another operation is no fault of the server's",
    kept="yes; where moto fails on it the answer is `NotImplemented`, and the log says where",
    module="unserved",
    aws="https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html",
)
def test_what_moto_fails_on_is_not_implemented(aws: Session) -> None:
    with pytest.raises(ClientError, match="fails at this call of ListExports") as caught:
        aws.client("dynamodb").list_exports()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.slow
def test_no_malformed_call_of_a_neighbor_is_a_500(ground: Ground) -> None:
    examine(ground, 200, NEIGHBORS)


@pytest.mark.long
def test_none_of_2000_malformed_calls_is_a_500(ground: Ground) -> None:
    examine(ground, size(2000, 500))
    assert "Traceback" not in ground.log.read_text("utf-8", "replace")


@pytest.mark.long
def test_none_of_2000_malformed_calls_of_neighbors_is_a_500(ground: Ground) -> None:
    examine(ground, size(2000, 500), NEIGHBORS)
