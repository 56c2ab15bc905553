"""A bench for a function on its own: the queue, the topic and the table that it may use, in a local
cloud where nothing else is, and a second queue that gets what is published to the topic."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from lab.aws import packaging
from lab.aws.waiting import wait_until
from lab.engine.display import printable
from lab.errors import LabError
from lab.here import local

_TIMEOUT = 3  # seconds, for one call
# What Lambda says of a function that cannot work at all, whatever it is called with; what to try.
_HOPELESS = {
    re.compile(r"Runtime\.HandlerNotFound"): "Its handler has to be called `lambda_handler`: "
    "`def lambda_handler(event, context):`.",
    re.compile(r"Runtime\.ImportModuleError"): "It can import what comes with Python, boto3, and "
    "what the file of `lab write` imports.",
    re.compile(r"Runtime\.ExitError"): "It has ended its own process. Return an answer instead.",
    re.compile(r"Sandbox\.Timedout|.*Task timed out"): "Is there a loop that never ends, or a long "
    f"sleep? Here a call may take {_TIMEOUT} seconds.",
    re.compile(r"Runtime\.|NotImplementedError"): "",
}
# In a log, what comes before and after what the function prints itself.
_NOT_PRINTED = re.compile(r"(INIT_START|START|END|REPORT) |\[ERROR\]|\S+ \S+ Task timed out")
_NAME = "bench"  # of everything here
_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


@dataclass(frozen=True)
class Reply:
    """What a call of a function came to: its answer, or its error in words."""

    answer: Any
    error: str = ""

    @property
    def in_words(self) -> str:
        if self.error or self.answer is not None:
            return self.error or json.dumps(self.answer)
        return "None, as the handler returns nothing"


class Bench:
    """A function on its own, and what it may use. `handler` is the module with its handler."""

    def __init__(self, aws: boto3.Session, stem: str, package: bytes, *, handler: str = "") -> None:
        self._address, self._stem = str(aws.client("lambda").meta.endpoint_url), stem
        self.printed: list[str] = []  # by the function, since somebody emptied it
        self._sqs: Any = aws.client("sqs")
        self._lambda = aws.client("lambda")
        self._queue = self._sqs.create_queue(QueueName=_NAME)["QueueUrl"]
        self._published = self._sqs.create_queue(QueueName=f"{_NAME}-published")["QueueUrl"]
        topic = self._make_topic(aws)
        self._table = _make_table(aws)
        self._variables = {"QUEUE_NAME": _NAME, "TABLE_NAME": _NAME}
        self._variables |= {"TOPIC_ARN": topic, "TOPIC_NAME": _NAME}
        self._make_function(_make_role(aws), package, handler or stem)

    def _make_topic(self, aws: boto3.Session) -> str:
        """A topic that passes on to the second queue what is published."""
        asked = self._sqs.get_queue_attributes(
            QueueUrl=self._published, AttributeNames=["QueueArn"]
        )
        queue = asked["Attributes"]["QueueArn"]
        sns = aws.client("sns")
        topic = sns.create_topic(Name=_NAME)["TopicArn"]
        sender = {"Service": "sns.amazonaws.com"}
        may = {"Effect": "Allow", "Principal": sender, "Action": "sqs:SendMessage"}
        self._sqs.set_queue_attributes(
            QueueUrl=self._published, Attributes={"Policy": _policy({**may, "Resource": queue})}
        )
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
        return topic

    def _make_function(self, role: str, package: bytes, module: str) -> None:
        self._lambda.create_function(
            FunctionName=self._stem,
            Role=role,
            Handler=f"{module}.lambda_handler",
            Runtime=packaging.RUNTIME,
            Timeout=_TIMEOUT,
            Environment={"Variables": self._variables},
            Code={"ZipFile": package},
        )
        self._lambda.get_waiter("function_active_v2").wait(FunctionName=self._stem)

    def call(self, event: Any) -> Reply:
        """Call the function with an event. Raises LabError if it cannot work at all."""
        payload = event if isinstance(event, str) else json.dumps(event)
        found = self._lambda.invoke(FunctionName=self._stem, Payload=payload, LogType="Tail")
        self.printed += _printed(base64.b64decode(found["LogResult"]).decode("utf-8", "replace"))
        answer = json.loads(found["Payload"].read())
        if "FunctionError" not in found:
            return Reply(answer)
        error = _in_words(self._stem, answer)
        for kind, try_this in _HOPELESS.items():
            if kind.match(error):
                said = f"{self._stem} cannot be tried: {printable(error).removesuffix('.')}."
                raise LabError(f"{said} {try_this}".rstrip())
        return Reply(None, error)

    def lead_nowhere(self) -> None:
        """From now on, the queue and the topic that the function is told of cannot be there."""
        self._configure(Environment={"Variables": dict.fromkeys(self._variables, "no such!")})

    def lead_through(self, module: str) -> None:
        """From now on, calls go to the handler of this module of the package."""
        self._configure(Handler=f"{module}.lambda_handler")

    def _configure(self, **what: Any) -> None:
        self._lambda.update_function_configuration(FunctionName=self._stem, **what)
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=self._stem)

    def send(self, body: str) -> None:
        """Put a message on the queue."""
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=body)

    def messages(self) -> list[Any]:
        """What was put on the queue, and what was published, as JSON where it is that. Waits for
        what is under way."""
        wait_until(self._is_idle, "all messages have arrived", timeout=20)
        found: list[str] = []
        for url in (self._queue, self._published):
            while got := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
                "Messages"
            ):
                found += (each["Body"] for each in got)
        return [from_json(body) for body in found]

    def items(self) -> list[Any]:
        found: list[Any] = self._table.scan()["Items"]
        return found

    def _is_idle(self) -> bool:
        return bool((local.status(self._address) or {}).get("is_idle"))


def _make_role(aws: boto3.Session) -> str:
    """A role that may do all that one of our functions may; the rest of AWS is out of reach."""
    iam = aws.client("iam")
    role = iam.create_role(RoleName=_NAME, AssumeRolePolicyDocument=_policy(_TRUST))["Role"]
    may = {"Effect": "Allow", "Action": ["sqs:*", "sns:*", "dynamodb:*", "logs:*"], "Resource": "*"}
    iam.put_role_policy(RoleName=_NAME, PolicyName=_NAME, PolicyDocument=_policy(may))
    return role["Arn"]


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _make_table(aws: boto3.Session) -> Any:
    return aws.resource("dynamodb").create_table(
        TableName=_NAME,
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _printed(log: str) -> Iterator[str]:
    """The function's own lines of a log, without the trace of its error."""
    own = True
    for line in log.splitlines():
        own = line.startswith("START ") or (own and not _NOT_PRINTED.match(line))
        if own and not line.startswith("START "):
            yield line


def _in_words(stem: str, error: dict[str, Any]) -> str:
    """An error as Lambda reports it, with the last line of the learner's own file."""
    lines = re.findall(rf'{stem}\.py", line (\d+)', "".join(error.get("stackTrace", [])))
    where = f" (line {lines[-1]})" if lines else ""
    kind = error.get("errorType", "")
    said = re.sub(r"^RequestId: \S+ Error: ", "", str(error.get("errorMessage", "")))
    return f"{kind}: {said}{where}".removeprefix(": ")


def from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text
