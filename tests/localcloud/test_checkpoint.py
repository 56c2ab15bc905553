"""Checkpoints: the whole state of a cloud, taken and restored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto.sqs.models import sqs_backends

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE
from lab.course.inbox import inbox
from lab.course.names import names
from lab.errors import LabError, NoCloudError
from lab.here import local
from lab.here.own_cloud import environment
from localcloud.checkpoint import Checkpoint, RefusedError
from tests.support import http
from tests.support.chapters import run_chapters
from tests.support.clouds import own_cloud
from tests.support.counts import counts
from tests.support.functions import ANYTHING, invoke, make_function, make_role, permit
from tests.support.queues import messages_on, open_queue
from tests.support.sessions import make_session
from tests.support.usage_plan import lift_throttle

pytestmark = pytest.mark.xdist_group("checkpoint")

N = names("")
ARN = "arn:aws:sqs:us-east-1:123456789012:"


class Shop:
    """The chapters' chain on a cloud of its own, which checks signatures."""

    def __init__(self, address: str) -> None:
        self.address, self.aws = address, make_session(address)
        run_chapters(*COURSE.set_up)
        lift_throttle(self.aws)
        api = self.aws.client("apigateway")
        (self.api_id,) = [found["id"] for found in api.get_rest_apis()["items"]]
        (self.key,) = [k["value"] for k in api.get_api_keys(includeValues=True)["items"]]
        self.orders()

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def post(self, product: str) -> str:
        """Post an order; its id."""
        answer = self.answer(product)
        assert answer.status == 202, answer.data
        return str(answer.json()["order_id"])

    def answer(self, product: str) -> Any:
        return http.request(
            "POST",
            lab.invoke_url(self.aws, self.api_id, "prod", "/orders"),
            json={"product": product, "quantity": 2},
            headers={"x-api-key": self.key},
        )

    def orders(self, *products: str) -> None:
        """Send orders, from the API to the table and the inbox."""
        ids = {self.post(product) for product in products}
        wait_until(lambda: ids <= self.items().keys(), "the orders are recorded", timeout=90)
        wait_until(
            lambda: len(ids) == sum(any(i in mail for i in ids) for mail in self.mails()),
            "the orders are mailed",
            timeout=90,
        )
        queue = self.client("sqs").get_queue_url(QueueName=N.queue)["QueueUrl"]
        wait_until(lambda: sum(counts(self.client("sqs"), queue)) == 0, "the queue is empty")

    def items(self) -> dict[str, Any]:
        found = self.client("dynamodb").scan(TableName=N.table)["Items"]
        return {item["order_id"]["S"]: item for item in found}

    def mails(self) -> list[str]:
        box = inbox(self.aws)
        assert box is not None
        return sorted(str(mail) for mail in box)

    def workers(self) -> set[int]:
        found = local.status(self.address)
        assert found is not None
        return set(found["workers"])

    def seen(self) -> dict[str, Any]:
        """What describe calls tell of everything."""
        found = {f"{service} {call}": answer for service, call, answer in self._answers()}
        assert all(found.values()), found
        return found | {"items": self.items(), "mails": self.mails()}

    def _answers(self) -> Iterator[tuple[str, str, Any]]:
        for service, call, parameters in self._calls():
            answer = getattr(self.client(service), call)(**parameters)
            del answer["ResponseMetadata"]
            yield service, f"{call} {parameters}", answer

    def _calls(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for url in self.client("sqs").list_queues()["QueueUrls"]:
            yield "sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["All"]}
        for topic in self.client("sns").list_topics()["Topics"]:
            yield "sns", "get_topic_attributes", topic
            yield "sns", "list_subscriptions_by_topic", topic
        for role in self.client("iam").list_roles()["Roles"]:
            yield "iam", "get_role", {"RoleName": role["RoleName"]}
            yield "iam", "list_role_policies", {"RoleName": role["RoleName"]}
        for function in self.client("lambda").list_functions()["Functions"]:
            name = {"FunctionName": function["FunctionName"]}
            yield "lambda", "get_function", name
            yield "lambda", "list_tags", {"Resource": function["FunctionArn"]}
        yield "lambda", "list_event_source_mappings", {}
        yield "apigateway", "get_api_keys", {"includeValues": True}
        yield "apigateway", "get_usage_plans", {}
        yield "apigateway", "get_stages", {"restApiId": self.api_id}
        yield "apigateway", "get_resources", {"restApiId": self.api_id}
        yield "dynamodb", "describe_table", {"TableName": N.table}
        yield "logs", "describe_log_groups", {}
        yield "resourcegroupstaggingapi", "get_resources", {}
        for function in (N.take_order, N.notify_fulfillment, N.record_order):
            yield "logs", "filter_log_events", {"logGroupName": N.log_group(function)}


@pytest.fixture(scope="module")
def shop(_clean_environment: None) -> Iterator[Shop]:
    with (
        own_cloud("--retry-delay", "0.05") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
    ):
        yield Shop(address)


def checkpoint(address: str, body: bytes) -> tuple[int, Any]:
    """The status and the body of an answer to any request."""
    answer = local.deed(address, "checkpoint", body)
    return answer.status, answer.said()


def test_everything_is_as_it_was_byte_for_byte_and_the_chain_works(shop: Shop) -> None:
    shop.orders("Assam tea")
    before = shop.seen()
    local.checkpoint(shop.address, "take", "chain")
    for product in ("Darjeeling tea", "Sencha"):  # a second restore is like the first
        shop.orders(product)
        tear_down(shop)
        assert not shop.client("lambda").list_functions()["Functions"]
        local.checkpoint(shop.address, "restore", "chain")
        assert shop.seen() == before
        shop.orders(product)
    local.checkpoint(shop.address, "restore", "chain")
    assert shop.seen() == before


def tear_down(shop: Shop) -> None:
    with environment(AWS_ENDPOINT_URL=shop.address):
        run_chapters("10")


def test_workers_stay_warm_with_keys_that_open_the_restored_cloud(shop: Shop) -> None:
    local.checkpoint(shop.address, "take", "chain")
    local.reset(shop.address)
    assert not shop.workers()
    local.checkpoint(shop.address, "restore", "chain")
    shop.orders("Assam tea")
    began_after_the_checkpoint = shop.workers()
    local.checkpoint(shop.address, "restore", "chain")
    assert shop.workers() == began_after_the_checkpoint
    shop.orders("Sencha")
    assert shop.workers() >= began_after_the_checkpoint


def test_workers_of_a_function_that_was_changed_go(shop: Shop) -> None:
    shop.orders("Assam tea")
    local.checkpoint(shop.address, "take", "chain")
    name, lambda_ = N.take_order, shop.client("lambda")
    edited = lab.package("take_order", other="")
    lambda_.update_function_code(FunctionName=name, ZipFile=edited)
    shop.orders("Sencha")
    code = lambda_.get_function(FunctionName=name)["Configuration"]["CodeSha256"]
    before = shop.workers()
    local.checkpoint(shop.address, "restore", "chain")
    assert shop.workers() < before
    assert lambda_.get_function(FunctionName=name)["Configuration"]["CodeSha256"] != code
    shop.orders("Darjeeling tea")


def test_what_a_key_has_used_of_its_quota_stays_used(shop: Shop) -> None:
    shop.orders("Assam tea")
    local.checkpoint(shop.address, "take", "chain")
    (plan,) = shop.client("apigateway").get_usage_plans()["items"]
    limit = {"op": "replace", "path": "/quota/limit", "value": "1"}
    shop.client("apigateway").update_usage_plan(usagePlanId=plan["id"], patchOperations=[limit])
    local.checkpoint(shop.address, "take", "used-up")
    local.reset(shop.address)
    local.checkpoint(shop.address, "restore", "used-up")
    assert shop.answer("Assam tea").status == 429
    local.checkpoint(shop.address, "restore", "chain")
    shop.orders("Assam tea")


@pytest.mark.long
def test_200_orders_are_taken_and_restored(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(shop.post, ["Assam tea"] * 200))
    wait_until(lambda: ids <= shop.items().keys(), "200 orders are recorded", timeout=90)
    before = shop.items()
    local.checkpoint(shop.address, "take", "many")
    shop.client("dynamodb").delete_table(TableName=N.table)
    local.checkpoint(shop.address, "restore", "many")
    assert shop.items() == before


# -- By service ----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_checkpoints(request: pytest.FixtureRequest) -> None:
    """Those that other tests of this worker took do not count."""
    if "cloud" in request.fixturenames:
        address = request.getfixturevalue("cloud")
        for name in (local.status(address) or {})["checkpoints"]:
            local.checkpoint(address, "drop", name)


@pytest.fixture
def sqs(aws: Session) -> Any:
    return aws.client("sqs")


@pytest.fixture
def restored(cloud: str) -> Iterator[Callable[[], None]]:
    """Takes a checkpoint, and restores it when called; dropped in the end."""

    def restore() -> None:
        local.checkpoint(cloud, "restore", "test")

    yield restore
    local.checkpoint(cloud, "drop", "test")


def take(cloud: str) -> None:
    local.checkpoint(cloud, "take", "test")


def test_messages_come_back_visible_hidden_and_delayed(
    cloud: str, sqs: Any, restored: Callable[[], None]
) -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hidden")
    (held,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=600)
    attributes = {"kind": {"DataType": "String", "StringValue": "tea"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="waits", MessageAttributes=attributes)
    take(cloud)
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="new")
        sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
        sqs.delete_queue(QueueUrl=url)
        restored()
        assert counts(sqs, url) == (1, 1, 1)
        (waited,) = messages_on(make_session(cloud), url)
        assert (waited["Body"], waited["MessageId"]) == ("waits", sent["MessageId"])
        assert waited["MessageAttributes"] == attributes
    handle = held["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    (again,) = messages_on(make_session(cloud), url)
    assert again["Body"] == "hidden"
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_long_poll_is_answered_and_leaves_the_restored_messages(
    cloud: str, sqs: Any, restored: Callable[[], None]
) -> None:
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    take(cloud)
    messages_on(make_session(cloud), url)
    with closing(long_poll(cloud, url)) as poll:
        assert counts(sqs, url) == (0, 0, 0)  # this came later: so the poll is there
        restored()
        assert json.load(poll.getresponse()) == {}
    assert counts(sqs, url) == (1, 0, 0)


def long_poll(cloud: str, url: str) -> HTTPConnection:
    """A connection on which a ReceiveMessage was sent, and nothing was read yet."""
    key = local.key_at(cloud)
    assert key is not None
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    headers = {
        "X-Amz-Target": "AmazonSQS.ReceiveMessage",
        "Content-Type": "application/x-amz-json-1.0",
    }
    signed = AWSRequest("POST", f"{cloud}/", headers, body)
    credentials = Credentials(key.access_key_id, key.secret_access_key)
    SigV4Auth(credentials, "sqs", "us-east-1").add_auth(signed)
    connection = HTTPConnection(urlsplit(cloud).netloc, timeout=15)
    connection.request("POST", "/", body, {k: str(v) for k, v in signed.headers.items()})
    return connection


def test_a_move_task_goes_on(cloud: str, sqs: Any, restored: Callable[[], None]) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": "1"}
    sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": json.dumps(redrive)})
    to = sqs.create_queue(QueueName="to")["QueueUrl"]
    for number in range(3):
        sqs.send_message(QueueUrl=dead, MessageBody=str(number))
    sqs.start_message_move_task(
        SourceArn=f"{ARN}dead", DestinationArn=f"{ARN}to", MaxNumberOfMessagesPerSecond=2
    )
    take(cloud)
    local.reset(cloud)
    restored()

    def tasks() -> list[Any]:
        return list(sqs.list_message_move_tasks(SourceArn=f"{ARN}dead")["Results"])

    wait_until(lambda: tasks()[0]["Status"] == "COMPLETED", "the task is done", timeout=90)
    assert (counts(sqs, dead), counts(sqs, to)) == ((0, 0, 0), (3, 0, 0))
    local.reset(cloud)
    sqs.create_queue(QueueName="dead")
    assert tasks() == []


def test_subscriptions_stay_confirmed_or_pending(
    cloud: str, aws: Session, restored: Callable[[], None]
) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="Orders")["TopicArn"]
    for address in ("confirmed@example.com", "pending@example.com"):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    lab.confirm_subscription(aws, topic, "confirmed@example.com")
    take(cloud)

    def subscribed() -> dict[str, str]:
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return {each["Endpoint"]: each["SubscriptionArn"] for each in found}

    before = subscribed()
    assert before["pending@example.com"] == "PendingConfirmation"
    lab.confirm_subscription(aws, topic, "pending@example.com")
    sns.unsubscribe(SubscriptionArn=before["confirmed@example.com"])
    restored()
    assert subscribed() == before
    # The token in the mail is the one that the restored subscription waits for.
    lab.confirm_subscription(aws, topic, "pending@example.com")
    assert "PendingConfirmation" not in subscribed().values()
    sns.publish(TopicArn=topic, Message="tea for two")
    for address in before:
        assert "tea for two" in lab.show_mail(aws, topic, address, "tea for two")


# Fails once it may, and does not return before that.
FAILS = """
import os, time
def handler(event, context):
    while not os.path.exists(event["may_fail"]):
        time.sleep(0.05)
    raise ValueError("no tea")
"""


def test_an_event_that_was_not_done_is_tried_again(
    cloud: str, aws: Session, sqs: Any, restored: Callable[[], None], tmp_path: Path
) -> None:
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead_letters = {"TargetArn": f"{ARN}dead"}
    make_function(aws, "f", FAILS, DeadLetterConfig=dead_letters, Timeout=60)
    aws.client("lambda").put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    event = {"may_fail": str(tmp_path / "marker")}
    invoke(aws, "f", event, InvocationType="Event")
    wait_until(lambda: under_way(cloud) == 1, "it is under way")
    take(cloud)
    local.reset(cloud)
    (tmp_path / "marker").touch()
    for _ in range(2):
        restored()
        (dead,) = messages_on(aws, url)
        assert json.loads(dead["Body"]) == event


def test_what_is_under_way_is_given_up(
    cloud: str, aws: Session, restored: Callable[[], None]
) -> None:
    source = "import time\ndef handler(e, c): time.sleep(e['seconds'])"
    make_function(aws, "slow", source, Timeout=60)
    invoke(aws, "slow", {"seconds": 0})
    take(cloud)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(invoke, aws, "slow", {"seconds": 50})
        wait_until(lambda: under_way(cloud) == 1, "it is under way")
        restored()
        assert call.result(timeout=30)["FunctionError"] == "Unhandled"
    assert under_way(cloud) == 0
    assert invoke(aws, "slow", {"seconds": 0})["Payload"] is None


def under_way(cloud: str) -> int:
    found = local.status(cloud)
    assert found is not None
    return sum(len(pool["under_way"]) for pool in found["runtime"]["functions"])


def test_a_poller_works_for_a_restored_mapping_and_for_no_other(
    cloud: str, aws: Session, sqs: Any, restored: Callable[[], None]
) -> None:
    ends = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("q", "other")}
    make_function(aws, "f", "def handler(e, c): pass")
    lambda_ = aws.client("lambda")
    lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=f"{ARN}q")
    take(cloud)
    lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=f"{ARN}other")
    (first, _) = lambda_.list_event_source_mappings()["EventSourceMappings"]
    lambda_.delete_event_source_mapping(UUID=first["UUID"])
    restored()
    for url in ends.values():
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    wait_until(lambda: counts(sqs, ends["q"]) == (0, 0, 0), "it is polled")
    assert counts(sqs, ends["other"]) == (1, 0, 0)
    found = local.status(cloud)
    assert found is not None
    assert [source["polls"] for source in found["services"]["lambda"]["event_source_mappings"]] == [
        True
    ]


