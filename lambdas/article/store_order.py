"""The article's second function, written from its description: it gives each message an id of its
own, adds the time in words, and stores it.

The article shows its code in pictures, so this is ours. It is here to be measured beside
record_order, and nothing else uses it.
"""

import json
import os
import time
import uuid

import boto3


def lambda_handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
    message = event["Records"][0]["Sns"]
    order = json.loads(message["Message"])
    item = {
        "order_id": str(uuid.uuid4()),
        "order": order["order_id"],
        "product": order["product"],
        "quantity": order["quantity"],
        "posted_at": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
    }
    table.put_item(Item=item)
    return {"statusCode": 200, "body": json.dumps(item["order_id"])}
