"""take_order: API Gateway hands it an order; it checks the order and puts it on the queue.

Reads QUEUE_NAME and, for a queue that it has to create, QUEUE_TAGS (JSON). Answers 202 with
the order's id, or 400 naming the field that is wrong. Any other failure is left to raise: API
Gateway turns it into a 502, so that an order is never answered 202 unless it is on the queue.
"""

import json
import os
import re
import time
import uuid

import boto3
from botocore.config import Config

FIELDS = {"product", "quantity", "order_id", "customer_email"}
sqs = boto3.client(
    "sqs",
    config=Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
)
queue_url = None


def lambda_handler(event, context):
    try:
        order = parse(event.get("body"))
    except ValueError as error:
        return reply(400, {"message": str(error)})
    order["received_epoch_ms"] = event["requestContext"]["requestTimeEpoch"]
    order["queued_epoch_ms"] = time.time_ns() // 1_000_000
    send(json.dumps(order))
    print(json.dumps({"order_id": order["order_id"], "status": "QUEUED"}))
    return reply(202, {"order_id": order["order_id"], "status": "QUEUED"})


def parse(body):
    """The order in the request's body. Raises ValueError naming the field at fault."""
    try:
        order = json.loads(body or "")
    except (ValueError, RecursionError):
        raise ValueError("body: must be JSON") from None
    if not isinstance(order, dict):
        raise ValueError("body: must be a JSON object")
    if unknown := sorted(order.keys() - FIELDS):
        raise ValueError(f"{unknown[0]}: is not a field of an order")
    product, quantity = order.get("product"), order.get("quantity")
    if not is_text(product, 200):
        raise ValueError("product: must be 1 to 200 printable characters")
    if type(quantity) is not int or not 1 <= quantity <= 10_000:
        raise ValueError("quantity: must be a whole number from 1 to 10000")
    if "customer_email" in order and not (
        is_text(order["customer_email"], 254) and "@" in order["customer_email"][1:-1]
    ):
        raise ValueError("customer_email: must be an e-mail address")
    order_id = order.setdefault("order_id", str(uuid.uuid4()))
    if not isinstance(order_id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", order_id):
        raise ValueError("order_id: must be 1 to 64 letters, digits, _ or -")
    return order


def is_text(value, longest):
    """SQS refuses control characters, and a lone surrogate is no UTF-8."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= longest
        and not re.search(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]", value)
    )


def send(message):
    """Put the message on the queue, on a new one if the one that we knew is gone."""
    global queue_url
    try:
        sqs.send_message(QueueUrl=find_queue(), MessageBody=message)
    except sqs.exceptions.QueueDoesNotExist:
        queue_url = None
        sqs.send_message(QueueUrl=find_queue(), MessageBody=message)


def find_queue():
    """The queue's URL, looked up (or the queue created, as in the article) once."""
    global queue_url
    if queue_url is None:
        name = os.environ["QUEUE_NAME"]
        try:
            queue_url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            tags = json.loads(os.environ.get("QUEUE_TAGS", "{}"))
            queue_url = sqs.create_queue(QueueName=name, tags=tags)["QueueUrl"]
    return queue_url


def reply(status, body):
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
