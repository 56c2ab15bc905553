"""record_order: SNS hands it an order; it writes the order to DynamoDB, once.

Reads TABLE_NAME. The order's id is the key, so there is one item, however often the order
comes. The same id with other content never overwrites the first order. The function raises an
error instead, and after Lambda's retries the event is in the dead-letter queue, where somebody
sees it.
"""

import json
import os
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

dynamodb = boto3.resource(
    "dynamodb",
    config=Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
)
table = dynamodb.Table(os.environ.get("TABLE_NAME", "Orders"))
CONTENT = ("product", "quantity")  # the customer_email is not part of what was ordered
HOPS = ("received_epoch_ms", "queued_epoch_ms", "notified_epoch_ms")


class ConflictError(ValueError):
    """Another order has this id already."""


def lambda_handler(event, context):
    record_ids = [record(each["Sns"]) for each in event["Records"]]
    return {"statusCode": 200, "body": json.dumps(record_ids)}


def record(message):
    """Write the order in an SNS message, once, log the outcome, and return the record id."""
    try:
        new = item(message)
        status = put_once(new)
    except ConflictError as error:
        log(message, "CONFLICT", error=str(error))
        raise
    except (ClientError, BotoCoreError) as error:
        log(message, "NOT_RECORDED", error=repr(error))
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        log(message, "UNREADABLE", error=repr(error))
        raise
    log(message, status, record_id=new["record_id"])
    return new["record_id"]


def item(message):
    """The table's item for an SNS message. It has the time as a number and in words."""
    order = json.loads(message["Message"])
    posted = datetime.fromisoformat(message["Timestamp"].replace("Z", "+00:00"))
    posted = posted.astimezone(UTC)
    return {
        "order_id": order["order_id"],
        "record_id": str(uuid.uuid5(uuid.NAMESPACE_OID, order["order_id"])),
        **{name: order[name] for name in CONTENT + HOPS},
        "recorded_epoch_ms": time.time_ns() // 1_000_000,
        "posted_epoch": Decimal(str(posted.timestamp())),
        "posted_at": posted.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "order_date": posted.strftime("%Y-%m-%d"),
    }


def put_once(new):
    """Write the item unless the order is there already, and say which it was.

    Raises ConflictError if another order has this id.
    """
    try:
        table.put_item(
            Item=new,
            ConditionExpression="attribute_not_exists(order_id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.meta.client.exceptions.ConditionalCheckFailedException as error:
        old = error.response["Item"]
        for name in CONTENT:
            # The item in the error is in DynamoDB's own form, {"S": "tea"} or {"N": "3"}.
            if str(*old[name].values()) != str(new[name]):
                raise ConflictError(
                    f"order {new['order_id']} exists already, with another {name}"
                ) from None
        return "ALREADY_RECORDED"
    return "RECORDED"


def log(message, status, **more):
    """Print one line of JSON for an order. It must never hold the customer's e-mail."""
    try:
        order_id = json.loads(message["Message"])["order_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        order_id = None
    line = {"hop": "record_order", "order_id": order_id, "status": status}
    print(json.dumps({**line, "message_id": message.get("MessageId"), **more}))
