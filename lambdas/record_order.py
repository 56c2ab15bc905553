"""record_order: SNS hands it an order; it writes the order to DynamoDB, once.

Reads TABLE_NAME. The order's id is the key, so however often an order is delivered there
is one item. The same id with other content is never written over the first: it raises,
and after Lambda's retries the event is in the dead-letter queue, where somebody sees it.
"""

import json
import os
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import boto3
from botocore.config import Config

dynamodb = boto3.resource(
    "dynamodb",
    config=Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
)
table = dynamodb.Table(os.environ.get("TABLE_NAME", "Orders"))
CONTENT = ("product", "quantity")
HOPS = ("received_epoch_ms", "queued_epoch_ms", "notified_epoch_ms")


def lambda_handler(event, context):
    items = [item(record["Sns"]) for record in event["Records"]]
    for each in items:
        put_once(each)
        print(json.dumps({"order_id": each["order_id"], "record_id": each["record_id"]}))
    return {"statusCode": 200, "body": json.dumps([each["record_id"] for each in items])}


def item(message):
    """The table's item for an SNS message, with the times in epoch form and readable."""
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
    """Write the item unless the order is there already. Raises if it differs from that one."""
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
                raise ValueError(
                    f"order {new['order_id']} exists already, with another {name}"
                ) from None
