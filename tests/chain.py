"""The whole chain as its users see it: what a post is answered, and where the order ends."""

from __future__ import annotations

import json
from typing import Any

import urllib3

import lab
from lab.names import names
from lab.session import Session


class Chain:
    """The chain of chapters 00 to 03."""

    def __init__(self, aws: Session) -> None:
        self.aws, n = aws, names()
        self.sqs, self.lambda_ = aws.client("sqs"), aws.client("lambda")
        self.dynamodb = aws.resource("dynamodb")
        self.queue = self._url(n.queue)
        self.dead_letter_queues = {
            name: self._url(name)
            for name in (n.queue_dead_letters, n.topic_dead_letters, n.function_dead_letters)
        }
        api = aws.client("apigateway")
        (key,) = api.get_api_keys(includeValues=True)["items"]
        self._key = {"x-api-key": key["value"]}
        self._orders = lab.invoke_url(aws, api.get_rest_apis()["items"][0]["id"], "prod", "/orders")
        self._pool = urllib3.PoolManager(maxsize=8)

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def post(self, order: Any) -> tuple[int, Any]:
        """Post an order as the shop does; the status and the body of the answer."""
        body = order if isinstance(order, bytes) else json.dumps(order)
        headers = {**self._key, "Content-Type": "application/json"}
        answer = self._pool.request("POST", self._orders, body=body, headers=headers)
        return answer.status, answer.json()

    def items(self) -> dict[str, Any]:
        """The table's items, by the order's id."""
        pages = self.dynamodb.meta.client.get_paginator("scan").paginate(TableName=names().table)
        return {item["order_id"]: item for page in pages for item in page["Items"]}

    def count(self) -> int:
        """How many items the table has; cheaper than to read them, if up to date here only."""
        table = self.dynamodb.meta.client.describe_table(TableName=names().table)
        return int(table["Table"]["ItemCount"])

    def dead_letters(self) -> list[tuple[str, Any]]:
        """The messages in the dead-letter queues, each with its queue's name; they stay there."""
        return [
            (name, message)
            for name, url in self.dead_letter_queues.items()
            for message in self._look(url)
        ]

    def _look(self, url: str) -> list[Any]:
        found: list[Any] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += messages
        for message in found:
            self.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return found

    def waiting(self) -> int:
        """How many messages are on the queue, or in the hands of notify_fulfillment."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=counts)
        return sum(int(found["Attributes"][name]) for name in counts)

    def set_visibility(self, seconds: int) -> None:
        """How soon what a dead worker had in hand comes back."""
        attributes = {"VisibilityTimeout": str(seconds)}
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=attributes)

    def set_variables(self, function: str, **variables: str) -> None:
        """Add to a function's environment."""
        found = self.lambda_.get_function_configuration(FunctionName=function)
        changed = {"Variables": {**found["Environment"]["Variables"], **variables}}
        self.lambda_.update_function_configuration(FunctionName=function, Environment=changed)


def order_id_of(body: Any) -> str | None:
    """The order in a message: as it was queued, as Lambda got it, or from SNS; or None."""
    try:
        found = json.loads(body) if isinstance(body, str) else body
        if "Records" in found:
            found = found["Records"][0]["Sns"]
        return str((json.loads(found["Message"]) if "Message" in found else found)["order_id"])
    except (ValueError, KeyError, TypeError):
        return None
