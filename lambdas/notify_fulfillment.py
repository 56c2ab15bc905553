"""notify_fulfillment: SQS hands it a batch of orders; it publishes each one to SNS.

Reads TOPIC_ARN. The topic's e-mail subscribers get a sentence, its other subscribers the
order as JSON. An order that could not be published is reported, so that SQS delivers just
that one again and the rest of the batch is done.
"""

import json
import os
import time

import boto3
from botocore.config import Config

sns = boto3.client(
    "sns",
    config=Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
)
BATCH = 10  # what PublishBatch takes


def lambda_handler(event, context):
    entries, failed = [], []
    for record in event["Records"]:
        try:
            entries.append(entry(record))
        except (ValueError, KeyError, TypeError) as error:
            print(json.dumps({"message_id": record["messageId"], "unreadable": repr(error)}))
            failed.append(record["messageId"])
    for start in range(0, len(entries), BATCH):
        failed += publish(entries[start : start + BATCH])
    sent = len(event["Records"]) - len(failed)
    return {
        "statusCode": 200,
        "body": json.dumps(f"{sent} customer order{'s' * (sent != 1)} sent to fulfillment"),
        "batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed],
    }


def entry(record):
    """One entry of PublishBatch: the order as JSON, and as a sentence for e-mail."""
    order = json.loads(record["body"])
    order["notified_epoch_ms"] = time.time_ns() // 1_000_000
    text = f"Please ship {order['quantity']} x {order['product']} (order {order['order_id']})."
    if "customer_email" in order:
        text += f"\nCustomer: {order['customer_email']}"
    return {
        "Id": record["messageId"],
        "Subject": "New customer order",
        "Message": json.dumps({"default": json.dumps(order), "email": text}),
        "MessageStructure": "json",
    }


def publish(entries):
    """Publish up to ten entries; returns the ids of those that SNS did not take.

    SNS can refuse single entries in a reply that is otherwise a success.
    """
    reply = sns.publish_batch(TopicArn=os.environ["TOPIC_ARN"], PublishBatchRequestEntries=entries)
    for failure in reply.get("Failed", []):
        print(json.dumps({"message_id": failure["Id"], "not_published": failure["Code"]}))
    taken = {success["Id"] for success in reply.get("Successful", [])}
    return [e["Id"] for e in entries if e["Id"] not in taken]
