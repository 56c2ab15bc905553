"""notify_fulfillment: SQS hands it a batch of orders; it publishes each one to SNS.

Reads TOPIC_ARN. Subscribers by e-mail get a sentence; all others get the order as JSON. The
function reports each order that it could not publish, so that SQS delivers only that one again. If
SNS failed and no order was published at all, the function raises the error. For SQS that makes no
difference, but Lambda counts it among the function's errors.
"""

import json
import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

sns = boto3.client(
    "sns",
    config=Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
)
# PublishBatch takes at most this many messages, and this many bytes in all.
# https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
MESSAGES, BYTES = 10, 262_144


def lambda_handler(event, context):
    # We make our own ids: PublishBatch wants distinct ones, and a batch can hold a message twice.
    records = {str(number): record for number, record in enumerate(event["Records"])}
    entries, problems = read(records)
    raised = publish_all(entries, problems)
    for entry_id, record in records.items():
        log(record, *problems.get(entry_id, ("PUBLISHED",)))
    if raised and len(problems) == len(records):
        raise raised
    sent = len(records) - len(problems)
    return {
        "statusCode": 200,
        "body": json.dumps(f"{sent} customer order{'s' * (sent != 1)} sent to fulfillment"),
        "batchItemFailures": [{"itemIdentifier": records[i]["messageId"]} for i in problems],
    }


def read(records):
    """The entries to publish, and the problems with unreadable orders, by entry id."""
    entries, problems = [], {}
    for entry_id, record in records.items():
        try:
            entries.append(entry(entry_id, record["body"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            problems[entry_id] = "UNREADABLE", repr(error)
    return entries, problems


def entry(entry_id, body):
    """One entry of PublishBatch: the order as JSON, and as a sentence for e-mail."""
    order = json.loads(body)
    order["notified_epoch_ms"] = time.time_ns() // 1_000_000
    text = f"Please ship {order['quantity']} x {order['product']} (order {order['order_id']})."
    if "customer_email" in order:
        text += f"\nCustomer: {order['customer_email']}"
    return {
        "Id": entry_id,
        "Subject": "New customer order",
        "Message": json.dumps({"default": json.dumps(order), "email": text}),
        "MessageStructure": "json",
    }


def size(entry):
    """The bytes that SNS counts, and those of the subject, to be on the safe side."""
    return len(entry["Message"].encode()) + len(entry["Subject"].encode())


def batches(entries):
    """Lists of entries, as large as PublishBatch allows. An entry that is too large is alone."""
    batch, total = [], 0
    for each in entries:
        if batch and (len(batch) == MESSAGES or total + size(each) > BYTES):
            yield batch
            batch, total = [], 0
        batch.append(each)
        total += size(each)
    if batch:
        yield batch


def publish_all(entries, problems):
    """Publish batch by batch, and add to the problems. Returns the last error of a whole batch.

    Such an error must not fail the other batches: the orders in them are published.
    """
    raised = None
    for batch in batches(entries):
        try:
            errors = publish(batch)
        except (ClientError, BotoCoreError) as error:
            raised, errors = error, {each["Id"]: repr(error) for each in batch}
        problems |= {entry_id: ("NOT_PUBLISHED", text) for entry_id, text in errors.items()}
    return raised


def publish(entries):
    """Publish a batch. Returns the errors of the entries that SNS did not take, by entry id.

    SNS can refuse single entries in a reply that is otherwise a success.
    """
    if size(entries[0]) > BYTES:
        return {entries[0]["Id"]: f"{size(entries[0])} bytes are more than SNS takes"}
    reply = sns.publish_batch(TopicArn=os.environ["TOPIC_ARN"], PublishBatchRequestEntries=entries)
    taken = {success["Id"] for success in reply.get("Successful", [])}
    errors = {f["Id"]: f"{f['Code']}: {f.get('Message', '')}" for f in reply.get("Failed", [])}
    ids = [each["Id"] for each in entries if each["Id"] not in taken]
    return {entry_id: errors.get(entry_id, "SNS did not say") for entry_id in ids}


def log(record, status, error=None):
    """Print one line of JSON for an order. It must never hold the customer's e-mail."""
    try:
        order_id = json.loads(record["body"])["order_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        order_id = None
    line = {"hop": "notify_fulfillment", "order_id": order_id, "status": status}
    line["message_id"] = record["messageId"]
    print(json.dumps(line | ({"error": error} if error else {})))