def test_a_batch_under_way_waits_for_its_visibility_timeout(
    cloud: str, aws: Session, sqs: Any, restored: Callable[[], None]
) -> None:
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    make_function(aws, "f", "import time\ndef handler(e, c): time.sleep(50)", Timeout=60)
    aws.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=f"{ARN}q")
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    wait_until(lambda: under_way(cloud) == 1, "it is under way")
    take(cloud)
    sqs.purge_queue(QueueUrl=url)
    restored()
    assert counts(sqs, url) == (0, 1, 0)
    assert under_way(cloud) == 0
    found = local.status(cloud)
    assert found is not None
    assert [
        source["under_way"] for source in found["services"]["lambda"]["event_source_mappings"]
    ] == [0]


def test_a_role_that_was_narrowed_can_do_it_again_after_a_restore(
    cloud: str, aws: Session, sqs: Any, restored: Callable[[], None]
) -> None:
    sqs.create_queue(QueueName="q")
    source = "import boto3\ndef handler(e, c): boto3.client('sqs').get_queue_url(QueueName='q')"
    make_function(aws, "f", source)
    assert "FunctionError" not in invoke(aws, "f")
    take(cloud)
    nothing = {**ANYTHING, "Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "*"}]}
    make_role(aws, policy=nothing)
    assert "FunctionError" in invoke(aws, "f")
    restored()
    assert "FunctionError" not in invoke(aws, "f")


def test_keys_of_roles_and_users_are_those_of_the_checkpoint(
    cloud: str, aws: Session, restored: Callable[[], None]
) -> None:
    sts, iam = aws.client("sts"), aws.client("iam")
    before = sts.get_federation_token(Name="before")["Credentials"]
    take(cloud)
    after = sts.get_federation_token(Name="after")["Credentials"]
    iam.create_user(UserName="ann")
    restored()

    def who(keys: dict[str, str]) -> str:
        session = Session(
            cloud,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name="us-east-1",
        )
        return str(session.client("sts").get_caller_identity()["Arn"])

    assert who(before).endswith("federated-user/before")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        who(after)
    assert iam.list_users()["Users"] == []


def test_the_speed_and_the_losses_are_as_they_were(
    cloud: str, aws: Session, sqs: Any, restored: Callable[[], None]
) -> None:
    def lose() -> None:
        topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
        open_queue(aws, "q", topic)
        aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{ARN}q")
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="q")["QueueUrl"])
        aws.client("sns").publish(TopicArn=topic, Message="tea")

    def lost_and_speed() -> tuple[int, float]:
        found = local.status(cloud)
        assert found is not None
        return found["lost"]["total"], found["speed"]

    lose()
    local.hurry(aws, 60)
    take(cloud)
    lose()
    local.hurry(aws, 1)
    assert lost_and_speed() == (2, 1)
    restored()
    assert lost_and_speed() == (1, 60)


