"""SQS: calls that wait, which permissions a call needs, and the queues for the other services."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from moto.sqs.exceptions import SQSException
from moto.sqs.models import sqs_backends

from localcloud import like_aws, upstream
from localcloud.arn import Arn
from localcloud.call import Call
from localcloud.http import Response, sqs_name
from localcloud.iam.policies import Policy
from localcloud.service import Attributes, Needed, Service
from localcloud.sqs import limits, long_poll, names, permissions, rules
from localcloud.sqs import queue as queues
from localcloud.sqs.move_tasks import MoveTasks
from localcloud.sqs.queue import IndexedQueue
from localcloud.upstream import ACCOUNT_ID

_STATUS = {"PurgeQueueInProgress": 403, "ResourceNotFoundException": 404}
__all__ = ["SQS", "limits", "permissions"]  # these have to be imported for what they replace


class SQS(Service):
    """`name_delay` is how many seconds the name of a deleted queue is kept."""

    name = "sqs"

    def __init__(self, name_delay: float = 0.0) -> None:
        names.delay = name_delay
        self.move_tasks = MoveTasks()

    async def handle(self, call: Call) -> Response | None:
        if problem := rules.problem(call):
            return call.error(400, *problem)
        if like_aws.is_on and (answer := names.answer(call)):
            return answer
        if call.operation == "ReceiveMessage":
            return _named(await long_poll.receive(call))
        return _named(_without_empty(upstream.ask(call.request), call.operation))

    def needed(self, call: Call) -> Needed:
        """Batches are no actions of their own: `sqs:SendMessage` covers SendMessageBatch."""
        given = call.parameters
        url_or_arn = given.get("QueueUrl") or given.get("SourceArn") or _source_of(given) or "*"
        name = given.get("QueueName") or re.split("[/:]", url_or_arn)[-1]
        queue = f"arn:aws:sqs:{call.region}:{ACCOUNT_ID}:{name}"
        yield f"sqs:{call.operation.removesuffix('Batch')}", queue
        if "DestinationArn" in given:
            yield "sqs:SendMessage", given["DestinationArn"]

    def find(self, arn: Arn) -> IndexedQueue | None:
        return queues.find(arn)

    def policy_of(self, arn: Arn) -> Policy:
        queue = queues.find(arn)
        return queue.policy if queue else None

    def take(self, arn: Arn, text: str, attributes: Attributes) -> str:
        backend = upstream.backend(sqs_backends, arn.account, arn.region)
        if backend is None:
            return "there is no such queue"
        try:
            backend.send_message(arn.resource, text, message_attributes=dict(attributes))
        except SQSException as error:
            return str(error)
        return ""

    def describe(self) -> dict[str, Any]:
        return {
            "queues": [queue.describe() for queue in queues.queues()],
            "move_tasks": self.move_tasks.describe(),
        }

    def is_idle(self) -> bool:
        """Messages wait for somebody to receive them; only a move task goes on by itself."""
        return self.move_tasks.is_idle()

    def saved(self) -> Any:
        return self.move_tasks.saved()

    def restore(self, saved: Any) -> None:
        self.move_tasks.restore(saved)

    def stop(self) -> None:
        self.move_tasks.clear()

    def reset(self) -> None:
        for queue in queues.queues():
            queue.close()


def _without_empty(response: Response, operation: str) -> Response:
    """AWS leaves out which entries of a batch succeeded or failed if none did, and a queue's tags
    if it has none."""
    if response.status != 200 or operation not in (*rules.BATCHES, "ListQueueTags"):
        return response
    found = {name: each for name, each in json.loads(response.body).items() if each}
    return _with_body(response, 200, found)


def _named(response: Response) -> Response:
    """An error of moto's with the name, status and single message that it has in AWS's JSON."""
    if response.status == 200:
        return response
    found = json.loads(response.body)
    prefix, _, code = found.get("__type", "").rpartition("#")
    text = found.get("message") or found.get("Message")
    body = {"__type": f"{prefix}#{sqs_name(code)}".lstrip("#"), "message": text}
    return _with_body(response, _STATUS.get(code, response.status), body)


def _with_body(response: Response, status: int, body: dict[str, Any]) -> Response:
    headers = tuple(each for each in response.headers if each[0].lower() != "content-length")
    return Response(status, json.dumps(body).encode(), headers)


def _source_of(parameters: dict[str, Any]) -> str:
    """The queue of a message move task, which stands in the task's handle."""
    try:
        return str(json.loads(base64.b64decode(parameters.get("TaskHandle", "")))["sourceArn"])
    except (ValueError, KeyError, TypeError):
        return ""
