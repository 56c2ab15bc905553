"""What a queue's name means just after the queue was made or deleted.

AWS reserves the name of a deleted queue for 60 seconds, a new queue can be used after a second, and
one that is gone may be listed again for a while. Here these are options, off by default: they would
only slow down a tutorial that is torn down and set up again.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
"""

from __future__ import annotations

from typing import Any

from moto.sqs.exceptions import QueueAlreadyExists, SQSException
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from localcloud import clock, like_aws, upstream
from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import ACCOUNT_ID, original, replaces

_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_LOOKS = ("GetQueueAttributes", "GetQueueUrl", "ListQueueTags", "ListQueues")
delay = 0.0  # seconds that the name of a deleted queue stays reserved


@replaces(SQSBackend)
def delete_queue(backend: SQSBackend, queue_name: str) -> None:
    """Deleting a queue ends all waits for its messages, and reserves its name for a while."""
    queue = backend.queues.get(queue_name)
    original(delete_queue)(backend, queue_name)
    if queue is not None:
        queue.close()
        if like_aws.is_on:
            ghosts = vars(backend).setdefault("ghosts", {})
            ghosts[queue_name] = (queue, like_aws.end_ms("ghost"), like_aws.end_ms("gone"))
    # In the backend, so that a reset forgets it together with the queues.
    vars(backend).setdefault("names_until", {})[queue_name] = clock.after_ms(delay)


@replaces(SQSBackend)
def create_queue(backend: SQSBackend, name: str, *args: Any, **options: Any) -> Queue:
    """The name of a recently deleted queue cannot be used yet."""
    if vars(backend).get("names_until", {}).get(name, 0) > clock.now_ms():
        raise SQSException(
            "AWS.SimpleQueueService.QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another "
            "with the same name.",
        )
    if (known := backend.queues.get(name)) is not None:
        _refuse_changes(backend, known, options)
    is_new = name not in backend.queues
    made: Queue = original(create_queue)(backend, name, *args, **options)
    if like_aws.is_on and is_new:
        vars(backend).setdefault("unknown_until", {})[name] = like_aws.end_ms("queue")
    return made


def _refuse_changes(backend: SQSBackend, queue: Queue, asked: dict[str, Any]) -> None:
    """A queue that is there is the answer, unless it has other attributes; AWS names the first."""
    given = {name: value for name, value in asked.items() if name != "region"}
    wanted = Queue(queue.name, backend.region_name, backend.account_id, **given)
    for name in given:
        if queue.attributes.get(name) != wanted.attributes.get(name):
            raise QueueAlreadyExists(
                "A queue already exists with the same name and a different value for attribute "
                f"{name}"
            )


def is_too_new(backend: SQSBackend, name: str) -> bool:
    """Whether a queue was made less than a second ago, and cannot be used yet."""
    return bool(vars(backend).get("unknown_until", {}).get(name, 0) > clock.now_ms())


def answer(call: Call) -> Response | None:
    """The answer to a call for a queue that is too new, or for one that is gone and listed again;
    None for any other."""
    backend = upstream.backend(sqs_backends, ACCOUNT_ID, call.region)
    if backend is None or call.operation == "CreateQueue":
        return None
    name = call.parameters.get("QueueName") or call.parameters.get("QueueUrl", "").split("/")[-1]
    if is_too_new(backend, name):
        return call.error(400, _NO_QUEUE, "The specified queue does not exist.")
    return _with_ghosts(call, backend) if call.operation in _LOOKS else None


def _with_ghosts(call: Call, backend: SQSBackend) -> Response | None:
    now_ms = clock.now_ms()
    shown = {
        name: queue
        for name, (queue, begin, end) in vars(backend).get("ghosts", {}).items()
        if begin <= now_ms < end and name not in backend.queues
    }
    if not shown:
        return None
    backend.queues.update(shown)
    try:
        return upstream.ask(call.request)
    finally:
        for name in shown:
            del backend.queues[name]
