"""The name of a deleted queue, which cannot be used again at once.

AWS reserves the name for 60 seconds. Here that is an option, off by default: it would only slow
down a tutorial that is torn down and set up again.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
"""

from __future__ import annotations

from typing import Any

from moto.sqs.exceptions import QueueAlreadyExists, SQSException
from moto.sqs.models import Queue, SQSBackend

from localcloud import clock
from localcloud.upstream import original, replaces

delay = 0.0  # seconds that the name of a deleted queue stays reserved


@replaces(SQSBackend)
def delete_queue(backend: SQSBackend, queue_name: str) -> None:
    """Deleting a queue ends all waits for its messages, and reserves its name for a while."""
    queue = backend.queues.get(queue_name)
    original(delete_queue)(backend, queue_name)
    if queue is not None:
        queue.close()
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
    return original(create_queue)(backend, name, *args, **options)


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
