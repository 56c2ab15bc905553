"""Mistakes that learners make in code of their own; each raises the error that comes of it, or
returns what the learner sees."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

import lab
from lab.aws.session import Session
from tests.support.chapters import given
from tests.support.functions import invoke, make_function, make_role, zip_of
from tests.support.roles import allow

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
ECHO = "def handler(event, context):\n    return event\n"


# -- IAM -------------------------------------------------------------------------------------------


def attach_a_missing_policy(aws: Session) -> None:
    make_role(aws, "r")
    arn = "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole"
    aws.client("iam").attach_role_policy(RoleName="r", PolicyArn=arn)


def put_a_malformed_policy(aws: Session) -> None:
    make_role(aws, "r")
    aws.client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument="tea")


def delete_a_role_in_use(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws, "r")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("sqs:SendMessage")]})
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.delete_role(RoleName="r")


# -- Lambda ----------------------------------------------------------------------------------------


def make_function_of(aws: Session, role: str, code: dict[str, Any], **more: Any) -> None:
    aws.client("lambda").create_function(
        FunctionName="f",
        Role=role,
        Handler="app.handler",
        Runtime=lab.RUNTIME,
        Code=code,
        **more,
    )


def send_no_zip(aws: Session) -> None:
    make_function_of(aws, make_role(aws), {"ZipFile": ECHO.encode()})


def set_a_reserved_variable(aws: Session) -> None:
    environment = {"Variables": {"AWS_REGION": "eu-west-1"}}
    make_function_of(aws, make_role(aws), {"ZipFile": zip_of(ECHO)}, Environment=environment)


def call(source: str) -> Callable[[Session], str]:
    """What a test of a function with this source shows."""

    def run(aws: Session) -> str:
        make_function(aws, "f", source)
        return json.dumps(invoke(aws, "f")["Payload"])

    return run


def test_with_hello_world(aws: Session) -> str:
    given("04")
    return json.dumps(invoke(aws, "record_order", {"key1": "value1"})["Payload"])


def call_without_patience(aws: Session) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(3)\n"
    make_function(aws, "f", source, Timeout=5)
    config = Config(read_timeout=0.5, retries={"total_max_attempts": 1})
    aws.client("lambda", config=config).invoke(FunctionName="f")


def send_no_json(aws: Session) -> None:
    make_function(aws, "f", ECHO)
    aws.client("lambda").invoke(FunctionName="f", Payload=str({"product": "tea"}))


def send_a_large_event(aws: Session) -> None:
    make_function(aws, "f", ECHO)
    payload = json.dumps("x" * 7_000_000)
    aws.client("lambda").invoke(FunctionName="f", Payload=payload)


def call_a_throttled_function(aws: Session) -> None:
    make_function(aws, "f", ECHO)
    client = aws.client("lambda", config=Config(retries={"total_max_attempts": 1}))
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    client.invoke(FunctionName="f")


def make_trigger(**settings: Any) -> Callable[[Session], object]:
    def run(aws: Session) -> None:
        make_function(aws, "f", ECHO)
        aws.client("sqs").create_queue(QueueName="q")
        given = {"FunctionName": "f", "EventSourceArn": QUEUE, **settings}
        aws.client("lambda").create_event_source_mapping(**given)

    return run


# -- SQS and SNS -----------------------------------------------------------------------------------


def on_a_queue(operation: str, **parameters: Any) -> Callable[[Session], object]:
    def run(aws: Session) -> None:
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        getattr(sqs, operation)(QueueUrl=url, **parameters)

    return run


def move_too_fast(aws: Session) -> None:
    given("01", "02")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:CustomerOrders-dead-letters"
    aws.client("sqs").start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=501)


def on_a_topic(operation: str, **parameters: Any) -> Callable[[Session], object]:
    def run(aws: Session) -> None:
        sns = aws.client("sns")
        arn = sns.create_topic(Name="t")["TopicArn"]
        getattr(sns, operation)(**{"TopicArn": arn, **parameters})

    return run


# -- DynamoDB --------------------------------------------------------------------------------------


def on_orders(operation: str, **parameters: Any) -> Callable[[Session], object]:
    """A call to a table that has the key of Orders."""

    def run(aws: Session) -> None:
        aws.client("dynamodb").create_table(
            TableName="tea",
            KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table: Any = aws.resource("dynamodb").Table("tea")
        getattr(table, operation)(**parameters)

    return run


def put_twice(aws: Session) -> None:
    condition = {"ConditionExpression": "attribute_not_exists(order_id)"}
    item = {"order_id": "a"}
    on_orders("put_item", Item=item)(aws)
    aws.resource("dynamodb").Table("tea").put_item(Item=item, **condition)


def define_too_much(aws: Session) -> None:
    aws.client("dynamodb").create_table(
        TableName="tea",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "product")
        ],
        BillingMode="PAY_PER_REQUEST",
    )


# -- API Gateway -----------------------------------------------------------------------------------


def make_api(aws: Session) -> tuple[Any, str, str]:
    """A client, and the ids of a new API and of its root."""
    api = aws.client("apigateway")
    api_id = api.create_rest_api(name="a")["id"]
    return api, api_id, api.get_resources(restApiId=api_id)["items"][0]["id"]


def deploy_nothing(aws: Session) -> None:
    api, api_id, _ = make_api(aws)
    api.create_deployment(restApiId=api_id, stageName="prod")


def get_a_missing_stage(aws: Session) -> None:
    api, api_id, _ = make_api(aws)
    api.get_stage(restApiId=api_id, stageName="test")


def make_a_path_twice(aws: Session) -> None:
    api, api_id, root = make_api(aws)
    for _ in range(2):
        api.create_resource(restApiId=api_id, parentId=root, pathPart="orders")
    api.create_api_key(name="k", value="x" * 20)
    api.create_api_key(name="k", value="x" * 20)


def deploy_what_is_not_there(aws: Session) -> None:
    given("01", "02")
    api = aws.client("apigateway")
    patch = {"op": "replace", "path": "/deploymentId", "value": "none"}
    api_id = api.get_rest_apis()["items"][0]["id"]
    api.update_stage(restApiId=api_id, stageName="prod", patchOperations=[patch])


# -- boto3, Python and the shell -------------------------------------------------------------------


def wait_in_vain(aws: Session) -> None:
    waiter = aws.client("dynamodb").get_waiter("table_exists")
    waiter.wait(TableName="tea", WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def forget_the_folder(_: Session) -> str:
    found = subprocess.run(
        ["/bin/sh", "-c", "lab check"], env={"PATH": "/nowhere"}, capture_output=True, text=True
    )
    return found.stderr


# The name of the entry that explains it, and what brings it about.
MISTAKES: dict[str, Callable[[Session], object]] = {
    "A function has not answered in time": call_without_patience,
    "The policy to attach does not exist": attach_a_missing_policy,
    "MalformedPolicyDocument: the policy is written wrong": put_a_malformed_policy,
    "DeleteConflict: something still hangs on the role": delete_a_role_in_use,
    "Lambda's package cannot be unpacked": send_no_zip,
    "An environment variable's name is Lambda's own": set_a_reserved_variable,
    "The trigger's batch size needs a batching window": make_trigger(BatchSize=100),
    "A trigger's setting is not one that a queue has": make_trigger(
        ScalingConfig={"MaximumConcurrency": 1001}
    ),
    "ReceiptHandleIsInvalid: that receipt is not valid any more": on_a_queue(
        "delete_message", ReceiptHandle="tea"
    ),
    "A message is too large": on_a_queue("send_message", MessageBody="x" * 2_000_000),
    "A batch is empty, too long, or has an id twice": on_a_queue(
        "send_message_batch", Entries=[{"Id": "1", "MessageBody": "tea"}] * 2
    ),
    "A message has no body, or one that cannot be sent": on_a_queue(
        "send_message", MessageBody="tea\x00"
    ),
    "A name has characters that SQS or SNS does not take": lambda aws: aws.client(
        "sqs"
    ).create_queue(QueueName="tea shop"),
    "A queue's attribute has a value that SQS does not take": on_a_queue(
        "set_queue_attributes", Attributes={"VisibilityTimeout": "43201"}
    ),
    "SNS: the message has no text for everybody": on_a_topic(
        "publish", Message=json.dumps({"email": "tea"}), MessageStructure="json"
    ),
    "SNS: the token of a confirmation is not valid": on_a_topic(
        "confirm_subscription", Token="tea"
    ),
    "SNS: the filter policy is written wrong": on_a_topic(
        "subscribe",
        Protocol="sqs",
        Endpoint=QUEUE,
        Attributes={"FilterPolicy": json.dumps({"gift": "yes"})},
    ),
    "SNS: an ARN, an address or another parameter is wrong": on_a_topic(
        "publish", TopicArn="Orders", Message="tea"
    ),
    "DynamoDB: the key is missing or not as in the table": on_orders(
        "put_item", Item={"product": "tea"}
    ),
    "DynamoDB: numbers must be Decimal": on_orders(
        "put_item", Item={"order_id": "a", "price": 2.5, "on": datetime(2026, 11, 1, tzinfo=UTC)}
    ),
    "DynamoDB: an expression is written wrong": on_orders(
        "update_item",
        Key={"order_id": "a"},
        UpdateExpression="SET status = :s",
        ExpressionAttributeValues={":s": "sent"},
    ),
    "DynamoDB: the table's keys and attributes do not fit together": define_too_much,
    "ConditionalCheckFailedException: the condition does not hold": put_twice,
    "DynamoDB: an item is too large": on_orders(
        "put_item", Item={"order_id": "a", "product": "x" * 500_000}
    ),
    "The process of a function ended": call(
        "import os\ndef handler(event, context):\n    os._exit(1)\n"
    ),
    "The handler must take an event and a context": call("def handler(event):\n    return 1\n"),
    "What the handler returned is no JSON": call(
        "def handler(event, context):\n    return {1, 2}\n"
    ),
    "The test event is not what the function gets": test_with_hello_world,
    "A field that the function needs is not in the message": call(
        "def handler(event, context):\n    return event['quantity']\n"
    ),
    "TypeError or AttributeError: None stands where a value was expected": call(
        "def handler(event, context):\n    return event.get('body')['product']\n"
    ),
    "TypeError: a list is used as if it were a dictionary": call(
        "def handler(event, context):\n    return [{'product': 'tea'}]['product']\n"
    ),
    "Any other error of Python's": call("def handler(event, context):\n    return [][0]\n"),
    "A file or a folder is not there, or may not be touched": call(
        "def handler(event, context):\n    return open('prices.json').read()\n"
    ),
    "TypeError: a text is used as if it were a dictionary": call(
        "def handler(event, context):\n    return '{\"product\": 1}'['product']\n"
    ),
    "A text is no JSON": call(
        "import json\ndef handler(event, context):\n    return json.loads('')\n"
    ),
    "InvalidRequestContentException: the event is no JSON": send_no_json,
    "RequestTooLargeException: the event or the answer is too large": send_a_large_event,
    "Lambda throttles the function: no place is free": call_a_throttled_function,
    "The API cannot be deployed: it has no methods, or one without integration": deploy_nothing,
    "There is no such REST API, or no such part of it": get_a_missing_stage,
    "API Gateway has that already": make_a_path_twice,
    "API Gateway refuses a part of the API": deploy_what_is_not_there,
    "A method of boto3 is misspelled": lambda aws: aws.client("sqs").send_messages(),
    "DynamoDB's client wants values with their types": lambda aws: aws.client("dynamodb").put_item(
        TableName="tea", Item={"order_id": "a"}
    ),
    "An address or a parameter of boto3 has no valid form": lambda _: boto3.client(
        "sqs", endpoint_url="127.0.0.1:4510", region_name="us-east-1"
    ),
    "WaiterError: what a waiter waits for did not come": wait_in_vain,
    "The command lab is not found": forget_the_folder,
    "SyntaxError: Python cannot read the code": lambda aws: exec("print('tea'", {}),
    "A value breaks a rule of the call": lambda aws: make_function(
        aws, "f", ECHO, Environment={"Variables": {"1ST": "tea"}}
    ),
    "AWS refuses a parameter of the call": move_too_fast,
}
