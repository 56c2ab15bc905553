"""Asynchronous invocations: retries, age, destinations, dead-letter queues."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.clouds import own_cloud
from tests.support.counts import counts
from tests.support.functions import ANYTHING, invoke, make_function, make_role
from tests.support.queues import messages_on, open_queue
from tests.support.sessions import make_session

ACCOUNT = "123456789012"
SQS = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
ECHO = """
def handler(event, context):
    if event.get("raise"):
        raise ValueError("no tea")
    return {"id": context.aws_request_id, "event": event}
"""


@pytest.fixture
def queues(aws: Session) -> dict[str, str]:
    """The URLs of queues for what succeeded, what failed, and dead letters."""
    sqs = aws.client("sqs")
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("good", "bad", "dead")}


def configure(aws: Session, name: str, **settings: Any) -> None:
    """Set how the function's events are tried; destinations by the names of queues, or ARNs."""
    destinations = {
        kind: {"Destination": to if to.startswith("arn:") else SQS + to}
        for kind in ("OnSuccess", "OnFailure")
        if (to := settings.pop(kind, None))
    }
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig=destinations, **settings
    )


def send(aws: Session, name: str, event: dict[str, Any]) -> str:
    """Invoke asynchronously; the request id."""
    reply = invoke(aws, name, event, InvocationType="Event")
    return str(reply["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"])


def record_on(aws: Session, url: str) -> dict[str, Any]:
    (message,) = messages_on(aws, url)
    return dict(json.loads(message["Body"]))


@pytest.mark.parity(
    "The on-success destination gets a record in the documented form",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
def test_what_succeeded_is_recorded_in_the_documented_form(
    aws: Session, queues: dict[str, str]
) -> None:
    make_function(aws, "f", ECHO)
    configure(aws, "f", OnSuccess="good", OnFailure="bad")
    request_id = send(aws, "f", {"order": 1})
    record = record_on(aws, queues["good"])
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"order": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"id": request_id, "event": {"order": 1}},
    }
    assert messages_on(aws, queues["bad"], wait=0) == []