def test_things_of_many_services_come_back(
    cloud: str, aws: Session, restored: Callable[[], None]
) -> None:
    aws.client("s3").create_bucket(Bucket="shop")
    aws.client("s3").put_object(Bucket="shop", Key="tea", Body=b"Assam")
    aws.client("ssm").put_parameter(Name="tea", Value="Assam", Type="String")
    aws.client("secretsmanager").create_secret(Name="tea", SecretString="Assam")
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    aws.client("kinesis").create_stream(StreamName="tea", ShardCount=1)
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="tea", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1,
        Statistic="Sum", Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    aws.client("ec2").describe_vpcs()
    west = aws.client("sqs", region_name="eu-west-1").create_queue(QueueName="west")["QueueUrl"]
    take(cloud)
    local.reset(cloud)
    restored()
    assert aws.client("s3").get_object(Bucket="shop", Key="tea")["Body"].read() == b"Assam"
    assert aws.client("ssm").get_parameter(Name="tea")["Parameter"]["Value"] == "Assam"
    assert aws.client("secretsmanager").get_secret_value(SecretId="tea")["SecretString"] == "Assam"
    assert aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
    assert aws.client("kinesis").list_streams()["StreamNames"] == ["tea"]
    assert len(aws.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 1
    assert aws.client("sqs", region_name="eu-west-1").list_queues()["QueueUrls"] == [west]


def test_what_came_after_the_checkpoint_is_gone(
    cloud: str, aws: Session, restored: Callable[[], None]
) -> None:
    take(cloud)
    there = aws.client("sqs", region_name="eu-west-1")
    there.create_queue(QueueName="q")
    aws.client("s3").create_bucket(Bucket="shop")
    restored()
    assert "QueueUrls" not in there.list_queues()
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_a_new_version_of_a_function_goes_with_the_restore(
    cloud: str, aws: Session, restored: Callable[[], None]
) -> None:
    arn = make_function(aws, "f", "def handler(e, c): return 1")
    permit(aws, "f", "sns.amazonaws.com", "arn:aws:sns:us-east-1:123456789012:t")
    take(cloud)
    lambda_ = aws.client("lambda")
    lambda_.publish_version(FunctionName="f")
    lambda_.remove_permission(FunctionName="f", StatementId="sns")
    restored()
    versions = lambda_.list_versions_by_function(FunctionName="f")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST"]
    assert "sns.amazonaws.com" in lambda_.get_policy(FunctionName="f")["Policy"]
    lambda_.delete_function(FunctionName=arn)  # by its ARN, which moto finds in an index
    assert lambda_.list_functions()["Functions"] == []


# -- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"tea", 400, 'Expected a JSON object such as {"action": "take"'),
        (b"[]", 400, "Expected a JSON object"),
        (b"\xff", 400, "Expected a JSON object"),
        (b'{"action": "take"}', 400, "Expected a JSON object"),
        (b'{"action": "load", "name": "x"}', 400, "one of take, restore, drop, found 'load'"),
        (b'{"action": [], "name": "x"}', 400, "one of take, restore, drop, found []"),
        (b'{"action": "take", "name": ""}', 400, "name: expected"),
        (b'{"action": "take", "name": 7}', 400, "name: expected"),
        (b'{"action": "take", "name": "../x"}', 400, "name: expected"),
        (b'{"action": "restore", "name": "x"}', 404, "There is no checkpoint 'x'. None was taken"),
        (b'{"action": "drop", "name": "x"}', 404, "There is no checkpoint 'x'. None was taken"),
    ],
)
def test_a_request_that_cannot_be_granted_is_refused(
    cloud: str, body: bytes, status: int, says: str
) -> None:
    answer, found = checkpoint(cloud, body)
    assert answer == status
    assert says in found["message"]


