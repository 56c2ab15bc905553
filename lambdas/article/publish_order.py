"""The article's first function, written from its description: it polls the queue itself, passes on
one message, and looks up the queue and the topic each time.

The article shows its code in pictures, so this is ours. It is here to be measured beside
notify_fulfillment, and nothing else uses it.
"""

import json
import os

import boto3


def lambda_handler(event, context):
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    queue_url = sqs.get_queue_url(QueueName=os.environ["QUEUE_NAME"])["QueueUrl"]
    found = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=1)
    (message,) = found["Messages"]
    topics = sns.list_topics()["Topics"]
    topic = next(t for t in topics if t["TopicArn"].endswith(f":{os.environ['TOPIC_NAME']}"))
    sns.publish(TopicArn=topic["TopicArn"], Message=message["Body"], Subject="New customer order")
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return {"statusCode": 200, "body": json.dumps("Customer order sent to fulfillment")}
