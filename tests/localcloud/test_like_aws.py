"""A cloud that is like AWS: what takes its time there takes it here, and not in a hurry.

A wait takes as long as the speed says that the cloud has when it begins. So each test sees a
refusal at the speed of AWS, and none a thousand times as fast.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.aws.waiting import once_function_is_ready, once_trigger_is_ready, wait_until
from lab.here import local
from localcloud.like_aws import LAGS, RATES
from tests.support.clouds import own_cloud
from tests.support.functions import ANYTHING, ECHO, TRUST, make_function, make_role
from tests.support.rest_api import make_api
from tests.support.sessions import make_session

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
_LITTLE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
}
_LIKE_AWS = "if asked for: `--like-aws`"
_EVENTUAL = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"
    "#troubleshoot_general_eventual-consistency"
)
_RATES = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("like-aws")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with own_cloud("--like-aws") as (found, _):
        yield found


@pytest.fixture
def like_aws(address: str) -> Session:
    local.reset(address)
    return make_session(address)


@contextmanager
def in_a_hurry(aws: Session) -> Iterator[None]:
    local.hurry(aws, 1000)
    yield
    local.hurry(aws, 1)


def refusal(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def create(aws: Session, role: str, **more: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The call that makes a function, and what it takes."""
    given = {
        "FunctionName": "f", "Role": role, "Handler": "app.handler", "Runtime": "python3.13",
        "Code": {"ZipFile": ECHO}, **more,
    }  # fmt: skip
    return aws.client("lambda").create_function, given


def make_known_role(aws: Session, policy: dict[str, Any] = ANYTHING) -> None:
    """The role that `make_function` uses, once Lambda knows it. Takes a moment in a hurry."""
    role = make_role(aws, policy=policy)
    once_function_is_ready(lambda: make_function(aws, "first", "", Role=role))


# -- Roles -----------------------------------------------------------------------------------------


_NEW_ROLES = "https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"


@pytest.mark.parity(
    "A new role is unknown to Lambda for some seconds",
    kept=f"{_LIKE_AWS}, or with `--role-delay 10`",
    module="lambda_.validation",
    aws=_NEW_ROLES,
)
def test_a_new_role_is_unknown_to_lambda(like_aws: Session) -> None:
    call, given = create(like_aws, make_role(like_aws))
    code, text = refusal(call, **given)
    assert (code, "cannot be assumed by Lambda" in text) == ("InvalidParameterValueException", True)
    with in_a_hurry(like_aws):
        another = make_role(like_aws, "another")
        once_function_is_ready(lambda: call(**{**given, "Role": another}))


@pytest.mark.parity(
    "A new role is unknown to KMS for even longer, so a function of its own has no variables",
    kept=_LIKE_AWS,
    module="lambda_.validation",
    aws=_NEW_ROLES,
)
def test_a_new_role_is_unknown_to_kms_for_even_longer() -> None:
    assert LAGS["role"].seconds < LAGS["grant"].seconds
    variables = {"Environment": {"Variables": {"TEA": "green"}}}
    with own_cloud("--like-aws", "--role-delay", "0") as (address, _):
        aws = make_session(address)
        call, given = create(aws, make_role(aws))
        code, text = refusal(call, **given, **variables)
        assert code == "InvalidParameterValueException"
        assert "the KMS key is invalid for CreateGrant" in text
        assert text.endswith(f"ARN does not refer to a valid principal: {given['Role']}")
        with in_a_hurry(aws):
            given["Role"] = make_role(aws, "another")
            once_function_is_ready(lambda: call(**given, **variables))


@pytest.mark.parity(
    "What a role's new policy allows is not known everywhere at once",
    kept=_LIKE_AWS,
    module="iam.lag",
    aws=_EVENTUAL,
)
def test_a_policy_counts_later_and_the_one_before_until_then(like_aws: Session) -> None:
    sqs, iam = like_aws.client("sqs"), like_aws.client("iam")
    with in_a_hurry(like_aws):
        sqs.create_queue(QueueName="q")
        make_known_role(like_aws, _LITTLE)
        make_function(like_aws, "f", "", Role=ROLE)
    map_ = {"FunctionName": "f", "EventSourceArn": QUEUE}
    iam.put_role_policy(RoleName="role", PolicyName="policy", PolicyDocument=json.dumps(ANYTHING))
    make_mapping = like_aws.client("lambda").create_event_source_mapping
    assert refusal(make_mapping, **map_) == (
        "InvalidParameterValueException",
        "The function execution role does not have permissions to call ReceiveMessage on SQS",
    )
    document = iam.get_role_policy(RoleName="role", PolicyName="policy")["PolicyDocument"]
    assert document == ANYTHING  # IAM itself knows
    with in_a_hurry(like_aws):
        iam.delete_role_policy(RoleName="role", PolicyName="policy")
        make_role(like_aws)
        once_trigger_is_ready(lambda: make_mapping(**map_))