def test_what_cannot_be_copied_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    backends = sqs_backends["123456789012"]
    monkeypatch.setitem(vars(backends["us-east-1"]), "names", {"tea", "cup"})
    assert Checkpoint({}).load() == {}
    monkeypatch.setitem(vars(backends["eu-west-1"]), "stream", (n for n in (1, 2)))
    with pytest.raises(RefusedError, match="sqs in eu-west-1 holds something that cannot be copi"):
        Checkpoint({})


def test_a_wrong_name_is_answered_with_the_right_ones(
    cloud: str, restored: Callable[[], None]
) -> None:
    take(cloud)
    with pytest.raises(LabError, match=r"There is no checkpoint 'tset'\. There are: test\."):
        local.checkpoint(cloud, "restore", "tset")
    found = local.status(cloud)
    assert found is not None and found["checkpoints"] == ["test"]


def test_only_so_many_are_kept(cloud: str) -> None:
    for number in range(20):
        local.checkpoint(cloud, "take", f"c{number}")
    local.checkpoint(cloud, "take", "c0")  # again
    with pytest.raises(LabError, match="There are 20 checkpoints; drop one"):
        local.checkpoint(cloud, "take", "c20")
    for number in range(20):
        local.checkpoint(cloud, "drop", f"c{number}")


def test_checkpoints_are_for_the_user_of_the_cloud_only(cloud: str) -> None:
    answer = http.request(
        "POST", f"{cloud}/_localcloud/checkpoint", json={"action": "take", "name": "x"}
    )
    assert answer.status == 403
    found = local.status(cloud)
    assert found is not None and found["checkpoints"] == []


def test_without_a_cloud_there_are_no_checkpoints(free_port: int) -> None:
    with pytest.raises(NoCloudError):
        local.checkpoint(f"http://127.0.0.1:{free_port}", "take", "x")