def test_an_event_whose_package_cannot_be_unpacked_is_a_dead_letter(
    aws: Session, queues: dict[str, str]
) -> None:
    make_function(aws, "f", ECHO, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", ECHO)
        package.writestr("app.py/data", "a file cannot be in a file")
    aws.client("lambda").update_function_code(FunctionName="f", ZipFile=archive.getvalue())
    assert invoke(aws, "f")["Payload"]["errorType"] == "InvalidZipFileException"
    send(aws, "f", {"order": 1})
    (message,) = messages_on(aws, queues["dead"])
    assert json.loads(message["Body"]) == {"order": 1}
    why = message["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert why.startswith("Lambda could not unzip the package of f:")


@pytest.mark.parity(
    "`MaximumRetryAttempts` sets how often a failing event is tried again, at most twice",
    kept="yes",
    module="lambda_.event_invoke_config",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
@pytest.mark.parity(
    "An event that failed for good goes to the on-failure destination and to the dead-letter "
    "queue, with `RequestID`, `ErrorCode` and `ErrorMessage`",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
@pytest.mark.parametrize(("settings", "count"), [({}, 3), ({"MaximumRetryAttempts": 0}, 1)])
@pytest.mark.place("failed event")
def test_what_failed_for_good_is_recorded_and_dead_lettered(
    aws: Session, queues: dict[str, str], settings: dict[str, int], count: int
) -> None:
    make_function(aws, "f", ECHO, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    configure(aws, "f", OnSuccess="good", OnFailure="bad", **settings)
    request_id = send(aws, "f", {"raise": True})
    record = record_on(aws, queues["bad"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["approximateInvokeCount"] == count
    assert record["requestPayload"] == {"raise": True}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "no tea"
    (dead,) = messages_on(aws, queues["dead"])
    assert json.loads(dead["Body"]) == {"raise": True}
    assert dead["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no tea"},
    }
    assert messages_on(aws, queues["good"], wait=0) == []


@pytest.mark.parity(
    "Records and dead letters can go to a topic",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
def test_records_and_dead_letters_can_go_to_a_topic(aws: Session) -> None:
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    url = open_queue(aws, "heard", topic)
    raw = {"RawMessageDelivery": "true"}
    aws.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"{SQS}heard", Attributes=raw
    )
    make_function(aws, "f", ECHO, DeadLetterConfig={"TargetArn": topic})
    configure(aws, "f", OnFailure=topic, MaximumRetryAttempts=0)
    send(aws, "f", {"raise": True})
    heard = wait_until(lambda: messages_on(aws, url), "it was published", timeout=90)
    heard += messages_on(aws, url, wait=0)
    record, dead = sorted(heard, key=lambda message: len(message["Body"]), reverse=True)
    assert json.loads(record["Body"])["requestPayload"] == {"raise": True}
    assert json.loads(dead["Body"]) == {"raise": True}
    assert dead["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no tea"


@pytest.mark.parity(
    "A record can go to a function",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
def test_a_record_can_go_to_a_function(aws: Session, queues: dict[str, str]) -> None:
    make_function(aws, "f", ECHO)
    configure(aws, "f", OnSuccess=make_function(aws, "g", ECHO))
    configure(aws, "g", OnSuccess="good")
    send(aws, "f", {"order": 1})
    record = record_on(aws, queues["good"])
    assert record["requestPayload"]["requestPayload"] == {"order": 1}


@pytest.mark.parity(
    "Lambda sends records and dead letters in the name of the function's role",
    kept="yes",
    module="deliver",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
def test_nothing_is_sent_that_the_role_does_not_allow(aws: Session, queues: dict[str, str]) -> None:
    only_good = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"{SQS}good"}
    role = make_role(aws, "narrow", ANYTHING)
    make_function(aws, "f", ECHO, Role=role, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    configure(aws, "f", OnSuccess="good", OnFailure="bad", MaximumRetryAttempts=0)
    make_role(aws, "narrow", {"Version": "2012-10-17", "Statement": [only_good]})
    send(aws, "f", {"raise": True})
    send(aws, "f", {})
    assert record_on(aws, queues["good"])["requestPayload"] == {}
    assert messages_on(aws, queues["bad"], wait=1) == []
    assert messages_on(aws, queues["dead"], wait=0) == []


@pytest.mark.parity(
    "PutFunctionEventInvokeConfig replaces all settings, "
    "UpdateFunctionEventInvokeConfig those that it names",
    kept="yes",
    module="lambda_.event_invoke_config",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html",
)
def test_the_settings_that_were_put_last_count(aws: Session, queues: dict[str, str]) -> None:
    make_function(aws, "f", ECHO)
    lambda_ = aws.client("lambda")
    configure(aws, "f", OnFailure="good", MaximumRetryAttempts=2)
    configure(aws, "f", OnFailure="bad", MaximumEventAgeInSeconds=60)
    lambda_.update_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    found = lambda_.get_function_event_invoke_config(FunctionName="f")
    destinations = {"OnSuccess": {}, "OnFailure": {"Destination": f"{SQS}bad"}}
    assert found["DestinationConfig"] == destinations
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    send(aws, "f", {"raise": True})
    assert record_on(aws, queues["bad"])["requestContext"]["approximateInvokeCount"] == 2


@pytest.mark.parity(
    "An event older than `MaximumEventAgeInSeconds` is not tried again",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
def test_an_event_that_is_too_old_is_not_tried_again() -> None:
    with own_cloud("--retry-delay", "61", "--speed", "100") as (address, _):
        aws = make_session(address)
        url = aws.client("sqs").create_queue(QueueName="bad")["QueueUrl"]
        make_function(aws, "f", ECHO)
        configure(aws, "f", OnFailure="bad", MaximumEventAgeInSeconds=60)
        send(aws, "f", {"raise": True})
        context = record_on(aws, url)["requestContext"]
        assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


@pytest.mark.parity(
    "An event of an asynchronous invocation has 1 MB at most",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def test_an_event_above_1_mb_is_refused(aws: Session, queues: dict[str, str]) -> None:
    make_function(aws, "f", "def handler(event, context):\n    return len(event['text'])\n")
    configure(aws, "f", OnSuccess="good")
    with pytest.raises(ClientError, match="RequestTooLarge"):
        send(aws, "f", {"text": "x" * 1024 * 1024})
    send(aws, "f", {"text": "x" * 1_000_000})
    assert record_on(aws, queues["good"])["responsePayload"] == 1_000_000


# -- Throttling ----------------------------------------------------------

NAP = """
import time
import zipfile
def handler(event, context):
    time.sleep(event.get("nap", 0))
    return event
"""


def reserve(aws: Session, name: str, count: int) -> None:
    aws.client("lambda").put_function_concurrency(
        FunctionName=name, ReservedConcurrentExecutions=count
    )


def once(aws: Session) -> Any:
    """A client of Lambda's that does not try again by itself."""
    return aws.client("lambda", config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parity(
    "Above its reserved concurrency a function is throttled: 429, `TooManyRequestsException`",
    kept="yes",
    module="lambda_.runtime.runtime",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
)
def test_a_function_with_a_reserved_concurrency_is_throttled_above_it(aws: Session) -> None:
    make_function(aws, "f", NAP, Timeout=20)
    reserve(aws, "f", 2)
    invoke(aws, "f")
    for _ in range(2):
        send(aws, "f", {"nap": 3})
    with pytest.raises(ClientError) as caught:
        once(aws).invoke(FunctionName="f")
    answer: Any = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer["Error"]["Message"] == "Rate Exceeded."
    make_function(aws, "other", NAP)
    assert invoke(aws, "other", {"a": 1})["Payload"] == {"a": 1}
    aws.client("lambda").delete_function_concurrency(FunctionName="f")
    assert invoke(aws, "f", {"a": 1})["Payload"] == {"a": 1}


@pytest.mark.parity(
    "A throttled event waits and is tried again, whatever the number of retries",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
def test_a_throttled_event_waits_and_is_tried_again(aws: Session, queues: dict[str, str]) -> None:
    lab.hurry(aws, 5)
    make_function(aws, "f", NAP, Timeout=20)
    configure(aws, "f", OnSuccess="good", OnFailure="bad", MaximumRetryAttempts=0)
    reserve(aws, "f", 1)
    send(aws, "f", {"nap": 1.5})
    send(aws, "f", {"order": 2})
    records = [record_on(aws, queues["good"])["requestPayload"] for _ in range(2)]
    assert records == [{"nap": 1.5}, {"order": 2}]


@pytest.mark.parity(
    "A throttled event is given up when it is too old",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
def test_a_throttled_event_gives_up_when_it_is_too_old(
    aws: Session, queues: dict[str, str]
) -> None:
    lab.hurry(aws, 60)
    make_function(aws, "f", NAP, Timeout=20, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    configure(aws, "f", OnFailure="bad", MaximumEventAgeInSeconds=60)
    reserve(aws, "f", 1)
    send(aws, "f", {"nap": 8})
    send(aws, "f", {"order": 2})
    record = record_on(aws, queues["bad"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == {"order": 2}
    assert record.keys().isdisjoint({"responseContext", "responsePayload"})
    (dead,) = messages_on(aws, queues["dead"])
    assert dead["MessageAttributes"]["ErrorCode"] == {"DataType": "Number", "StringValue": "429"}
    assert dead["MessageAttributes"]["ErrorMessage"]["StringValue"] == "Rate Exceeded."


@pytest.mark.parity(
    "With a reserved concurrency of zero, events go to the on-failure destination and "
    "the dead-letter queue at once",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
)
def test_a_function_that_may_not_run_at_all_sends_its_events_straight_away(
    aws: Session, queues: dict[str, str]
) -> None:
    make_function(aws, "f", NAP, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    configure(aws, "f", OnFailure="bad")
    reserve(aws, "f", 0)
    send(aws, "f", {"order": 1})
    context = record_on(aws, queues["bad"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == (
        "ZeroReservedConcurrency",
        0,
    )
    (dead,) = messages_on(aws, queues["dead"])
    assert json.loads(dead["Body"]) == {"order": 1}
    assert "ErrorCode" not in dead["MessageAttributes"]
    with pytest.raises(once(aws).exceptions.TooManyRequestsException):
        once(aws).invoke(FunctionName="f")


@pytest.mark.parity(
    "A throttled function's messages come back after their visibility timeout, and end "
    "as dead letters",
    kept="yes",
    module="lambda_.event_source_mapping",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
def test_a_throttled_functions_messages_come_back_and_end_as_dead_letters(
    aws: Session, queues: dict[str, str]
) -> None:
    lab.hurry(aws, 10)
    sqs = aws.client("sqs")
    redrive = {"deadLetterTargetArn": f"{SQS}dead", "maxReceiveCount": 3}
    attributes = {"VisibilityTimeout": "10", "RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName="q", Attributes=attributes)["QueueUrl"]
    make_function(aws, "f", NAP)
    reserve(aws, "f", 0)
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    aws.client("lambda").create_event_source_mapping(EventSourceArn=f"{SQS}q", FunctionName="f")
    (dead,) = messages_on(aws, queues["dead"], wait=20)
    assert dead["Body"] == "tea"
    assert dead["Attributes"]["ApproximateReceiveCount"] == "4"
    aws.client("lambda").delete_function_concurrency(FunctionName="f")
    sqs.send_message(QueueUrl=url, MessageBody="cup")
    wait_until(lambda: not any(counts(sqs, url)), "the queue is empty", timeout=90)
    assert messages_on(aws, queues["dead"], wait=0) == []


@pytest.mark.parity(
    "A function, each version and each alias have settings of their own for their events",
    kept="yes",
    module="lambda_.event_invoke_config",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionEventInvokeConfig.html",
)
def test_each_qualifier_has_settings_of_its_own(aws: Session) -> None:
    make_function(aws, "f", ECHO)
    lambda_ = aws.client("lambda")
    lambda_.publish_version(FunctionName="f")
    lambda_.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    for retries, named in enumerate(({"Qualifier": "$LATEST"}, {"Qualifier": "1"}, {})):
        lambda_.put_function_event_invoke_config(
            FunctionName="f", MaximumRetryAttempts=retries, **named
        )
    for named, retries in (({"Qualifier": "$LATEST"}, 2), ({}, 2), ({"Qualifier": "1"}, 1)):
        found = lambda_.get_function_event_invoke_config(FunctionName="f", **named)
        assert found["MaximumRetryAttempts"] == retries
        assert found["FunctionArn"] == f"{arn}:{named.get('Qualifier', '$LATEST')}"
    every = lambda_.list_function_event_invoke_configs(FunctionName="f")
    assert len(every["FunctionEventInvokeConfigs"]) == 2
    none = f"The function {arn}:live doesn't have an EventInvokeConfig"
    for call, more in (
        (lambda_.get_function_event_invoke_config, {}),
        (lambda_.delete_function_event_invoke_config, {}),
        (lambda_.update_function_event_invoke_config, {"MaximumRetryAttempts": 1}),
    ):
        with pytest.raises(lambda_.exceptions.ResourceNotFoundException, match=none):
            call(FunctionName="f", Qualifier="live", **more)
    lambda_.delete_function_event_invoke_config(FunctionName="f", Qualifier="1")
    (left,) = lambda_.list_function_event_invoke_configs(FunctionName="f")[
        "FunctionEventInvokeConfigs"
    ]
    assert left["MaximumRetryAttempts"] == 2


def test_an_event_keeps_to_the_settings_of_what_it_was_sent_to(
    aws: Session, queues: dict[str, str]
) -> None:
    make_function(aws, "f", ECHO)
    lambda_ = aws.client("lambda")
    lambda_.publish_version(FunctionName="f")
    lambda_.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    for qualifier, queue in (("1", "good"), ("live", "bad")):
        lambda_.put_function_event_invoke_config(
            FunctionName="f", Qualifier=qualifier,
            DestinationConfig={"OnSuccess": {"Destination": f"{SQS}{queue}"}},
        )  # fmt: skip
    lambda_.invoke(FunctionName="f:live", InvocationType="Event", Payload=b"{}")
    record = record_on(aws, queues["bad"])
    assert record["requestContext"]["functionArn"].endswith(":f:live")
    assert messages_on(aws, queues["good"], wait=0) == []


REFUSED_SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    ("f", {}, "You must specify at least one of error handling or destination setting."),
    ("none", {"MaximumRetryAttempts": 1}, "The function doesn't exist."),
    ("f:none", {"MaximumRetryAttempts": 1}, "The function doesn't exist."),
    ("f", {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:iam::123456789012:x"}}},
     "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="
     "arn:aws:iam::123456789012:x), onFailure=null) is invalid."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "said"), REFUSED_SETTINGS)
def test_settings_that_cannot_be_are_refused(
    aws: Session, name: str, settings: dict[str, Any], said: str
) -> None:
    make_function(aws, "f", ECHO)
    with pytest.raises(ClientError) as caught:
        aws.client("lambda").put_function_event_invoke_config(FunctionName=name, **settings)
    assert caught.value.response["Error"]["Message"] == said