@pytest.mark.parity(
    "A role that was deleted may be shown again for up to a minute",
    kept=_LIKE_AWS,
    module="iam.lag",
    aws=_EVENTUAL,
)
def test_a_deleted_role_is_shown_again_for_a_while(like_aws: Session) -> None:
    iam = like_aws.client("iam")
    document = json.dumps(TRUST)
    iam.create_role(RoleName="tea", AssumeRolePolicyDocument=document)
    iam.delete_role(RoleName="tea")
    assert refusal(iam.get_role, RoleName="tea")[0] == "NoSuchEntity"
    wait_until(lambda: iam.list_roles()["Roles"], "the role is listed again")
    assert iam.get_role(RoleName="tea")["Role"]["RoleName"] == "tea"
    assert refusal(iam.delete_role, RoleName="tea")[0] == "NoSuchEntity"
    iam.create_role(RoleName="tea", AssumeRolePolicyDocument=document)  # the name is free
    assert len(iam.list_roles()["Roles"]) == 1


# -- Queues ----------------------------------------------------------------------------------------


@pytest.mark.parity(
    "A new queue can be used after a second",
    kept=_LIKE_AWS,
    module="sqs.names",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
)
def test_a_new_queue_is_unknown_for_a_second(like_aws: Session) -> None:
    sqs = like_aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert sqs.create_queue(QueueName="q")["QueueUrl"] == url  # it is idempotent all the same
    missing = "AWS.SimpleQueueService.NonExistentQueue"
    assert refusal(sqs.get_queue_url, QueueName="q")[0] == missing
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="tea")[0] == missing
    redrive = json.dumps({"deadLetterTargetArn": QUEUE, "maxReceiveCount": 5})
    of_other = {"QueueName": "other", "Attributes": {"RedrivePolicy": redrive}}
    code, text = refusal(sqs.create_queue, **of_other)
    assert code == "InvalidParameterValue"
    assert text.endswith("Reason: Dead letter target does not exist.")
    assert sqs.list_queues()["QueueUrls"] == [url]
    with in_a_hurry(like_aws):
        sqs.create_queue(QueueName="dead")
        redrive = redrive.replace(QUEUE, f"{QUEUE[:-1]}dead")
        wait_until(lambda: sqs.get_queue_url(QueueName="dead"), "the queue is known")
        sqs.create_queue(QueueName="other", Attributes={"RedrivePolicy": redrive})


@pytest.mark.parity(
    "A queue that was deleted may be listed again for up to a minute",
    kept=_LIKE_AWS,
    module="sqs.names",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html",
)
def test_a_deleted_queue_is_listed_again_for_a_while(like_aws: Session) -> None:
    sqs = like_aws.client("sqs")
    with in_a_hurry(like_aws):
        url = sqs.create_queue(QueueName="q", tags={"tea": "green"})["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    missing = "AWS.SimpleQueueService.NonExistentQueue"
    assert refusal(sqs.get_queue_url, QueueName="q")[0] == missing
    wait_until(lambda: sqs.list_queues().get("QueueUrls"), "the queue is listed again")
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tea": "green"}
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="tea")[0] == missing
    assert refusal(sqs.create_queue, QueueName="q")[0].endswith("QueueDeletedRecently")


# -- Functions, triggers, APIs ---------------------------------------------------------------------


@pytest.mark.parity(
    "A mapping is listed while it is being deleted, and polls once it is Enabled",
    kept=_LIKE_AWS,
    module="lambda_.event_source_mapping",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_DeleteEventSourceMapping.html",
)
def test_a_mapping_begins_and_ends_slowly(like_aws: Session) -> None:
    sqs, lambda_ = like_aws.client("sqs"), like_aws.client("lambda")
    with in_a_hurry(like_aws):
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        make_known_role(like_aws)
        make_function(like_aws, "f", "def handler(event, context):\n    pass\n", Role=ROLE)
        wait_until(lambda: sqs.get_queue_url(QueueName="q"), "the queue is known")
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    local.hurry(like_aws, 3)
    wait = Config(retries={"total_max_attempts": 1})
    lambda_ = like_aws.client("lambda", config=wait)
    uuid = lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)["UUID"]

    def state() -> str:
        return str(lambda_.get_event_source_mapping(UUID=uuid)["State"])

    assert state() == "Creating"
    count = ["ApproximateNumberOfMessages"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=count)["Attributes"]
    assert found == {count[0]: "1"}
    assert refusal(lambda_.delete_event_source_mapping, UUID=uuid)[0] == "ResourceInUseException"
    wait_until(lambda: state() == "Enabled", "the trigger is made")
    lambda_.delete_event_source_mapping(UUID=uuid)
    assert state() == "Deleting"
    again = lambda_.create_event_source_mapping
    taken = refusal(again, FunctionName="f", EventSourceArn=QUEUE)
    assert taken[0] == "ResourceConflictException"
    listed = lambda_.list_event_source_mappings
    wait_until(lambda: not listed()["EventSourceMappings"], "the trigger is gone")


