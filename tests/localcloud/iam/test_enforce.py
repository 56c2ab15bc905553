"""A function may do what its role allows, and nothing else, as on AWS."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE
from tests.support.chapters import given, run_chapters
from tests.support.counts import counts
from tests.support.functions import TRUST, invoke, make_function, make_role
from tests.support.queues import messages_on, set_policy
from tests.support.roles import (
    ACCOUNT,
    QUEUE,
    allow,
    as_role,
    denied,
    make_record_order_without_its_dead_letters,
    make_trigger_without,
    session_of,
    take_away,
)

TAG = {"Key": "a", "Value": "b"}


def deny(action: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def may_send(aws: Session) -> bool:
    sqs = aws.client("sqs")
    url = f"{aws.endpoint_url}/{ACCOUNT}/CustomerOrders"
    try:
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            return False
        raise
    return True


@pytest.mark.parity(
    "A role may do what a policy allows and none denies; patterns match, and NotAction "
    "and NotResource count",
    kept="yes",
    module="iam.policies",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
)
@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([allow("iam:GetRole")], False),
        ([allow("sqs:SendMessage", QUEUE)], True),
        ([allow("SQS:sendmessage", QUEUE)], True),  # actions know no upper and lower case
        ([allow(["sqs:Send*", "sqs:GetQueueUrl"])], True),
        ([allow("*")], True),
        ([allow("sqs:SendMessage", [QUEUE + "-dead-letters", QUEUE])], True),
        ([allow("sqs:SendMessage", QUEUE[:-1] + "?")], True),
        ([allow("sqs:SendMessage", QUEUE + "-dead-letters")], False),
        ([allow("sqs:SendMessage", QUEUE.lower())], False),
        ([allow("sqs:ReceiveMessage", QUEUE)], False),
        ([allow("sns:*")], False),
        ([allow("*"), deny("sqs:*", QUEUE)], False),
        ([deny("sqs:SendMessage"), allow("sqs:SendMessage")], False),
        ([{"Effect": "Allow", "NotAction": "sns:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "sqs:Send*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE}], False),
    ],
)
def test_policies_are_evaluated_as_iam_does(
    aws: Session, statements: list[dict[str, Any]], allowed: bool
) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    assert may_send(as_role(aws, *statements)) == allowed


TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:Orders"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:role/tried"


@pytest.mark.parity(
    "A statement counts where its condition holds",
    kept="for String…, Arn…, Bool, Null and …IfExists, on `aws:PrincipalAccount`, "
    "`aws:PrincipalArn`, `aws:RequestedRegion`, `aws:SecureTransport`, `aws:SourceAccount`, "
    "`aws:SourceArn`, `iam:PassedToService` and `lambda:FunctionArn`; a statement with any other "
    "operator or key allows nothing",
    module="iam.conditions",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html",
)
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringEquals": {"AWS:requestedregion": ["eu-west-1", "us-east-1"]}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "US-EAST-1"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:RequestedRegion": "US-EAST-1"}}, True),
        ({"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}, False),
        ({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}, True),
        ({"StringLike": {"aws:RequestedRegion": "us-*"}}, True),
        ({"StringNotLike": {"aws:RequestedRegion": "us-*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": PRINCIPAL}}, True),
        ({"ArnNotEquals": {"aws:PrincipalArn": PRINCIPAL}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*"}}, False),  # no * reaches over a colon
        # A key that this call does not have.
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"Null": {"aws:SourceAccount": "true"}}, True),
        ({"Null": {"aws:RequestedRegion": "true"}}, False),
        # All of them must hold.
        ({"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:RequestedRegion": "eu-*"}},
         False),
        # What is not evaluated here allows nothing.
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    ],
)  # fmt: skip
def test_a_statement_counts_where_its_condition_holds(
    aws: Session, condition: dict[str, Any], holds: bool
) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    assert may_send(as_role(aws, allow("sqs:*", QUEUE, Condition=condition))) == holds
    if "DateGreaterThan" not in condition:
        denies = {**deny("sqs:*"), "Condition": condition}
        assert may_send(as_role(aws, allow("*"), denies)) != holds


@pytest.mark.parametrize(
    "condition",
    [
        {"DateLessThan": {"aws:CurrentTime": "2020-01-01"}},
        {"StringNotEquals": {"aws:PrincipalType": "AssumedRole"}},
        {"StringEqualsIfExists": {"aws:PrincipalType": "User"}},
        {"Null": {"aws:PrincipalType": "true"}},
    ],
)
def test_a_condition_that_is_not_evaluated_allows_nothing_and_denies(
    aws: Session, condition: dict[str, Any]
) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    assert not may_send(as_role(aws, allow("sqs:*", Condition=condition)))
    denies = {**deny("sqs:*"), "Condition": condition}
    assert not may_send(as_role(aws, allow("*"), denies))


# -- Policies of the resource itself ----------------------------------------------------------


def set_queue_policy(aws: Session, **statement: Any) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="CustomerOrders")["QueueUrl"]
    full = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE, **statement}
    set_policy(aws, url, **full)


@pytest.mark.parity(
    "A queue's own policy may let a role in",
    kept="yes",
    module="iam.policies",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
)
@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": PRINCIPAL}, True),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:role/other", PRINCIPAL]}, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, False),
        ({"AWS": ACCOUNT}, False),  # leaves it to the account's own policies
        ({"Service": "sns.amazonaws.com"}, False),
    ],
)
def test_a_queue_may_let_a_role_in_by_itself(aws: Session, principal: Any, allowed: bool) -> None:
    set_queue_policy(aws, Principal=principal)
    assert may_send(as_role(aws, allow("iam:GetRole"))) == allowed


@pytest.mark.parity(
    "A queue's own policy may shut a role out",
    kept="yes",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
)
def test_a_queue_may_shut_a_role_out(aws: Session) -> None:
    set_queue_policy(aws, Principal={"AWS": PRINCIPAL}, Effect="Deny")
    tried = as_role(aws, allow("*"))
    assert not may_send(tried)
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        tried.client("sqs").send_message(
            QueueUrl=f"{aws.endpoint_url}/{ACCOUNT}/CustomerOrders", MessageBody="tea"
        )
    assert may_send(aws)


@pytest.mark.parity(
    "A role may do what its permissions boundary allows at most, whatever a queue's policy allows",
    kept="yes; a user's boundary is refused",
    module="iam.policies",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
)
@pytest.mark.parametrize(
    ("boundary", "why"),
    [
        (allow("sqs:SendMessage"), ""),
        (allow("s3:*"), "because no permissions boundary allows the sqs:sendmessage action"),
        (deny("sqs:SendMessage"), "with an explicit deny in a permissions boundary"),
    ],
)
def test_a_role_stays_within_its_boundary(aws: Session, boundary: dict[str, Any], why: str) -> None:
    set_queue_policy(aws, Principal={"AWS": PRINCIPAL})
    tried, iam = as_role(aws, allow("*")), aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": boundary})
    arn = iam.create_policy(PolicyName="most", PolicyDocument=document)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="tried", PermissionsBoundary=arn)
    assert may_send(tried) == (not why)
    if why:
        with pytest.raises(ClientError, match=why):
            tried.client("sqs").send_message(
                QueueUrl=f"{aws.endpoint_url}/{ACCOUNT}/CustomerOrders", MessageBody="tea"
            )
    iam.delete_role_permissions_boundary(RoleName="tried")
    assert may_send(tried)


def test_a_boundary_that_is_not_there_is_refused_and_one_of_awss_counts(aws: Session) -> None:
    tried, iam = as_role(aws, allow("*")), aws.client("iam")
    missing = f"arn:aws:iam::{ACCOUNT}:policy/absent"
    with pytest.raises(ClientError, match=f"Scope ARN: {missing} does not exist") as caught:
        iam.put_role_permissions_boundary(RoleName="tried", PermissionsBoundary=missing)
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"
    ours = "arn:aws:iam::aws:policy/AmazonSNSReadOnlyAccess"
    iam.put_role_permissions_boundary(RoleName="tried", PermissionsBoundary=ours)
    assert not may_send(tried)


@pytest.mark.parity(
    "A queue's policy has to be a valid policy",
    kept="its form is checked; the names of actions and principals are not",
    module="sqs.queue",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
)
@pytest.mark.parametrize(
    "policy",
    [
        "not json",
        "[]",
        '{"Statement": 5}',
        json.dumps({"Statement": [{**allow("*"), "Condition": {"StringEquals": "x"}}]}),
        json.dumps({"Statement": [{**allow("*"), "Condition": []}]}),
        json.dumps({"Statement": [{**allow("*"), "Principal": {"AWS": [{}]}}]}),
        json.dumps({"Statement": [{"Action": [5], "Effect": "Allow"}]}),
        json.dumps({"Statement": [{"Action": "*"}]}),
    ],
)
def test_a_policy_that_is_not_valid_is_refused_and_the_old_one_stays(
    aws: Session, policy: str
) -> None:
    set_queue_policy(aws, Principal={"AWS": PRINCIPAL})
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"]
    with pytest.raises(ClientError, match="Invalid value for the parameter Policy") as caught:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert caught.value.response["Error"]["Code"] == "InvalidAttributeValue"
    with pytest.raises(ClientError, match="Invalid value for the parameter Policy"):
        sqs.create_queue(QueueName="other", Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    assert may_send(as_role(aws, allow("iam:GetRole")))


@pytest.mark.parity(
    "NotPrincipal shuts out everybody except those it names",
    kept="yes",
    module="iam.policies",
)
def test_everybody_except_one_may_be_shut_out(aws: Session) -> None:
    others = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}
    set_queue_policy(aws, NotPrincipal=others, Effect="Deny")
    assert not may_send(as_role(aws, allow("*")))
    set_queue_policy(aws, NotPrincipal={"AWS": PRINCIPAL}, Effect="Deny")
    assert may_send(as_role(aws, allow("*")))


@pytest.mark.parity(
    "A managed policy counts in its default version",
    kept="yes",
    module="iam.policies",
)
def test_a_managed_policy_counts_in_its_default_version(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    tried = as_role(aws, allow("iam:GetRole"))
    iam = aws.client("iam")

    def document(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    arn = iam.create_policy(PolicyName="send", PolicyDocument=document(allow("sqs:*")))
    arn = arn["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="tried", PolicyArn=arn)
    assert may_send(tried)
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document(allow("sns:*")), SetAsDefault=True
    )
    assert not may_send(tried)


def test_a_role_that_is_deleted_may_do_nothing(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    tried = as_role(aws, allow("*"))
    assert may_send(tried)
    iam = aws.client("iam")
    iam.delete_role_policy(RoleName="tried", PolicyName="policy")
    iam.delete_role(RoleName="tried")
    assert not may_send(tried)


def test_conditions_count_for_what_lambda_does_in_the_name_of_a_role(aws: Session) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    assert may_send_dead_letters(aws, allow("sqs:*", Condition=here))
    assert may_send_dead_letters(aws, allow("*"), {**deny("*"), "Condition": elsewhere})
    assert not may_send_dead_letters(aws, allow("sqs:*", Condition=elsewhere))


def may_send_dead_letters(aws: Session, *statements: dict[str, Any]) -> bool:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    role = make_role(aws, "dead", {"Version": "2012-10-17", "Statement": list(statements)})
    name = f"f{len(aws.client('lambda').list_functions()['Functions'])}"
    options = {"Role": role, "DeadLetterConfig": {"TargetArn": QUEUE}}
    try:
        make_function(aws, name, "def handler(event, context): return 1", **options)
    except ClientError as error:
        if "does not have permissions to call SendMessage on SQS" in str(error):
            return False
        raise
    return True


def test_a_region_that_does_not_exist_is_the_callers_mistake(aws: Session) -> None:
    sns = as_role(aws, allow("*")).client("sns")
    with pytest.raises(ClientError) as caught:
        sns.publish(TopicArn=f"arn:aws:sns:us-east-9:{ACCOUNT}:Orders", Message="tea")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_a_resource_is_found_whichever_parameter_names_it(aws: Session) -> None:
    aws.client("sns").create_topic(Name="Orders")
    queue_arn = QUEUE
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    sns = as_role(aws, allow("sns:*", TOPIC)).client("sns")
    sns.list_tags_for_resource(ResourceArn=TOPIC)
    made = sns.subscribe(
        TopicArn=TOPIC, Protocol="sqs", Endpoint=queue_arn, ReturnSubscriptionArn=True
    )
    sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])
    sns.unsubscribe(SubscriptionArn=made["SubscriptionArn"])


NAMED = [
    ("lambda", "get_function", {"FunctionName": "{}"}, "lambda:*:function:{}"),
    ("lambda", "delete_function", {"FunctionName": "{}"}, "lambda:*:function:{}"),
    ("lambda", "tag_resource", {"Resource": "{}", "Tags": {"a": "b"}}, "{}"),
    ("logs", "describe_log_streams", {"logGroupName": "{}"}, "logs:*:log-group:{}:*"),
    ("logs", "delete_log_group", {"logGroupName": "{}"}, "logs:*:log-group:{}:*"),
    ("logs", "list_tags_for_resource", {"resourceArn": "{}"}, "{}"),
    ("iam", "get_role", {"RoleName": "{}"}, "iam::*:role/{}"),
    ("iam", "delete_role", {"RoleName": "{}"}, "iam::*:role/{}"),
    ("iam", "get_user", {"UserName": "{}"}, "iam::*:user/{}"),
    ("iam", "delete_policy", {"PolicyArn": "{}"}, "{}"),
    ("dynamodb", "list_tags_of_resource", {"ResourceArn": "{}"}, "{}"),
]
ARNS = {
    "tag_resource": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{{}}",
    "list_tags_for_resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{{}}",
    "delete_policy": f"arn:aws:iam::{ACCOUNT}:policy/{{}}",
    "list_tags_of_resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{{}}",
}


@pytest.mark.parity(
    "A statement about some functions, log groups, tables, roles or users is about no others",
    kept="yes",
    module="iam.enforce",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html",
)
@pytest.mark.parametrize(("service", "call", "given", "resource"), NAMED)
def test_a_statement_is_about_the_resource_that_it_names(
    aws: Session, service: str, call: str, given: dict[str, Any], resource: str
) -> None:
    def is_denied(name: str) -> bool:
        """Nothing of that name is there, which is another error, or none."""
        arn = ARNS.get(call, "{}").format(name)
        filled = {key: arn if value == "{}" else value for key, value in given.items()}
        try:
            getattr(client, call)(**filled)
        except ClientError as error:
            return error.response["Error"]["Code"].startswith("AccessDenied")
        return False

    allowed = ARNS.get(call, "arn:aws:" + resource).format("mine")
    made: Any = as_role(aws, allow(f"{service}:*", allowed))
    client = made.client(service)
    assert (is_denied("mine"), is_denied("theirs")) == (False, True)


@pytest.mark.parity(
    "`lambda:FunctionArn` in a condition is the function of a trigger",
    kept="yes",
    module="iam.enforce",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html",
)
def test_a_trigger_is_allowed_by_its_function(aws: Session) -> None:
    make_function(aws, "mine", "")
    make_function(aws, "theirs", "")
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="CustomerOrders")
    arn = aws.client("lambda").get_function(FunctionName="mine")["Configuration"]["FunctionArn"]
    condition = {"ArnLike": {"lambda:FunctionArn": arn}}
    lambda_ = as_role(aws, allow("lambda:*", Condition=condition)).client("lambda")
    made = lambda_.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="mine")
    lambda_.get_event_source_mapping(UUID=made["UUID"])
    other = aws.client("lambda").create_event_source_mapping(
        EventSourceArn=QUEUE, FunctionName="theirs"
    )
    for refused in (
        partial(lambda_.create_event_source_mapping, EventSourceArn=QUEUE, FunctionName="theirs"),
        partial(lambda_.update_event_source_mapping, UUID=made["UUID"], FunctionName="theirs"),
        partial(lambda_.delete_event_source_mapping, UUID=other["UUID"]),
    ):
        with pytest.raises(ClientError, match="not authorized to perform: lambda:"):
            refused()
    lambda_.delete_event_source_mapping(UUID=made["UUID"])


MAKING: list[tuple[str, str, dict[str, Any], str]] = [
    ("sqs", "create_queue", {"QueueName": "q", "tags": {"a": "b"}}, "sqs:TagQueue"),
    ("sns", "create_topic", {"Name": "t", "Tags": [TAG]}, "sns:TagResource"),
    ("logs", "create_log_group", {"logGroupName": "g", "tags": {"a": "b"}}, "logs:TagResource"),
    (
        *("iam", "create_role"),
        {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps(TRUST), "Tags": [TAG]},
        "iam:TagRole",
    ),
    ("iam", "create_user", {"UserName": "u", "Tags": [TAG]}, "iam:TagUser"),
    (
        *("dynamodb", "create_table"),
        {
            "TableName": "tea",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "Tags": [TAG],
        },
        "dynamodb:TagResource",
    ),
    ("apigateway", "create_rest_api", {"name": "a", "tags": {"a": "b"}}, "apigateway:PUT"),
]


@pytest.mark.parity(
    "Making something with tags needs the permission to tag it",
    kept="yes",
    module="iam.tagging",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html",
)
@pytest.mark.parametrize(("service", "call", "given", "action"), MAKING)
def test_tags_need_a_permission_of_their_own(
    aws: Session, service: str, call: str, given: dict[str, Any], action: str
) -> None:
    without: Any = as_role(aws, allow(f"{service}:*"), deny(action)).client(service)
    with pytest.raises(ClientError, match=f"(?i)not authorized to perform: {action}"):
        getattr(without, call)(**given)
    getattr(without, call)(**{key: given[key] for key in given if key.lower() != "tags"})


@pytest.mark.parity(
    "Giving a function a role needs `iam:PassRole` on that role, to Lambda",
    kept="yes",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
)
def test_a_role_has_to_be_passed_to_a_function(aws: Session) -> None:
    make_function(aws, "f", "")
    role = aws.client("lambda").get_function_configuration(FunctionName="f")["Role"]
    other = make_role(aws, "other", {"Version": "2012-10-17", "Statement": [allow("sqs:*")]})

    def update(service: str, **given: str) -> None:
        to = {"StringEquals": {"iam:PassedToService": service}}
        may = allow("lambda:*"), allow("iam:PassRole", role, Condition=to)
        lambda_ = as_role(aws, *may).client("lambda")
        lambda_.update_function_configuration(FunctionName="f", **given)

    update("lambda.amazonaws.com", Role=role)
    for service, passed in (("lambda.amazonaws.com", other), ("ec2.amazonaws.com", role)):
        with pytest.raises(ClientError, match=f"iam:PassRole on resource: {passed} because no"):
            update(service, Role=passed)
    update("ec2.amazonaws.com", Description="the role stays")


@pytest.mark.parity(
    "GetFunction shows tags only to anyone who may list them, and says nothing to others",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html",
)
def test_get_function_keeps_tags_from_those_who_may_not_list_them(aws: Session) -> None:
    make_function(aws, "f", "", Tags={"a": "b"})
    blind = as_role(aws, allow("lambda:GetFunction")).client("lambda")
    assert "Tags" not in blind.get_function(FunctionName="f")
    tags = allow("lambda:ListTags", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f")
    seeing = as_role(aws, allow("lambda:GetFunction"), tags).client("lambda")
    assert seeing.get_function(FunctionName="f")["Tags"] == {"a": "b"}


# -- Roles, and who may be one ----------------------------------------------------------


@pytest.mark.parity(
    "A function's role has to trust Lambda",
    kept="yes",
    module="lambda_.validation",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
)
def test_a_role_that_is_not_for_lambda_cannot_be_used(aws: Session) -> None:
    iam, lambda_ = aws.client("iam"), aws.client("lambda")
    source = "def handler(event, context): return 1"
    make_function(aws, "f", source)
    trust = json.loads(json.dumps(TRUST).replace("lambda.", "ec2."))
    arn = iam.create_role(RoleName="ec2", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    refused = "The role defined for the function cannot be assumed by Lambda"
    with pytest.raises(ClientError, match=refused):
        make_function(aws, "g", source, Role=arn)
    with pytest.raises(ClientError, match=refused):
        lambda_.update_function_configuration(FunctionName="f", Role=arn)
    iam.update_assume_role_policy(RoleName="ec2", PolicyDocument=json.dumps(TRUST))
    make_function(aws, "g", source, Role=arn)
    lambda_.update_function_configuration(FunctionName="f", Role=arn)


@pytest.mark.parity(
    "A role may become another role that trusts it, or that trusts their account if its own "
    "policies allow that",
    kept="yes",
    module="iam.policies",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html",
)
@pytest.mark.parametrize(
    ("principal", "own", "why_not"),
    [
        ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole", "no role trust policy allows"),
        ({"AWS": PRINCIPAL + "2"}, "sts:AssumeRole", "no role trust policy allows"),
        ({"AWS": ACCOUNT}, "sts:AssumeRole", ""),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "sts:AssumeRole", ""),
        ({"AWS": ACCOUNT}, "iam:GetRole", "no identity-based policy allows"),
        ({"AWS": PRINCIPAL}, "sts:AssumeRole", ""),
        ({"AWS": PRINCIPAL}, "iam:GetRole", ""),
    ],
)
def test_a_role_can_assume_only_a_role_that_trusts_it(
    aws: Session, principal: dict[str, str], own: str, why_not: str
) -> None:
    trust = json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": principal}]})
    aws.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=trust)
    other = f"arn:aws:iam::{ACCOUNT}:role/other"
    sts = as_role(aws, allow(own, other)).client("sts")
    if not why_not:
        sts.assume_role(RoleArn=other, RoleSessionName="me")
        return
    with pytest.raises(ClientError, match=why_not) as caught:
        sts.assume_role(RoleArn=other, RoleSessionName="me")
    assert f"sts:AssumeRole on resource: {other}" in str(caught.value)


@pytest.mark.parity(
    "A function whose role no longer trusts Lambda, or is gone, cannot be invoked",
    kept="yes; an execution environment that is there goes on until it is replaced",
    module="lambda_.runtime.runtime",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
)
def test_a_function_without_its_role_is_not_run_and_its_events_are_kept(aws: Session) -> None:
    iam, lambda_, sqs = aws.client("iam"), aws.client("lambda"), aws.client("sqs")
    url = sqs.create_queue(QueueName="CustomerOrders")["QueueUrl"]
    source = "def handler(event, context): return 1"
    role = make_role(aws, "lost")
    make_function(aws, "f", source, Role=role, DeadLetterConfig={"TargetArn": QUEUE})
    trust = json.dumps(TRUST).replace("lambda.", "ec2.")
    iam.update_assume_role_policy(RoleName="lost", PolicyDocument=trust)
    with pytest.raises(ClientError, match="cannot be assumed by Lambda") as caught:
        invoke(aws, "f")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    invoke(aws, "f", {"tea": 1}, InvocationType="Event")
    (dead,) = messages_on(aws, url)
    assert json.loads(dead["Body"]) == {"tea": 1}
    iam.update_assume_role_policy(RoleName="lost", PolicyDocument=json.dumps(TRUST))
    assert invoke(aws, "f")["Payload"] == 1
    lambda_.update_function_configuration(FunctionName="f", MemorySize=512)  # other workers
    iam.delete_role_policy(RoleName="lost", PolicyName="policy")
    iam.delete_role(RoleName="lost")
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        invoke(aws, "f")


# -- Acting as a policy ----------------------------------------------------------


def acting_as(aws: Session, *statements: dict[str, Any]) -> Session:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    given = aws.client("sts").get_federation_token(Name="ana", Policy=policy)["Credentials"]
    return session_of(aws, given)


@pytest.mark.parity(
    "GetFederationToken gives credentials that may do what its policy allows",
    kept="yes",
    module="iam.federation",
    aws="https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html",
)
def test_anybody_can_try_out_a_policy(aws: Session) -> None:
    make_function(aws, "f", "def handler(event, context): return 1")
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    ana = acting_as(aws, allow("sqs:SendMessage", QUEUE), allow(["lambda:Get*", "iam:ListRoles"]))
    assert may_send(ana)
    ana.client("lambda").get_function(FunctionName="f")
    ana.client("iam").list_roles()
    assert ana.client("sts").get_caller_identity()["Account"] == ACCOUNT
    refused: list[tuple[Any, str]] = [
        (lambda: ana.client("lambda").delete_function(FunctionName="f"), "lambda:DeleteFunction"),
        (lambda: ana.client("lambda").invoke(FunctionName="f"), "lambda:InvokeFunction"),
        (lambda: ana.client("iam").create_user(UserName="bob"), "iam:CreateUser"),
        (lambda: ana.client("logs").create_log_group(logGroupName="x"), "logs:CreateLogGroup"),
        (lambda: ana.client("apigateway").get_rest_apis(), "apigateway:GET"),
        (lambda: ana.client("sqs").list_queues(), "sqs:listqueues"),
    ]
    for call, action in refused:
        with pytest.raises(ClientError) as caught:
            call()
        message = caught.value.response["Error"]["Message"]
        assert f":federated-user/ana is not authorized to perform: {action} on" in message
        assert "because no session policy allows" in message


@pytest.mark.parity(
    "StartMessageMoveTask needs the permission for itself, to receive and to delete, and to send "
    "to the other queue",
    kept="for itself and, if the other queue is named, to send",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html",
)
def test_moving_messages_needs_both_queues(aws: Session) -> None:
    sqs = aws.client("sqs")
    dead = QUEUE + "-dead-letters"
    sqs.create_queue(QueueName="CustomerOrders-dead-letters")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 5})
    sqs.create_queue(QueueName="CustomerOrders", Attributes={"RedrivePolicy": redrive})
    move = allow("sqs:StartMessageMoveTask", dead)

    def start(*statements: dict[str, Any]) -> None:
        tried = as_role(aws, *statements).client("sqs")
        tried.start_message_move_task(SourceArn=dead, DestinationArn=QUEUE)

    with pytest.raises(ClientError, match=f"sqs:sendmessage on resource: {QUEUE}"):
        start(move)
    with pytest.raises(ClientError, match=f"sqs:startmessagemovetask on resource: {dead}"):
        start(allow("sqs:*", QUEUE))
    start(move, allow("sqs:SendMessage", QUEUE))


@pytest.mark.parity(
    "A session policy only takes away",
    kept="yes, if given as `Policy`; `PolicyArns` are ignored",
    module="iam.policies",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html",
)
def test_a_session_policy_only_takes_away(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    everything = json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]})
    nothing = json.dumps({"Version": "2012-10-17", "Statement": [allow("iam:GetRole")]})
    assert not may_send(as_role(aws, allow("iam:GetRole"), session_policy=everything))
    assert not may_send(as_role(aws, allow("*"), session_policy=nothing))
    assert may_send(as_role(aws, allow("*"), session_policy=everything))


@pytest.mark.parity(
    "The key that a cloud has from its start obeys policies",
    kept="no: it is yours, and may do everything",
)
def test_the_user_of_the_local_cloud_may_do_everything(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    assert may_send(aws)


@pytest.mark.parity(
    "Each service refuses with an error code and words of its own; a batch needs the "
    "action of the single call",
    kept="yes, for SQS, SNS, DynamoDB and Lambda",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html",
)
def test_each_service_refuses_in_its_own_words(aws: Session) -> None:
    table = aws.resource("dynamodb")
    key = {"AttributeName": "id"}
    table.create_table(
        TableName="Orders",
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    topic = aws.client("sns").create_topic(Name="Orders")["TopicArn"]
    make_function(aws, "f", "def handler(event, context): return 1")
    nobody = as_role(aws, allow("iam:GetRole"))
    entries = [{"Id": "1", "Message": "tea"}]
    put = {"PutRequest": {"Item": {"id": {"S": "1"}}}}
    calls: list[tuple[Any, str, str]] = [
        (lambda: nobody.client("sqs").get_queue_url(QueueName="CustomerOrders"),
         "AccessDenied", f"sqs:getqueueurl on resource: {QUEUE}"),
        (lambda: nobody.client("sns").publish(TopicArn=topic, Message="tea"),
         "AuthorizationError", f"SNS:Publish on resource: {topic}"),
        (lambda: nobody.client("sns").publish_batch(
            TopicArn=topic, PublishBatchRequestEntries=entries),
         "AuthorizationError", f"SNS:Publish on resource: {topic}"),
        (lambda: nobody.client("dynamodb").get_item(TableName="Orders", Key={"id": {"S": "1"}}),
         "AccessDeniedException", "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:"),
        (lambda: nobody.client("dynamodb").batch_write_item(RequestItems={"Orders": [put]}),
         "AccessDeniedException", f":{ACCOUNT}:table/Orders because"),
        (lambda: nobody.client("lambda").invoke(FunctionName="f"),
         "AccessDeniedException", "lambda:InvokeFunction on resource: arn:aws:lambda:"),
    ]  # fmt: skip
    for call, code, said in calls:
        with pytest.raises(ClientError) as caught:
            call()
        error = caught.value.response["Error"]
        assert error["Code"] == code
        assert (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/tried/me is not authorized"
            in (error["Message"])
        )
        assert said in error["Message"]
        assert "because no identity-based policy allows the" in error["Message"]


@pytest.mark.parity(
    "A transaction needs the action of each of its items: `dynamodb:PutItem`, …",
    kept="yes",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html",
)
def test_a_transaction_needs_the_action_of_each_item(aws: Session) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Orders"
    key = {"id": {"S": "1"}}
    aws.client("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    put: Any = {"Put": {"TableName": "Orders", "Item": key}}
    check: Any = {
        "ConditionCheck": {
            "TableName": "Orders",
            "Key": {"id": {"S": "2"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
    }
    get: Any = {"Get": {"TableName": "Orders", "Key": key}}
    writer = as_role(aws, allow("dynamodb:PutItem", table)).client("dynamodb")
    writer.transact_write_items(TransactItems=[put])
    with pytest.raises(ClientError, match=f"dynamodb:ConditionCheckItem on resource: {table}"):
        writer.transact_write_items(TransactItems=[put, check])
    with pytest.raises(ClientError, match=f"dynamodb:GetItem on resource: {table}"):
        writer.transact_get_items(TransactItems=[get])
    no_action = as_role(aws, allow("dynamodb:Transact*", table)).client("dynamodb")
    with pytest.raises(ClientError, match=f"dynamodb:PutItem on resource: {table}"):
        no_action.transact_write_items(TransactItems=[put])


@pytest.mark.parametrize("name", ["f", f"{ACCOUNT}:function:f", "function:f"])
def test_a_role_may_invoke_by_a_partial_arn(aws: Session, name: str) -> None:
    arn = make_function(aws, "f", "def handler(event, context): return 1")
    assert invoke(as_role(aws, allow("lambda:InvokeFunction", arn)), name)["Payload"] == 1


# -- The roles of the chapters --------------------------------------------------------------------


# Each action that a function itself uses as long as nothing is missing.
ACTIONS = [
    ("take_order", "sqs:GetQueueUrl"),
    ("take_order", "sqs:SendMessage"),
    ("notify_fulfillment", "sns:Publish"),
    ("record_order", "dynamodb:PutItem"),
]


@pytest.mark.parametrize(("function", "action"), ACTIONS)
def test_a_function_without_an_action_is_denied_at_its_hop(
    aws: Session, function: str, action: str
) -> None:
    error = denied(aws, function, action)
    assert f"assumed-role/{function}-role-us-east-1/{function} is not authorized" in error
    assert f"{action} on resource".lower() in error.lower()


@pytest.mark.parity(
    "A mapping is refused if the function's role may not poll the queue",
    kept="yes",
    module="lambda_.validation",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
@pytest.mark.parametrize("action", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_a_trigger_is_refused_to_a_role_that_cannot_poll(aws: Session, action: str) -> None:
    with pytest.raises(ClientError, match=f"does not have permissions to call {action} on SQS"):
        make_trigger_without(aws, action)


@pytest.mark.parity(
    "Lambda polls a queue in the name of the function's role",
    kept="yes",
    module="lambda_.event_source_mapping",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
def test_orders_wait_while_the_role_may_not_receive_and_go_on_when_it_may(aws: Session) -> None:
    given(*COURSE.set_up)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"]
    order = {"product": "tea", "quantity": 1, "order_id": "waits"}
    times = {"received_epoch_ms": 1, "queued_epoch_ms": 2}
    table = aws.resource("dynamodb").Table("Orders")

    # The chapters' own orders pass first, so that the queue is empty.
    wait_until(lambda: table.get_item(Key={"order_id": "chapter-01"}).get("Item"), "it is quiet")
    take_away(aws, "notify_fulfillment", "sqs:ReceiveMessage")
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({**order, **times}))
    assert counts(sqs, url) == (1, 0, 0)
    assert "Item" not in table.get_item(Key={"order_id": "waits"})
    run_chapters("03")  # gives the permission back
    wait_until(
        lambda: table.get_item(Key={"order_id": "waits"}).get("Item"), "it arrived", timeout=90
    )


@pytest.mark.parity(
    "A function is refused if its role may not send to its dead-letter queue or topic",
    kept="yes",
    module="lambda_.validation",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
def test_a_function_whose_role_may_not_send_its_dead_letters_is_refused(aws: Session) -> None:
    with pytest.raises(ClientError, match="permissions to call SendMessage on SQS"):
        make_record_order_without_its_dead_letters(aws)


def narrow_role(aws: Session, *statements: dict[str, Any]) -> str:
    return make_role(aws, "narrow", {"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(("target", "call"), [(QUEUE, "SendMessage on SQS"),
                                              (TOPIC, "Publish on SNS")])  # fmt: skip
def test_an_update_is_refused_after_which_the_role_may_not_send_dead_letters(
    aws: Session, target: str, call: str
) -> None:
    lambda_, source = aws.client("lambda"), "def handler(event, context): return 1"
    narrow, dead_letters = narrow_role(aws, allow("iam:GetRole")), {"TargetArn": target}
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    aws.client("sns").create_topic(Name="Orders")
    refused = f"does not have permissions to call {call}"
    with pytest.raises(ClientError, match=refused):
        make_function(aws, "f", source, Role=narrow, DeadLetterConfig=dead_letters)
    make_function(aws, "f", source, Role=narrow)
    with pytest.raises(ClientError, match=refused):
        lambda_.update_function_configuration(FunctionName="f", DeadLetterConfig=dead_letters)
    found = lambda_.update_function_configuration(
        FunctionName="f", Role=make_role(aws), DeadLetterConfig=dead_letters
    )
    with pytest.raises(ClientError, match=refused):
        lambda_.update_function_configuration(FunctionName="f", Role=narrow)
    assert found["Role"] == lambda_.get_function_configuration(FunctionName="f")["Role"]
    lambda_.update_function_configuration(
        FunctionName="f", Role=narrow, DeadLetterConfig={"TargetArn": ""}
    )


@pytest.mark.parity(
    "Dead letters go to a queue or a topic, and another target is refused",
    kept="yes, in other words",
    module="lambda_.validation",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("arn:aws:s3:::orders", "Invalid dead letter ARN"),
        ("arn:aws:sqs", "at 'deadLetterConfig.targetArn' failed to satisfy constraint"),
        ("my-queue", "at 'deadLetterConfig.targetArn' failed to satisfy constraint"),
    ],
)
def test_dead_letters_go_to_a_queue_or_a_topic(aws: Session, target: str, said: str) -> None:
    source, dead_letters = "def handler(event, context): return 1", {"TargetArn": target}
    with pytest.raises(ClientError, match=said):
        make_function(aws, "f", source, DeadLetterConfig=dead_letters)
    make_function(aws, "f", source)
    with pytest.raises(ClientError, match=said):
        aws.client("lambda").update_function_configuration(
            FunctionName="f", DeadLetterConfig=dead_letters
        )


@pytest.mark.parity(
    "A destination is refused if the function's role may not send to it",
    kept="for queues and topics",
    module="lambda_.event_invoke_config",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
)
@pytest.mark.parametrize(("target", "action"), [(QUEUE, "SendMessage"), (TOPIC, "Publish")])
def test_a_destination_is_refused_that_the_role_may_not_send_to(
    aws: Session, target: str, action: str
) -> None:
    lambda_ = aws.client("lambda")
    role = narrow_role(aws, allow("iam:GetRole"))
    make_function(aws, "f", "def handler(event, context): return 1", Role=role)
    to_target = {"OnFailure": {"Destination": target}}
    refused = f"does not have permissions to call {action} on {target}"
    with pytest.raises(ClientError, match=refused):
        lambda_.put_function_event_invoke_config(FunctionName="f", DestinationConfig=to_target)
    lambda_.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    with pytest.raises(ClientError, match=refused):
        lambda_.update_function_event_invoke_config(FunctionName="f", DestinationConfig=to_target)


def test_a_mapping_is_not_handed_to_a_function_whose_role_may_not_poll(aws: Session) -> None:
    lambda_, source = aws.client("lambda"), "def handler(event, context): return 1"
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    make_function(aws, "polls", source)
    make_function(aws, "cannot", source, Role=narrow_role(aws, allow("sqs:ReceiveMessage")))
    made = lambda_.create_event_source_mapping(EventSourceArn=QUEUE, FunctionName="polls")
    with pytest.raises(ClientError, match="permissions to call DeleteMessage on SQS"):
        lambda_.update_event_source_mapping(UUID=made["UUID"], FunctionName="cannot")
    found = lambda_.get_event_source_mapping(UUID=made["UUID"])
    assert found["FunctionArn"] == made["FunctionArn"]
