"""A change takes a moment, in which Lambda refuses what would need the thing as it will be."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.here import local
from tests.support.clouds import own_cloud
from tests.support.functions import ECHO, make_function, make_role, zip_of
from tests.support.sessions import make_session

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


def impatient(aws: Session) -> Any:
    """A client that does not wait for what it changes."""
    return aws.client("lambda", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def lambda_(aws: Session) -> Any:
    return impatient(aws)


@pytest.fixture
def slow() -> Iterator[Session]:
    """A cloud in which a change takes a minute, and a moment in a hurry."""
    with own_cloud("--change-delay", "60") as (address, _):
        yield make_session(address)


@contextmanager
def in_a_hurry(aws: Session) -> Iterator[None]:
    local.hurry(aws, 1000)
    yield
    local.hurry(aws, 1)


def make(aws: Session, lambda_: Any, name: str = "f") -> Any:
    return lambda_.create_function(
        FunctionName=name, Handler="app.handler", Runtime="python3.13", Role=make_role(aws),
        Code={"ZipFile": ECHO},
    )  # fmt: skip


def refusal(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parity(
    "A function is Pending and then Active; meanwhile it is neither invoked nor changed",
    kept="for 30 ms, which `lab hurry` scales; a call that only looks waits for the end",
    module="lambda_.states",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
)
def test_a_new_function_is_pending_at_first(slow: Session) -> None:
    lambda_ = impatient(slow)
    made = make(slow, lambda_)
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in made
    assert lambda_.get_function(FunctionName="f")["Configuration"]["State"] == "Pending"
    wanted = "The operation cannot be performed at this time. The function is currently in the "
    for call, more in (
        (lambda_.invoke, {}),
        (lambda_.update_function_code, {"ZipFile": ECHO}),
        (lambda_.update_function_configuration, {"Timeout": 5}),
        (lambda_.publish_version, {}),
    ):
        code, said = refusal(call, FunctionName="f", **more)
        assert (code, said.startswith(wanted)) == ("ResourceConflictException", True), said


def test_who_waits_for_a_function_finds_it_active_at_once(aws: Session, lambda_: Any) -> None:
    make(aws, lambda_)
    found = lambda_.get_function_configuration(FunctionName="f")
    assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReasonCode" not in found
    assert lambda_.invoke(FunctionName="f")["StatusCode"] == 200


@pytest.mark.parity(
    "An update of a function is InProgress and then Successful; meanwhile there is no other one",
    kept="likewise",
    module="lambda_.states",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
)
def test_two_updates_of_a_function_do_not_overlap(slow: Session) -> None:
    lambda_ = impatient(slow)
    with in_a_hurry(slow):
        arn = make_function(slow, "f", "def handler(event, context):\n    return 1\n")
    changed = lambda_.update_function_configuration(FunctionName="f", Timeout=7)
    assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
    assert lambda_.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "InProgress"
    wanted = (
        "The operation cannot be performed at this time. An update is in progress for resource: "
        f"{arn}"
    )
    code = zip_of("def handler(event, context):\n    return 2\n")
    said = refusal(lambda_.update_function_code, FunctionName="f", ZipFile=code)
    assert said == ("ResourceConflictException", wanted)
    assert lambda_.invoke(FunctionName="f")["Payload"].read() == b"1"


@pytest.mark.parity(
    "A call with the RevisionId of before the last change is refused",
    kept="yes, for functions, their policies and aliases",
    module="lambda_.meanwhile",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html",
)
def test_a_change_by_the_revision_of_before_is_refused(aws: Session, lambda_: Any) -> None:
    make_function(aws, "f", "")
    before = lambda_.get_function_configuration(FunctionName="f")["RevisionId"]
    lambda_.update_function_configuration(FunctionName="f", Timeout=7, RevisionId=before)
    after = lambda_.get_function_configuration(FunctionName="f")["RevisionId"]
    assert before != after
    for call, more in (
        (lambda_.update_function_code, {"ZipFile": ECHO}),
        (lambda_.update_function_configuration, {"Timeout": 8}),
        (lambda_.publish_version, {}),
    ):
        code, said = refusal(call, FunctionName="f", RevisionId=before, **more)
        assert code == "PreconditionFailedException", said
    lambda_.update_function_code(FunctionName="f", ZipFile=ECHO, RevisionId=after)


@pytest.mark.parity(
    "A function has another revision when a change begins, and one more when it is over",
    kept="yes",
    module="lambda_.functions",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
)
def test_the_end_of_a_change_is_a_new_revision(aws: Session, lambda_: Any) -> None:
    def revision(**named: str) -> str:
        found = lambda_.get_function_configuration(FunctionName="f", **named)
        return str(found["RevisionId"])

    made, active = make(aws, lambda_)["RevisionId"], revision()
    changed = lambda_.update_function_configuration(FunctionName="f", Timeout=7)["RevisionId"]
    updated = revision()
    assert len({made, active, changed, updated}) == 4
    published = lambda_.publish_version(FunctionName="f")["RevisionId"]
    assert published == revision(Qualifier="1")
    assert len({updated, published, revision()}) == 3


def test_a_revision_stays_during_a_change(slow: Session) -> None:
    lambda_ = impatient(slow)
    made = make(slow, lambda_)["RevisionId"]
    assert lambda_.get_function_configuration(FunctionName="f")["RevisionId"] == made


@pytest.mark.parity(
    "A mapping is Creating, Updating, Enabling, Disabling or Deleting for a moment, in which it "
    "can neither be changed nor deleted",
    kept="likewise; its messages are fetched at once, and a deleted one is gone at once",
    module="lambda_.states",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html",
)
def test_a_mapping_takes_a_moment_to_change(aws: Session, lambda_: Any) -> None:
    make_function(aws, "f", "")
    aws.client("sqs").create_queue(QueueName="q")
    made = lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (made["State"], made["StateTransitionReason"]) == ("Creating", "USER_INITIATED")
    assert (made["FunctionResponseTypes"], made["MaximumBatchingWindowInSeconds"]) == ([], 0)
    mapping = {"UUID": made["UUID"]}
    assert lambda_.get_event_source_mapping(**mapping)["State"] == "Enabled"
    for change, during, afterwards in (
        ({"BatchSize": 5}, "Updating", "Enabled"),
        ({"Enabled": False}, "Disabling", "Disabled"),
        ({"Enabled": True}, "Enabling", "Enabled"),
    ):
        assert lambda_.update_event_source_mapping(**mapping, **change)["State"] == during
        (found,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
        assert found["State"] == afterwards


def test_a_mapping_that_is_being_changed_is_in_use(slow: Session) -> None:
    lambda_ = impatient(slow)
    slow.client("sqs").create_queue(QueueName="q")
    with in_a_hurry(slow):
        make_function(slow, "f", "")
        made = lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)
        mapping = {"UUID": made["UUID"]}
        assert lambda_.get_event_source_mapping(**mapping)["State"] == "Enabled"
    lambda_.update_event_source_mapping(**mapping, BatchSize=6)
    assert lambda_.get_event_source_mapping(**mapping)["State"] == "Updating"
    for call, verb in (
        (lambda_.update_event_source_mapping, "update"),
        (lambda_.delete_event_source_mapping, "delete"),
    ):
        wanted = f"Cannot {verb} the event source mapping because it is in use."
        assert refusal(call, **mapping) == ("ResourceInUseException", wanted)


def test_a_deleted_mapping_says_deleting(aws: Session, lambda_: Any) -> None:
    make_function(aws, "f", "")
    aws.client("sqs").create_queue(QueueName="q")
    made = lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)
    lambda_.get_event_source_mapping(UUID=made["UUID"])
    assert lambda_.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    assert lambda_.list_event_source_mappings()["EventSourceMappings"] == []


def test_the_answers_of_the_control_plane_have_the_form_of_lambda(aws: Session) -> None:
    lambda_, arn = aws.client("lambda"), make_function(aws, "f", "")
    headers = lambda_.get_function(FunctionName="f")["ResponseMetadata"]["HTTPHeaders"]
    assert uuid.UUID(headers["x-amzn-requestid"]).version == 4
    assert headers["content-type"] == "application/json"
    for answer in (
        lambda_.tag_resource(Resource=arn, Tags={"a": "b"}),
        lambda_.untag_resource(Resource=arn, TagKeys=["a"]),
    ):
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
