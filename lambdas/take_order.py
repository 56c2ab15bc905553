"""take_order: API Gateway hands it an order; it checks the order and puts it on the queue.

Reads QUEUE_NAME. If it has to create the queue, it also reads QUEUE_ATTRIBUTES and QUEUE_TAGS
(JSON), and tells the subscribers of STAKEHOLDERS_TOPIC_ARN. It answers 202 with the order's id, or
400 and names the field that is wrong. Any other failure raises an error. API Gateway turns that
into a 502, so no order gets a 202 unless it is on the queue.
"""

import json
import os
import re
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# What an order must look like. The chapter on orders makes API Gateway's model from it, too. There,
# patterns are ECMA-262 on UTF-16, where an emoji is two surrogates. So the patterns refuse control
# characters, and `check` refuses whatever else SQS does not take as text.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["product", "quantity"],
    "additionalProperties": False,
    "properties": {
        "product": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "pattern": r"^[^\u0000-\u001f\u007f]*$",
        },
        "quantity": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "order_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "customer_email": {
            "type": "string",
            "maxLength": 254,
            "pattern": r"^[^\u0000-\u001f\u007f]+@[^\u0000-\u001f\u007f]+$",
        },
    },
}
TYPES = {"object": dict, "string": str, "integer": int}  # neither true nor 3.0 is an integer
RULES = {
    "type": (lambda value, name: type(value) is TYPES[name], "must be of the type {}"),
    "minLength": (lambda text, least: len(text) >= least, "must be {} or more characters long"),
    "maxLength": (lambda text, most: len(text) <= most, "must be {} or fewer characters long"),
    "minimum": (lambda number, least: number >= least, "must be {} or more"),
    "maximum": (lambda number, most: number <= most, "must be {} or less"),
    "pattern": (lambda text, pattern: re.fullmatch(pattern, text), "must be of the form {}"),
}

retries = {"mode": "standard", "total_max_attempts": 3}
sqs = boto3.client("sqs", config=Config(connect_timeout=2, read_timeout=4, retries=retries))
# By then the order is on the queue, and the shop must not wait long because of a mail.
once = {"mode": "standard", "total_max_attempts": 1}
sns = boto3.client("sns", config=Config(connect_timeout=1, read_timeout=2, retries=once))
queue_url = None
queue_is_news = False


def lambda_handler(event, context):
    try:
        order = parse(event.get("body"))
    except ValueError as error:
        field, must = error.args
        # The name of an unknown field may be an e-mail address, so it is not logged.
        known = field if field in SCHEMA["properties"] else "body"
        log("REFUSED", id_in(event.get("body")), error=f"{known}: {must}")
        return reply(400, {"message": f"{field[:64]}: {must}"})
    order["received_epoch_ms"] = event["requestContext"]["requestTimeEpoch"]
    order["queued_epoch_ms"] = time.time_ns() // 1_000_000
    try:
        message_id = send(json.dumps(order))
    except (ClientError, BotoCoreError) as error:
        log("NOT_QUEUED", order["order_id"], error=repr(error))
        raise
    log("QUEUED", order["order_id"], message_id=message_id)
    if queue_is_news:
        tell_stakeholders(order["order_id"])
    return reply(202, {"order_id": order["order_id"], "status": "QUEUED"})


def parse(body):
    """The order in the request's body. Raises ValueError(the wrong field, what it must be)."""
    try:
        order = json.loads(body or "")
    except (ValueError, TypeError, RecursionError):
        raise ValueError("body", "must be JSON") from None
    check("body", order, SCHEMA)
    order.setdefault("order_id", str(uuid.uuid4()))
    return order


def check(name, value, schema):
    """Raise ValueError(field, what it must be) if the value does not fit the schema."""
    for rule, (holds, must) in RULES.items():
        if rule in schema and not holds(value, schema[rule]):
            raise ValueError(name, must.format(schema[rule]))
    if isinstance(value, str) and re.search(r"[\ud800-\udfff\ufffe\uffff]", value):
        raise ValueError(name, "must be of characters that SQS can carry")
    for field in schema.get("required", []):
        if field not in value:
            raise ValueError(field, "must be given")
    for field in value if "properties" in schema else []:
        if field not in schema["properties"]:  # additionalProperties is false
            raise ValueError(field, "must be left out, as it is not a field of an order")
        check(field, value[field], schema["properties"][field])


def id_in(body):
    """The order's id or None. An order with another fault still has its id."""
    try:
        order_id = json.loads(body)["order_id"]
        check("order_id", order_id, SCHEMA["properties"]["order_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return order_id


def send(message):
    """Put the message on the queue, and return its id. If the queue is gone, use a new one."""
    global queue_url
    try:
        return sqs.send_message(QueueUrl=find_queue(), MessageBody=message)["MessageId"]
    except sqs.exceptions.QueueDoesNotExist:
        queue_url = None
        return sqs.send_message(QueueUrl=find_queue(), MessageBody=message)["MessageId"]


def find_queue():
    """The queue's URL. Looks it up once, or creates the queue, as in the article."""
    global queue_url, queue_is_news
    if queue_url is None:
        name = os.environ["QUEUE_NAME"]
        try:
            queue_url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            attributes = json.loads(os.environ.get("QUEUE_ATTRIBUTES", "{}"))
            tags = json.loads(os.environ.get("QUEUE_TAGS", "{}"))
            made = sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)
            queue_url, queue_is_news = made["QueueUrl"], True
    return queue_url


def tell_stakeholders(order_id):
    """Tell them once that the queue was missing. A failure is only logged: the order is safe."""
    global queue_is_news
    queue_is_news = False
    name = os.environ["QUEUE_NAME"]
    try:
        sns.publish(
            TopicArn=os.environ["STAKEHOLDERS_TOPIC_ARN"],
            Subject="The order queue was missing",
            Message=f"There was no queue {name}, so take_order created it. "
            "Orders that waited in one before it are gone: find out who deleted it.",
        )
    except (ClientError, BotoCoreError, KeyError) as error:
        log("STAKEHOLDERS_NOT_TOLD", order_id, error=repr(error))


def log(status, order_id, **more):
    """Print one line of JSON for an order. It must never hold the customer's e-mail."""
    print(json.dumps({"hop": "take_order", "order_id": order_id, "status": status, **more}))


def reply(status, body):
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