@pytest.mark.parity(
    "A stage knows a new key, plan or stage after some seconds, and answers 403 until then",
    kept=_LIKE_AWS,
    module="apigateway.usage_plans",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
)
@pytest.mark.parity(
    "A new permission to invoke a function counts after some seconds",
    kept=_LIKE_AWS,
    module="lambda_.functions",
    aws=_EVENTUAL,
)
def test_a_new_key_is_403_and_a_new_permission_500(like_aws: Session) -> None:
    with in_a_hurry(like_aws):
        make_known_role(like_aws)
        api = make_api(like_aws)
        api.put_method(apiKeyRequired=True)
        api.deploy()
    key = api.plan()
    assert api.post({}, **{"x-api-key": key}) == (403, {"message": "Forbidden"})
    lambda_ = like_aws.client("lambda")
    lambda_.remove_permission(FunctionName="echo", StatementId="apigateway")
    source = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api.id}/*"
    lambda_.add_permission(
        FunctionName="echo", StatementId="new", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=source,
    )  # fmt: skip
    method = {"restApiId": api.id, "resourceId": api.resource_id, "httpMethod": "POST"}
    assert api.api.test_invoke_method(**method)["status"] == 500
    wait_until(lambda: api.api.test_invoke_method(**method)["status"] == 201, "it counts")
    wait_until(lambda: api.post({}, **{"x-api-key": key})[0] == 201, "the key is known")


@pytest.mark.parity(
    "A table's time to live can be changed once in an hour",
    kept=_LIKE_AWS,
    module="dynamodb.time_to_live",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html",
)
def test_time_to_live_changes_once_in_an_hour(like_aws: Session) -> None:
    dynamodb = like_aws.client("dynamodb")
    dynamodb.create_table(
        TableName="tea", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    given = {"TableName": "tea", "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "e"}}
    dynamodb.update_time_to_live(**given)
    given["TimeToLiveSpecification"] = {"Enabled": False, "AttributeName": "e"}
    code, text = refusal(dynamodb.update_time_to_live, **given)
    assert code == "ValidationException"
    assert "modified multiple times within a fixed interval" in text


# -- Rates -----------------------------------------------------------------------------------------


@pytest.fixture
def hasty(like_aws: Session) -> Any:
    """A client of API Gateway that repeats nothing."""
    key = local.key_at(str(like_aws.endpoint_url))
    assert key is not None
    return boto3.client(
        "apigateway",
        endpoint_url=like_aws.endpoint_url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parity(
    "An account makes so many calls of the control plane in a second, and deletes one REST API in "
    "30 seconds",
    kept=_LIKE_AWS,
    module="rates",
    service="API Gateway",
    aws=_RATES,
)
def test_the_rates_of_api_gateway(hasty: Any, like_aws: Session) -> None:
    first = hasty.create_rest_api(name="a")["id"]
    too_many = ("TooManyRequestsException", "Too Many Requests")
    assert refusal(hasty.create_rest_api, name="b") == too_many
    hasty.delete_rest_api(restApiId=first)
    assert refusal(hasty.delete_rest_api, restApiId=first) == too_many
    second = like_aws.client("apigateway").create_rest_api(name="b")  # ours waits for its turn
    assert second["name"] == "b"


def test_each_lag_and_rate_names_who_says_so() -> None:
    sources = [*(lag.source for lag in LAGS.values()), *(rate.source for rate in RATES)]
    assert all(source.startswith("https://") for source in sources)
    assert LAGS["ghost"].seconds < LAGS["gone"].seconds


def test_without_the_option_nothing_is_slow(aws: Session) -> None:
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="q")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="q")["QueueUrl"])
    assert "QueueUrls" not in sqs.list_queues()
    call, given = create(aws, make_role(aws), Environment={"Variables": {"TEA": "green"}})
    assert call(**given)["State"] == "Pending"


def test_what_another_option_sets_stays() -> None:
    with own_cloud("--like-aws", "--role-delay", "0", "--queue-name-delay", "0") as (address, _):
        aws = make_session(address)
        call, given = create(aws, make_role(aws))
        call(**given)
        sqs = aws.client("sqs")
        with in_a_hurry(aws):
            url = sqs.create_queue(QueueName="q")["QueueUrl"]
            wait_until(lambda: sqs.get_queue_url(QueueName="q"), "the queue is known")
        sqs.delete_queue(QueueUrl=url)
        sqs.create_queue(QueueName="q")
