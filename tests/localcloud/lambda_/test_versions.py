"""A function is named in many ways, and its versions and aliases have code of their own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.chapters import status
from tests.support.functions import invoke, make_function, zip_of
from tests.support.queues import messages_on

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
WHO = """
def handler(event, context):
    arn, stream = context.invoked_function_arn, context.log_stream_name
    return ["{code}", context.function_version, arn, stream]
"""


def who(code: str) -> str:
    return WHO.format(code=code)


@pytest.fixture
def published(aws: Session) -> Any:
    """The function f with the code "new", the version 1 with the code "old", and the alias "live"
    of that version; its client."""
    lambda_ = aws.client("lambda")
    make_function(aws, "f", who("old"))
    lambda_.publish_version(FunctionName="f")
    lambda_.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    lambda_.update_function_code(FunctionName="f", ZipFile=zip_of(who("new")))
    return lambda_


@pytest.mark.parity(
    "A version keeps the code that was published, and an alias names a version",
    kept="yes",
    module="lambda_.versions",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html",
)
@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("f", {}, ["new", "$LATEST", ARN]),
        ("f", {"Qualifier": "$LATEST"}, ["new", "$LATEST", f"{ARN}:$LATEST"]),
        ("f", {"Qualifier": "1"}, ["old", "1", f"{ARN}:1"]),
        ("f:1", {}, ["old", "1", f"{ARN}:1"]),
        ("f", {"Qualifier": "live"}, ["old", "1", f"{ARN}:live"]),
        (f"{ARN}:live", {"Qualifier": "live"}, ["old", "1", f"{ARN}:live"]),
        ("123456789012:function:f:1", {}, ["old", "1", f"{ARN}:1"]),
    ],
)
def test_a_qualifier_says_which_code_runs(
    aws: Session, published: Any, name: str, options: dict[str, str], found: list[str]
) -> None:
    reply = invoke(aws, name, **options)
    *said, stream = reply["Payload"]
    assert said == found
    assert reply["ExecutedVersion"] == found[1]
    assert f"/[{found[1]}]" in stream


GONE = f"Function not found: {ARN}"
NOT_THERE = [
    ("f", {"Qualifier": "99"}, f"Function not found: {ARN}:99"),
    ("f", {"Qualifier": "nope"}, f"Function not found: {ARN}:nope"),
    ("f:nope", {}, f"Function not found: {ARN}:nope"),
    ("g", {}, f"Function not found: {ARN[:-1]}g"),
    ("g" * 65, {}, f"Function not found: {ARN[:-1]}{'g' * 65}"),
    (ARN.replace("us-east-1", "eu-west-1"), {},
     "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
]  # fmt: skip


@pytest.mark.parity(
    "What is not there, or is in another region, is not found; nothing is done to another function",
    kept="yes",
    module="lambda_.names",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
)
def test_what_is_not_there_is_not_found(aws: Session, published: Any) -> None:
    operations = [
        published.invoke, published.get_function, published.get_function_configuration,
        published.delete_function,
    ]  # fmt: skip
    for name, options, said in NOT_THERE:
        for operation in operations:
            if operation == published.delete_function and said.startswith(f"{GONE}:"):
                continue  # shown below: AWS says nothing of a version that is not there
            with pytest.raises(ClientError, match="ResourceNotFoundException") as caught:
                operation(FunctionName=name, **options)
            answer: Any = caught.value.response
            is_whole = operation == published.invoke and set(name) == {"g"}
            text = f"{said}:$LATEST" if is_whole else said  # Invoke says what would have run
            assert answer["Error"]["Message"] == answer["Message"] == text, operation
            assert answer["Type"] == "User"
    published.delete_function(FunctionName="f", Qualifier="99")
    elsewhere = ARN.replace("us-east-1", "eu-west-1")
    for operation in (published.get_function_concurrency, published.list_versions_by_function,
                      published.list_aliases, published.get_policy):  # fmt: skip
        with pytest.raises(ClientError, match="are not reachable in this region"):
            operation(FunctionName=elsewhere)
    for operation in (published.list_versions_by_function, published.list_aliases):
        with pytest.raises(ClientError, match=f"Function not found: {ARN[:-1]}g"):
            operation(FunctionName="g")
    assert [each["FunctionName"] for each in published.list_functions()["Functions"]] == ["f"]


@pytest.mark.parametrize("name", ["f", ARN, "123456789012:function:f", "function:f"])
def test_every_call_takes_every_form_of_a_name(aws: Session, published: Any, name: str) -> None:
    for each in (name, f"{name}:$LATEST"):
        found = published.get_function(FunctionName=each)["Configuration"]
        assert (found["FunctionName"], found["Version"]) == ("f", "$LATEST")
        assert published.get_function_configuration(FunctionName=each)["Handler"] == "app.handler"
    published.update_function_configuration(FunctionName=name, Description=name)
    assert published.get_function(FunctionName="f")["Configuration"]["Description"] == name
    versions = published.list_versions_by_function(FunctionName=name)["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1"]
    assert [each["Name"] for each in published.list_aliases(FunctionName=name)["Aliases"]] == [
        "live"
    ]
    assert published.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    with pytest.raises(ClientError, match="permitted on Lambda functions only"):
        published.put_function_concurrency(
            FunctionName=f"{name}:live", ReservedConcurrentExecutions=1
        )
    with pytest.raises(ClientError, match="The derived qualifier from the function name does not"):
        published.get_function(FunctionName=f"{name}:live", Qualifier="1")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        published.get_function(FunctionName="210987654321:function:f")


def test_a_version_and_an_alias_show_their_own_arn(published: Any) -> None:
    for qualifier in ("1", "live"):
        found = published.get_function(FunctionName="f", Qualifier=qualifier)["Configuration"]
        assert (found["FunctionArn"], found["Version"]) == (f"{ARN}:{qualifier}", "1")


REFUSED_ALIASES: list[tuple[dict[str, Any], str, str]] = [
    ({"Name": "live"}, "ResourceConflictException", f"Alias already exists: {ARN}:live"),
    ({"FunctionVersion": "9"}, "ResourceNotFoundException", f"Function not found: {ARN}:9"),
    ({"RoutingConfig": {"AdditionalVersionWeights": {"9": 0.5}}}, "ResourceNotFoundException",
     f"Function not found: {ARN}:9"),
    ({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}, "InvalidParameterValueException",
     "Function version 1 is already included in routing configuration."),
    ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5, "3": 0.1}}},
     "InvalidParameterValueException", "Number of items in AdditionalVersionWeights cannot be"),
    ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 1.5}}}, "ValidationException",
     "Map value must satisfy constraint: [Member must have value less than or equal to 1"),
    ({"FunctionName": "g"}, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g:1"),
    ({"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
     "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more"),
]  # fmt: skip


@pytest.mark.parity(
    "An alias names versions that are there, and a name is taken once",
    kept="yes",
    module="lambda_.versions",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html",
)
def test_an_alias_names_what_is_there(published: Any) -> None:
    for given, code, said in REFUSED_ALIASES:
        with pytest.raises(ClientError) as caught:
            published.create_alias(
                **{"FunctionName": "f", "Name": "next", "FunctionVersion": "1", **given}
            )
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), error
    with pytest.raises(published.exceptions.ResourceConflictException):
        published.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    with pytest.raises(ClientError, match=f"Cannot find alias arn: {ARN}:next"):
        published.get_alias(FunctionName="f", Name="next")
    with pytest.raises(ClientError, match=f"Alias not found: {ARN}:next"):
        published.update_alias(FunctionName="f", Name="next")


def test_an_alias_of_one_version_shows_no_routing(published: Any) -> None:
    published.publish_version(FunctionName="f")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    shared = published.update_alias(FunctionName="f", Name="live", RoutingConfig=weights)
    assert shared["RoutingConfig"] == weights
    alone = published.update_alias(
        FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert "RoutingConfig" not in alone


def test_an_alias_is_changed_listed_and_deleted(published: Any) -> None:
    published.publish_version(FunctionName="f")
    before = published.get_alias(FunctionName="f", Name="live")
    changed = published.update_alias(
        FunctionName="f", Name="live", FunctionVersion="2", RevisionId=before["RevisionId"]
    )
    assert changed["FunctionVersion"] == "2" and changed["RevisionId"] != before["RevisionId"]
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        published.update_alias(FunctionName="f", Name="live", RevisionId=before["RevisionId"])
    for version, names in (("1", []), ("2", ["live"])):
        found = published.list_aliases(FunctionName="f", FunctionVersion=version)["Aliases"]
        assert [each["Name"] for each in found] == names
    with pytest.raises(ClientError, match="the following aliases reference it"):
        published.delete_function(FunctionName="f", Qualifier="2")
    gone = published.delete_alias(FunctionName="f", Name="live")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    published.delete_function(FunctionName="f", Qualifier="2")
    published.update_function_code(FunctionName="f", ZipFile=zip_of(who("newest")))
    assert published.publish_version(FunctionName="f")["Version"] == "3"
    for name in ("f", "g"):
        with pytest.raises(ClientError, match="cannot be deleted without deleting the function"):
            published.delete_function(FunctionName=name, Qualifier="$LATEST")


def test_an_alias_sends_a_share_of_its_calls_to_another_version(
    aws: Session, published: Any
) -> None:
    published.publish_version(FunctionName="f")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    published.update_alias(FunctionName="f", Name="live", RoutingConfig=weights)
    found: set[str] = set()

    def both() -> bool:
        found.add(invoke(aws, "f", Qualifier="live")["Payload"][0])
        return found == {"old", "new"}

    wait_until(both, "both versions were called", timeout=90)


def test_only_the_newest_code_is_published(published: Any) -> None:
    with pytest.raises(ClientError, match=r"CodeSHA256 \(wrong\) is different from current"):
        published.publish_version(FunctionName="f", CodeSha256="wrong")
    found = published.get_function_configuration(FunctionName="f")["CodeSha256"]
    assert published.publish_version(FunctionName="f", CodeSha256=found)["Version"] == "2"


@pytest.mark.parity(
    "A list shows no states and no runtime versions; a call about one function does",
    kept="yes",
    module="lambda_.functions",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html",
)
def test_a_list_shows_less_than_a_call_about_one_function(published: Any) -> None:
    one = published.get_function_configuration(FunctionName="f")
    assert (one["State"], one["LastUpdateStatus"]) == ("Active", "Successful")
    left_out = {"State", "LastUpdateStatus", "RuntimeVersionConfig"}
    for each in (
        *published.list_functions()["Functions"],
        *published.list_functions(FunctionVersion="ALL")["Functions"],
        *published.list_versions_by_function(FunctionName="f")["Versions"],
    ):
        assert one.keys() - each.keys() == left_out | {"ResponseMetadata"}


@pytest.mark.parity(
    "A function shows the variables that it was given, none included, no layers if it has none, "
    "and the version of its runtime",
    kept="yes; a runtime stays at one version",
    module="lambda_.functions",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html",
)
def test_a_function_shows_what_it_was_given(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    make_function(aws, "bare", "")
    make_function(aws, "empty", "", Environment={"Variables": {}})
    bare, empty = (lambda_.get_function_configuration(FunctionName=n) for n in ("bare", "empty"))
    assert bare.keys().isdisjoint({"Environment", "Layers"})
    assert empty["Environment"] == {"Variables": {}}
    changed = lambda_.update_function_configuration(FunctionName="bare", Environment={})
    assert changed["Environment"] == {"Variables": {}}
    arns = {each["RuntimeVersionConfig"]["RuntimeVersionArn"] for each in (bare, empty)}
    (arn,) = arns
    assert re.fullmatch("arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}", arn)
    other = lambda_.update_function_configuration(FunctionName="bare", Runtime="python3.12")
    assert other["RuntimeVersionConfig"]["RuntimeVersionArn"] != arn


def test_a_mapping_and_an_event_keep_to_the_alias_that_they_name(
    aws: Session, published: Any, cloud: str
) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    seen = sqs.create_queue(QueueName="seen")["QueueUrl"]
    queue = "arn:aws:sqs:us-east-1:123456789012:"
    made = published.create_event_source_mapping(FunctionName="f:live", EventSourceArn=f"{queue}q")
    assert made["FunctionArn"] == f"{ARN}:live"
    published.put_function_event_invoke_config(
        FunctionName="f", Qualifier="live",
        DestinationConfig={"OnSuccess": {"Destination": f"{queue}seen"}},
    )  # fmt: skip
    published.invoke(FunctionName="f:live", InvocationType="Event")
    (message,) = messages_on(aws, seen, wait=90)
    record = json.loads(message["Body"])
    assert record["requestContext"]["functionArn"] == f"{ARN}:live"
    assert record["responsePayload"][:3] == ["old", "1", f"{ARN}:live"]
    sqs.send_message(QueueUrl=url, MessageBody="tea")

    def triggers() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = status(cloud)["services"]["lambda"]["event_source_mappings"]
        return found

    wait_until(lambda: triggers()[0]["last_result"] == "OK", "it is done")
    streams = aws.client("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert {name["logStreamName"].split("/")[-1][:3] for name in streams} == {"[1]"}
    for operation in (published.update_event_source_mapping, published.delete_event_source_mapping):
        with pytest.raises(ClientError, match="The resource you requested does not exist"):
            operation(UUID="00000000-0000-0000-0000-000000000000")


PERMISSION = {
    "FunctionName": "f",
    "StatementId": "s",
    "Action": "lambda:InvokeFunction",
    "Principal": "apigateway.amazonaws.com",
}
PRINCIPALS: list[tuple[str, Any]] = [
    ("sns.amazonaws.com", {"Service": "sns.amazonaws.com"}),
    ("210987654321", {"AWS": "arn:aws:iam::210987654321:root"}),
    ("arn:aws:iam::210987654321:role/r", {"AWS": "arn:aws:iam::210987654321:role/r"}),
    ("*", "*"),
]


@pytest.mark.parity(
    "A function, each version and each alias have a policy of their own",
    kept="yes, each with its own revision",
    module="lambda_.permissions",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html",
)
def test_each_qualifier_has_a_policy_of_its_own(published: Any) -> None:
    for qualifier in ({}, {"Qualifier": "live"}, {"Qualifier": "1"}):
        with pytest.raises(ClientError, match="The resource you requested does not exist"):
            published.get_policy(FunctionName="f", **qualifier)
        made = published.add_permission(**PERMISSION, **qualifier)
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
        arn = ":".join([ARN, *qualifier.values()])
        assert json.loads(made["Statement"]) == {
            "Sid": "s", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn,
            "Principal": {"Service": "apigateway.amazonaws.com"},
        }  # fmt: skip
        policy = json.loads(published.get_policy(FunctionName="f", **qualifier)["Policy"])
        assert [each["Resource"] for each in policy["Statement"]] == [arn]
    published.remove_permission(FunctionName="f", StatementId="s", Qualifier="live")
    with pytest.raises(ClientError, match="No policy is associated with the given resource"):
        published.remove_permission(FunctionName="f", StatementId="s", Qualifier="live")
    assert published.get_policy(FunctionName="f")["Policy"]


def test_a_policy_has_the_revision_of_its_last_change(published: Any) -> None:
    def revision(**named: str) -> str:
        return str(published.get_policy(FunctionName="f", **named)["RevisionId"])

    alias = published.get_alias(FunctionName="f", Name="live")["RevisionId"]
    published.add_permission(**PERMISSION)
    of_function = revision()
    published.add_permission(**PERMISSION, Qualifier="live", RevisionId=alias)
    assert len({alias, revision(Qualifier="live"), of_function}) == 3
    assert revision() == of_function
    published.add_permission(**{**PERMISSION, "StatementId": "t"}, RevisionId=of_function)
    with pytest.raises(ClientError, match="Call the GetPolicy API to retrieve the latest"):
        published.remove_permission(FunctionName="f", StatementId="t", RevisionId=of_function)
    published.remove_permission(FunctionName="f", StatementId="t", RevisionId=revision())


def test_a_policy_of_what_is_not_there_is_named_by_what_was_meant(published: Any) -> None:
    for name, options, said in (
        ("f", {"Qualifier": "nope"}, f"Cannot find alias arn: {ARN}:nope"),
        ("f", {"Qualifier": "9"}, f"Function not found: {ARN}:9"),
        ("g", {}, f"No policy found for: {ARN[:-1]}g"),
    ):
        with pytest.raises(published.exceptions.ResourceNotFoundException) as caught:
            published.remove_permission(FunctionName=name, StatementId="s", **options)
        answer: Any = caught.value.response
        assert answer["Error"]["Message"] == said


def test_a_principal_is_written_as_a_policy_writes_it(published: Any) -> None:
    for number, (given, written) in enumerate(PRINCIPALS):
        made = published.add_permission(
            **{**PERMISSION, "Principal": given, "StatementId": f"s{number}"}
        )
        assert json.loads(made["Statement"])["Principal"] == written
    made = published.add_permission(
        **{**PERMISSION, "StatementId": "c"}, SourceAccount="123456789012",
        SourceArn="arn:aws:sns:us-east-1:123456789012:t", PrincipalOrgID="o-1234567890",
    )  # fmt: skip
    assert json.loads(made["Statement"])["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": "123456789012", "aws:PrincipalOrgID": "o-1234567890"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:sns:us-east-1:123456789012:t"},
    }


REFUSED_PERMISSIONS = [
    ({"Principal": "invalid.nonaws.com"}, "InvalidParameterValueException",
     "The provided principal was invalid. Please check the principal and try again."),
    ({"Principal": "lamda.amazonaws.com"}, "InvalidParameterValueException",
     "The provided principal was invalid. Please check the principal and try again."),
    ({"Principal": "arn:aws:iam::123456789012:role/nobody"}, "InvalidParameterValueException",
     "The provided principal was invalid. Please check the principal and try again."),
    ({"Qualifier": "$LATEST"}, "InvalidParameterValueException",
     "We currently do not support adding policies for $LATEST."),
    ({"FunctionName": "g"}, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g"),
    ({"Qualifier": "9"}, "ResourceNotFoundException", f"Function not found: {ARN}:9"),
    ({"Qualifier": "nope"}, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}:nope"),
    ({"RevisionId": "x"}, "PreconditionFailedException", "The Revision Id provided does not match"),
    ({"Action": "lambda.InvokeFunction"}, "ValidationException", "at 'action'"),
]  # fmt: skip


def test_a_permission_that_cannot_hold_is_refused(published: Any) -> None:
    for given, code, said in REFUSED_PERMISSIONS:
        with pytest.raises(ClientError) as caught:
            published.add_permission(**{**PERMISSION, **given})
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), error


@pytest.mark.parity(
    "A list of functions, versions, aliases, mappings or settings comes page by page",
    kept="yes",
    module="lambda_.pages",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html",
)
def test_a_list_comes_page_by_page(aws: Session, published: Any) -> None:
    make_function(aws, "g", "")
    published.create_alias(FunctionName="f", Name="next", FunctionVersion="$LATEST")
    aws.client("sqs").create_queue(QueueName="q")
    queue, named = "arn:aws:sqs:us-east-1:123456789012:q", {"FunctionName": "f"}
    for qualifier in ("$LATEST", "1", "live"):
        published.put_function_event_invoke_config(
            **named, Qualifier=qualifier, MaximumRetryAttempts=0
        )
    for name in ("f", "g"):
        published.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    for operation, given, whole, key in (
        ("list_functions", {}, "Functions", "FunctionName"),
        ("list_versions_by_function", named, "Versions", "Version"),
        ("list_aliases", named, "Aliases", "Name"),
        ("list_function_event_invoke_configs", named, "FunctionEventInvokeConfigs", "FunctionArn"),
        ("list_event_source_mappings", {}, "EventSourceMappings", "UUID"),
    ):
        every = getattr(published, operation)(**given)
        assert "NextMarker" not in every
        pages = published.get_paginator(operation).paginate(
            **given, PaginationConfig={"PageSize": 1}
        )
        one_by_one = [thing[key] for page in pages for [thing] in [page[whole]]]
        assert sorted(one_by_one) == sorted(each[key] for each in every[whole]), operation
    with pytest.raises(ClientError, match="Invalid marker"):
        published.list_functions(Marker="tea")
