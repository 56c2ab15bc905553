"""The chain on the virtual cloud: sending it orders, breaking and repairing it, counting."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from moto.apigateway.models import apigateway_backends
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

import lab
from lab.course.dead_letters import event_of
from lab.course.names import names
from lab.course.orders import order_in
from localcloud import arn
from localcloud.http import Request
from localcloud.lambda_ import functions
from localcloud.upstream import ACCOUNT_ID
from tests.support.virtual_cloud import ADDRESS, VirtualCloud

REGION = "us-east-1"
Content = tuple[str, int]
N = names("")
_FIELDS = ("order_id", "product", "quantity")


class VirtualChain(VirtualCloud):
    """Orders go in by `post`; `items` and `dead_letters` say what became of them."""

    def __init__(self, directory: Path, plants: dict[str, list[tuple[str, str]]]) -> None:
        super().__init__(directory, plants)
        self.queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{N.queue}"
        self._whole: dict[str, Any] = {}
        aws = lab.session()
        self._sqs, self._lambda = aws.client("sqs"), aws.client("lambda")

    # -- Orders ----------------------------------------------------------------------------

    def post(self, order: dict[str, Any]) -> int:
        """Post an order through the API; the status of the answer."""
        backend = apigateway_backends[ACCOUNT_ID][REGION]
        (api_id,), (key,) = backend.apis, backend.keys.values()
        headers = {"x-api-key": key.value, "content-type": "application/json", "host": ADDRESS}
        path = f"/restapis/{api_id}/prod/_user_request_/orders"
        request = Request("POST", path, "", headers, json.dumps(order).encode())
        self.cloud.apigateway.reset()  # for as many requests as a test wants
        return int(self.run(self.router.answer(request)).status)

    def put_on_queue(self, body: str) -> bool:
        """Put a message on the queue, past the API; False if there is no queue."""
        queue = self._queues.get(N.queue)
        return bool(queue and not self.cloud.sqs.take(arn.parse(self.queue_arn), body, {}))

    def items(self) -> dict[str, Content]:
        """What is in the table: product and quantity by order id."""
        found = (item.to_json()["Attributes"] for item in self._tables[N.table].all_items())
        return {i["order_id"]["S"]: (i["product"]["S"], int(i["quantity"]["N"])) for i in found}

    def dead_letters(self) -> Counter[Any]:
        """How many dead letters there are of each order (its id and content) or unreadable text."""
        names_ = (N.queue_dead_letters, N.topic_dead_letters, N.function_dead_letters)
        return Counter(_order(m.body) for name in names_ for m in self._queues[name]._messages)

    # -- Time ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let the time pass until there is nothing left to do."""

        async def until_quiet() -> None:
            for _ in range(8 * 60):  # Lambda keeps an event for six hours at most
                await asyncio.sleep(60)
                if self.cloud.is_idle():
                    return
            raise AssertionError(f"there is still work to do after hours: {self.faults.met}")

        self.run(until_quiet())

    # -- Breaking it -----------------------------------------------------------------------

    def take_away(self, function: str, action: str) -> None:
        role = self._role(function)
        for name, document in role.policies.items():
            role.policies[name] = document.replace(f'"{action}"', '"none:None"')

    def forbid_topic(self) -> None:
        """Take SNS's permission to invoke record_order away."""
        self._function(N.record_order).policy.statements.clear()

    def drop(self, what: str) -> None:
        if what == "table":
            self._tables.pop(N.table, None)
        else:
            self._topics.clear()

    def delete_queue_if_empty(self) -> None:
        if N.queue in self._queues and not self._queues[N.queue]._messages:
            del self._queues[N.queue]

    def deliver_again(self) -> bool:
        """Show messages again that are being worked on; False if there are none."""
        queue = self._queues.get(N.queue)
        if queue is None:
            return False
        handles = [m.receipt_handle for m in queue._messages if queue.state_of(m) == "in flight"]
        for handle in handles:
            queue.change_visibility(handle, 0)
        return bool(handles)

    def turn_retries_off(self) -> None:
        """Let Lambda give an event up after its first failure."""
        self._lambda.put_function_event_invoke_config(
            FunctionName=N.record_order, MaximumRetryAttempts=0
        )

    def set_visibility(self, seconds: int) -> None:
        if N.queue in self._queues:
            self._queues[N.queue].visibility_timeout = seconds

    # -- Repairing it ----------------------------------------------------------------------

    def fix(self) -> None:
        """Put everything back that was taken away or changed; what is stored stays."""
        if not self._whole:
            self._whole = {
                "policies": {f: dict(self._role(f).policies) for f in N.functions},
                "statements": list(self._function(N.record_order).policy.statements),
                "topics": dict(self._topics),
                "table": self._tables[N.table],
                "queue": self._queues[N.queue],
            }
        for function, policies in self._whole["policies"].items():
            self._role(function).policies.update(policies)
        self._function(N.record_order).policy.statements[:] = self._whole["statements"]
        self._topics.update(self._whole["topics"])
        self._tables[N.table] = self._whole["table"]
        self._queues.setdefault(N.queue, self._whole["queue"])
        self.set_visibility(90)
        self.edits.clear()
        self.faults.clear()

    def start_over(self) -> None:
        """Repair everything, and forget every order."""
        self.fix()
        self.faults.met.clear()
        self.publish_twice = False
        self._tables[N.table].items = defaultdict(dict)
        for queue in self._queues.values():
            queue._messages = []

    def redrive(self) -> None:
        """Send the dead letters back, by the calls that `lab redrive` makes."""

        async def send_back() -> None:
            arn = f"{self.queue_arn.removesuffix(N.queue)}{N.queue_dead_letters}"
            self._sqs.start_message_move_task(SourceArn=arn, DestinationArn=self.queue_arn)
            for name in (N.topic_dead_letters, N.function_dead_letters):
                self._invoke_with_each(name)

        self.run(send_back())

    def _invoke_with_each(self, queue: str) -> None:
        url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while messages := self._sqs.receive_message(QueueUrl=url).get("Messages"):
            body, handle = messages[0]["Body"], messages[0]["ReceiptHandle"]
            self._lambda.invoke(
                FunctionName=N.record_order, InvocationType="Event", Payload=event_of(body)
            )
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)

    # -- moto's state ----------------------------------------------------------------------

    @property
    def _queues(self) -> dict[str, Any]:
        return sqs_backends[ACCOUNT_ID][REGION].queues

    @property
    def _tables(self) -> dict[str, Any]:
        return dynamodb_backends[ACCOUNT_ID][REGION].tables

    @property
    def _topics(self) -> dict[str, Any]:
        return sns_backends[ACCOUNT_ID][REGION].topics

    def _function(self, name: str) -> Any:
        return functions.find(name, REGION)

    def _role(self, function: str) -> Any:
        return iam_backends[ACCOUNT_ID]["aws"].get_role(N.role(function, REGION))


def _order(body: str) -> Any:
    """The order in a dead letter, or the text."""
    order = order_in(body)
    return tuple(order[f] for f in _FIELDS) if order.keys() >= set(_FIELDS) else body
