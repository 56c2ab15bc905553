"""AWS Lambda Powertools takes our events for AWS's, and its batches and idempotency run here."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventModel,
    SnsModel,
    SnsNotificationModel,
    SqsModel,
)

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support import http
from tests.support.functions import invoke, make_function, permit
from tests.support.mapping import Setup
from tests.support.queues import messages_on, open_queue
from tests.support.rest_api import Api, make_api
from tests.support.subscriptions import subscribe_queue

PAGE = "https://docs.aws.amazon.com/powertools/python/latest/utilities/"
ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "tea"},
    "count": {"DataType": "Number.int", "StringValue": "2"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00"},
}
# Sends what it gets to the queue "seen".
SPY = """
import boto3, json
sqs = boto3.client("sqs")
def handler(event, context):
    url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""
BATCH = """
import aws_lambda_powertools
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch import process_partial_response
processor = BatchProcessor(event_type=EventType.SQS)
assert aws_lambda_powertools.__file__.startswith(__file__.removesuffix("app.py"))
def one(record):
    if record.body.startswith("bad"):
        raise ValueError(record.body)
def handler(event, context):
    return process_partial_response(event, one, processor, context)
"""
ONCE = """
import uuid
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent
config = IdempotencyConfig(event_key_jmespath="order_id", raise_on_no_idempotency_key=True)
@idempotent(config=config, persistence_store=DynamoDBPersistenceLayer(table_name="done"))
def handler(event, context):
    if event.get("raise"):
        raise ValueError("as asked")
    return {"made": str(uuid.uuid4())}
"""


@cache
def with_powertools(source: str) -> bytes:
    """A package of a function with all of Powertools, as pip would put it there."""
    spec = find_spec("aws_lambda_powertools")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("app.py", source)
        for path in folder.rglob("*.py"):
            archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()


@pytest.fixture
def seen(aws: Session) -> Callable[[], Any]:
    """The next event that the function "spy" gets."""
    url = aws.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    make_function(aws, "spy", SPY)
    return lambda: json.loads(messages_on(aws, url)[0]["Body"])


@pytest.mark.parity(
    "The event of a REST API is what Powertools takes for one",
    kept="yes",
    module="apigateway.proxy",
    aws=f"{PAGE}parser/",
)
def test_powertools_reads_the_event_of_an_api(aws: Session) -> None:
    api: Api = make_api(aws)
    api.put_method()
    api.deploy()
    url, headers = f"{api.url()}?size=big&size=small", {"X-Multi": "1"}
    answer = http.request("POST", url, body=b'{"product": "tea"}', headers=headers)
    event = APIGatewayProxyEventModel.model_validate(answer.json())
    assert event.multiValueQueryStringParameters == {"size": ["big", "small"]}
    assert (event.headers["X-Multi"], event.requestContext.stage) == ("1", "prod")
    tried = api.api.test_invoke_method(
        restApiId=api.id, resourceId=api.resource_id, httpMethod="POST", body="{}"
    )
    assert APIGatewayProxyEventModel.model_validate_json(tried["body"]).httpMethod == "POST"


@pytest.mark.parity(
    "The event of a queue is what Powertools takes for one",
    kept="yes",
    module="lambda_.event_source_mapping",
    aws=f"{PAGE}parser/",
)
def test_powertools_reads_the_event_of_a_queue(aws: Session, seen: Callable[[], Any]) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="tea", MessageAttributes=ATTRIBUTES)
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:123456789012:q", FunctionName="spy"
    )
    (record,) = SqsModel.model_validate(seen()).Records
    assert record.body == "tea"
    assert record.messageAttributes["kind"].stringValue == "tea"
    assert record.messageAttributes["raw"].binaryValue == "AA=="


@pytest.mark.parity(
    "The event of a topic, and its message in a queue, are what Powertools takes for them",
    kept="yes",
    module="sns.delivery",
    aws=f"{PAGE}parser/",
)
def test_powertools_reads_the_event_of_a_topic(aws: Session, seen: Callable[[], Any]) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    url = open_queue(aws, "q", topic)
    subscribe_queue(aws, topic, "q")
    permit(aws, "spy", "sns.amazonaws.com", topic)
    spy = "arn:aws:lambda:us-east-1:123456789012:function:spy"
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=spy)
    sns.publish(TopicArn=topic, Message="tea", Subject="An order", MessageAttributes=ATTRIBUTES)
    (record,) = SnsModel.model_validate(seen()).Records
    assert (record.Sns.Message, record.Sns.Subject) == ("tea", "An order")
    assert record.Sns.MessageAttributes is not None
    assert record.Sns.MessageAttributes["raw"].Value == "AA=="
    (message,) = messages_on(aws, url)
    assert SnsNotificationModel.model_validate_json(message["Body"]).Message == "tea"


@pytest.mark.parity(
    "Powertools' batch processor brings back what failed, and nothing else",
    kept="yes",
    module="lambda_.event_source_mapping",
    aws=f"{PAGE}batch/",
)
def test_the_batch_processor_of_powertools_runs_here(aws: Session) -> None:
    setup = Setup(aws)
    aws.client("lambda").update_function_code(FunctionName="spy", ZipFile=with_powertools(BATCH))
    setup.send("good 1", "bad", "good 2")
    setup.map()
    wait_until(lambda: setup.left(setup.url) == 1, "the good ones are gone", timeout=90)
    setup.wait_until_done()
    assert setup.left(setup.url) == 1


@pytest.mark.parity(
    "Powertools' idempotency answers again what it answered, and a failed call is free again",
    kept="yes",
    module="lambda_.invoke",
    aws=f"{PAGE}idempotency/",
)
def test_the_idempotency_of_powertools_runs_here(aws: Session) -> None:
    aws.client("dynamodb").create_table(
        TableName="done",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    make_function(aws, "once", "", Code={"ZipFile": with_powertools(ONCE)}, Timeout=30)
    first = invoke(aws, "once", {"order_id": "1"})["Payload"]
    assert first["made"]
    assert invoke(aws, "once", {"order_id": "1", "raise": True})["Payload"] == first
    assert invoke(aws, "once", {"order_id": "2"})["Payload"] != first
    assert "FunctionError" in invoke(aws, "once", {"order_id": "3", "raise": True})
    assert invoke(aws, "once", {"order_id": "3"})["Payload"]["made"]
    items = aws.client("dynamodb").scan(TableName="done")["Items"]
    assert {item["status"]["S"] for item in items} == {"COMPLETED"} and len(items) == 3
