"""Rules of AWS's that moto leaves out are kept."""

from __future__ import annotations

import io
import uuid
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.functions import make_function, make_role, zip_of

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
ECHO = "def handler(event, context):\n    return event\n"


@pytest.mark.parity(
    "A statement id is taken once in a function's policy",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html",
)
def test_a_statement_id_is_taken_once(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    lambda_ = aws.client("lambda")
    permission = {
        "FunctionName": "echo",
        "StatementId": "a",
        "Action": "lambda:InvokeFunction",
        "Principal": "sns.amazonaws.com",
    }
    lambda_.add_permission(**permission)
    with pytest.raises(lambda_.exceptions.ResourceConflictException, match="statement id"):
        lambda_.add_permission(**permission)
    lambda_.add_permission(**{**permission, "StatementId": "b"})


@pytest.mark.parity(
    "A queue triggers a function through one mapping",
    kept="yes",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
)
def test_a_queue_triggers_a_function_through_one_mapping(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    lambda_ = aws.client("lambda")
    aws.client("sqs").create_queue(QueueName="q")
    mapping = {"FunctionName": "echo", "EventSourceArn": QUEUE}
    uuid = lambda_.create_event_source_mapping(**mapping)["UUID"]
    with pytest.raises(lambda_.exceptions.ResourceConflictException) as caught:
        lambda_.create_event_source_mapping(**mapping)
    assert caught.value.response["Error"]["Message"] == (
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" echo ") already '
        f"exists. Please update or delete the existing mapping with UUID {uuid}"
    )
    lambda_.delete_event_source_mapping(UUID=uuid)
    lambda_.create_event_source_mapping(**mapping)


@pytest.mark.parity(
    "A mapping needs a queue that is there",
    kept="yes",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
)
def test_a_mapping_of_a_missing_queue_is_refused(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    lambda_ = aws.client("lambda")
    with pytest.raises(lambda_.exceptions.InvalidParameterValueException) as caught:
        lambda_.create_event_source_mapping(FunctionName="echo", EventSourceArn=QUEUE)
    assert caught.value.response["Error"]["Message"] == (
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
        "exist."
    )
    assert lambda_.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.parity(
    "A queue whose visibility timeout is below the function's timeout is refused when a mapping "
    "is made and when it is updated",
    kept="yes, if the update names the function",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
def test_a_queue_hides_a_message_for_as_long_as_the_function_may_take(aws: Session) -> None:
    lambda_, sqs = aws.client("lambda"), aws.client("sqs")
    make_function(aws, "slow", ECHO, Timeout=60)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    mapping = {"FunctionName": "slow", "EventSourceArn": QUEUE}
    with pytest.raises(
        lambda_.exceptions.InvalidParameterValueException,
        match="Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
    ):
        lambda_.create_event_source_mapping(**mapping)
    assert lambda_.list_event_source_mappings()["EventSourceMappings"] == []
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    uuid = lambda_.create_event_source_mapping(**mapping)["UUID"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "59"})
    with pytest.raises(ClientError, match="59 seconds is less than Function timeout: 60"):
        lambda_.update_event_source_mapping(UUID=uuid, FunctionName="slow", BatchSize=1)
    assert lambda_.get_event_source_mapping(UUID=uuid)["BatchSize"] == 10


@pytest.mark.parity(
    "A setting out of its range is refused when a mapping is made and when it is updated",
    kept="yes",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html",
)
@pytest.mark.parametrize(
    "settings",
    [
        {"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ScalingConfig": {"MaximumConcurrency": 1001}},
        {"FunctionResponseTypes": ["ReportEverything"]},
    ],
)
def test_a_setting_out_of_its_range_is_refused(aws: Session, settings: dict[str, Any]) -> None:
    make_function(aws, "echo", ECHO)
    lambda_ = aws.client("lambda")
    aws.client("sqs").create_queue(QueueName="q")
    mapping = {"FunctionName": "echo", "EventSourceArn": QUEUE}
    with pytest.raises(ClientError, match="ValidationException"):
        lambda_.create_event_source_mapping(**mapping, **settings)
    made = lambda_.create_event_source_mapping(**mapping)
    with pytest.raises(ClientError, match="ValidationException"):
        lambda_.update_event_source_mapping(UUID=made["UUID"], **settings)
    found = lambda_.get_event_source_mapping(UUID=made["UUID"])
    assert {name: found.get(name) for name in settings} == {n: made.get(n) for n in settings}


@pytest.mark.parity("A function's role has to exist", kept="yes")
def test_a_role_that_does_not_exist_cannot_be_used(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    with pytest.raises(
        lambda_.exceptions.InvalidParameterValueException, match="cannot be assumed by Lambda"
    ):
        lambda_.create_function(
            FunctionName="x",
            Role="arn:aws:iam::123456789012:role/missing",
            Handler="app.handler",
            Runtime="python3.13",
            Code={"ZipFile": zip_of("")},
        )
    make_function(aws, "echo", ECHO)
    missing = "arn:aws:iam::123456789012:role/missing"
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        lambda_.update_function_configuration(FunctionName="echo", Role=missing)
    assert "missing" not in lambda_.get_function_configuration(FunctionName="echo")["Role"]


@pytest.mark.parity(
    "A function's code comes from a zip file or from an object in S3 that is there",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html",
)
def test_a_function_without_a_source_of_its_code_is_refused(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    make_function(aws, "echo", ECHO)
    refused = lambda_.exceptions.InvalidParameterValueException
    nowhere = {"S3Bucket": "no-such-bucket", "S3Key": "echo.zip"}
    no_source = "Please provide a source for function code"
    for code, said in (({}, no_source), (nowhere, "NoSuchBucket")):
        with pytest.raises(refused, match=said):
            lambda_.update_function_code(FunctionName="echo", **code)
        with pytest.raises(refused, match=said):
            lambda_.create_function(
                FunctionName="other",
                Role=make_role(aws),
                Handler="app.handler",
                Runtime="python3.13",
                Code=code,
            )
    assert [each["FunctionName"] for each in lambda_.list_functions()["Functions"]] == ["echo"]


@pytest.mark.parity(
    "A function's code has to be a complete zip file",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html",
)
@pytest.mark.parametrize(
    "package",
    [
        b"tea",
        zip_of(ECHO).replace(b"return", b"reTurn"),  # its checksum is of another text
        zip_of(ECHO).replace(b"app.py", b"app.pi", 1),
    ],
    ids=["no zip file", "a wrong checksum", "two names"],  # the bytes hold the time
)
def test_a_package_that_is_not_a_zip_file_is_refused(aws: Session, package: bytes) -> None:
    make_function(aws, "echo", ECHO)
    lambda_ = aws.client("lambda")
    refused = lambda_.exceptions.InvalidParameterValueException
    with pytest.raises(refused, match="Could not unzip"):
        lambda_.update_function_code(FunctionName="echo", ZipFile=package)
    with pytest.raises(refused, match="Could not unzip"):
        make_function(aws, "tea", ECHO, Code={"ZipFile": package})
    assert [f["FunctionName"] for f in lambda_.list_functions()["Functions"]] == ["echo"]


@pytest.mark.parity(
    "A package has less than 250 MB when it is unzipped",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def test_a_package_that_unzips_to_250_mb_is_refused(aws: Session) -> None:
    package = io.BytesIO()
    with (
        zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("app.py", "w") as member,
    ):
        for _ in range(250):
            member.write(bytes(1024 * 1024))
    refused = aws.client("lambda").exceptions.InvalidParameterValueException
    with pytest.raises(refused, match="Unzipped size must be smaller than 262144000 bytes"):
        make_function(aws, "large", "", Code={"ZipFile": package.getvalue()})


@pytest.mark.parity(
    "A function's variables have names of letters, digits and underscores that Lambda does not "
    "set itself, and are 4 KB at most",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)
@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        (dict.fromkeys(["AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "MINE"], "x"),
         "InvalidParameterValueException",
         "Reserved keys used in this request: AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN"),
        ({"AWS_REGION": "eu-west-1"}, "InvalidParameterValueException", "reserved keys"),
        ({"AWS_LAMBDA_RUNTIME_API": "x"}, "InvalidParameterValueException", "reserved keys"),
        ({"_HANDLER": "x"}, "ValidationException", "Map keys must satisfy"),
        ({"TOPIC-ARN": "x"}, "ValidationException", "Map keys must satisfy"),
        ({"X": "x"}, "ValidationException", "Map keys must satisfy"),
        ({"MINE": "é" * 2045}, "InvalidParameterValueException",
         'exceeded the 4KB limit. String measured: {"MINE":"éé'),
    ],
)  # fmt: skip
def test_a_function_cannot_set_what_lambda_sets(
    aws: Session, variables: dict[str, str], code: str, said: str
) -> None:
    lambda_ = aws.client("lambda")
    fits = {"PATH": "/opt", "TZ": "UTC", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/x", "MINE": "é" * 2000}
    make_function(aws, "f", ECHO, Environment={"Variables": fits})
    with pytest.raises(ClientError, match=said) as caught:
        make_function(aws, "g", ECHO, Environment={"Variables": variables})
    assert caught.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError, match=said):
        lambda_.update_function_configuration(
            FunctionName="f", Environment={"Variables": variables}
        )
    found = lambda_.get_function_configuration(FunctionName="f")
    assert found["Environment"]["Variables"] == fits


EMPTY = b"PK\x05\x06" + bytes(18)
NO_PLACE = "arn:aws:sqs:us-east-1:123456789012:nowhere"
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"Runtime": "non-existent-runtime"}, "InvalidParameterValueException",
     "Value non-existent-runtime at 'runtime' failed to satisfy constraint: Member must satisfy"),
    ({"Runtime": "python3.7"}, "InvalidParameterValueException",
     "The runtime parameter of python3.7 is no longer supported for creating or updating AWS"),
    ({"Runtime": "nodejs20.x"}, "NotImplemented",
     "The local cloud runs Python only; it has no nodejs20.x."),
    ({"Runtime": ""}, "InvalidParameterValueException",
     "Runtime and Handler are mandatory parameters for functions created with deployment"),
    ({"PackageType": "Image"}, "NotImplemented", "The local cloud has no container images"),
    ({"FunctionName": "f" * 65}, "InvalidParameterValueException",
     "length less than or equal to 64"),
    ({"Code": {"ZipFile": EMPTY}}, "InvalidParameterValueException",
     "Uploaded file must be a non-empty zip"),
    ({"Tags": {f"k{i}": "v" for i in range(51)}}, "InvalidParameterValueException",
     "Number of tags exceeds resource tag limit."),
    ({"DeadLetterConfig": {"TargetArn": NO_PLACE}}, "InvalidParameterValueException",
     f"The dead letter ARN {NO_PLACE} does not exist."),
]  # fmt: skip


@pytest.mark.parity(
    "A function that cannot run is not made",
    kept="yes, and it runs Python only",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html",
)
def test_a_function_that_cannot_run_is_not_made(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    whole = {
        "FunctionName": "f", "Role": make_role(aws), "Handler": "app.handler",
        "Runtime": "python3.13", "Code": {"ZipFile": zip_of(ECHO)},
    }  # fmt: skip
    for change, code, said in REFUSED:
        with pytest.raises(ClientError) as caught:
            lambda_.create_function(**{**whole, **change})
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), error
    assert lambda_.list_functions()["Functions"] == []


@pytest.mark.parity(
    "Functions reserve what the account of 1,000 has, but for 100",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
)
def test_the_account_keeps_a_concurrency_of_100(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    for name in ("f", "g"):
        make_function(aws, name, ECHO)
    lambda_.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=900)
    refused = lambda_.exceptions.InvalidParameterValueException
    for name, reserved in (("f", 901), ("g", 1), ("g", 2000)):
        with pytest.raises(refused, match=r"below its minimum value of \[100\]"):
            lambda_.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=reserved
            )
    with pytest.raises(refused, match="This operation is permitted on Lambda functions only"):
        lambda_.put_function_concurrency(FunctionName="f:$LATEST", ReservedConcurrentExecutions=0)
    found = lambda_.get_account_settings()
    assert found["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    assert found["AccountUsage"]["FunctionCount"] == 2


def test_tags_are_a_functions_and_not_a_versions(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    arn = make_function(aws, "f", ECHO, Tags={"a": "b"})
    lambda_.tag_resource(Resource=arn, Tags={f"k{i}": "v" for i in range(49)})
    assert len(lambda_.list_tags(Resource=arn)["Tags"]) == 50
    with pytest.raises(ClientError, match="Number of tags exceeds resource tag limit"):
        lambda_.tag_resource(Resource=arn, Tags={"one": "more"})
    lambda_.publish_version(FunctionName="f")
    said = "Tags on function aliases and versions are not supported"
    with pytest.raises(ClientError, match=said):
        lambda_.list_tags(Resource=f"{arn}:1")
    with pytest.raises(ClientError, match=said):
        lambda_.tag_resource(Resource=f"{arn}:1", Tags={"a": "b"})
    with pytest.raises(ClientError, match="the request cannot be processed"):
        lambda_.tag_resource(Resource=arn, Tags={})
    nobody = f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{uuid.uuid4()}"
    with pytest.raises(ClientError, match=f"Event source mapping not found: {nobody}") as caught:
        lambda_.list_tags(Resource=nobody)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_other_tags_are_another_revision(aws: Session) -> None:
    lambda_, arn = aws.client("lambda"), make_function(aws, "f", "")
    found = [lambda_.get_function_configuration(FunctionName="f")["RevisionId"]]
    for change, given in (
        (lambda_.tag_resource, {"Tags": {"a": "b"}}),
        (lambda_.untag_resource, {"TagKeys": ["a"]}),
    ):
        change(Resource=arn, **given)
        found.append(lambda_.get_function_configuration(FunctionName="f")["RevisionId"])
    assert len(set(found)) == 3
