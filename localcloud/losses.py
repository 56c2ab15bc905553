"""What the cloud accepted and could not deliver: a bounded record, and the list of the places.

An order that was answered 202 must not vanish unseen. PLACES names every place where the cloud, or
moto behind it, takes something in and may not pass it on, with what AWS does there and what is
done here. There are five ways out:

- refused: the call that would lose something is answered with an error, AWS's own or one by name
- dead-lettered: it goes where AWS puts what it cannot deliver
- kept: it stays where it was, and is tried again
- recorded: AWS drops it there; so it is dropped here as well, logged as an error and counted
- asked for: somebody said so (a purge, a reset, a stop)

The trade-off: the record is of this start of the cloud only and has the last thousand; the counts
are complete. It names resources, and never what was in a message, nor an address, nor a key.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from localcloud import clock

logger = logging.getLogger(__name__)
REFUSED, DEAD_LETTERED, KEPT = "refused", "dead-lettered", "kept"
RECORDED, ASKED_FOR = "recorded", "asked for"
_REMEMBERED = 1000


@dataclass(frozen=True)
class Place:
    """A place where something could be lost: in which service, what, what AWS does with it and what
    happens here, which begins with one of the five ways out."""

    service: str
    what: str
    aws: str
    here: str

    @property
    def way(self) -> str:
        return self.here.partition(":")[0]


PLACES = {
    # -- SNS --
    "structured message": Place(
        "SNS",
        "A structured message without a usable `default`",
        "refuses it; in a batch, the whole call",
        f"{REFUSED}: as on AWS",
    ),
    "message attributes": Place(
        "SNS",
        "A message attribute without a type or a value",
        "refuses it",
        f"{REFUSED}: as on AWS",
    ),
    "batch entry": Place(
        "SNS",
        "An entry of a batch that fails for any reason",
        "names it in `Failed`",
        f"{REFUSED}: as on AWS",
    ),
    "subscription settings": Place(
        "SNS",
        "A subscription whose filter or redrive policy cannot be read",
        "refuses it",
        f"{REFUSED}: as on AWS",
    ),
    "subscription protocol": Place(
        "SNS",
        "A subscriber by SMS, to a mobile app or to Firehose; a text message to a number",
        "delivers",
        f"{REFUSED}: by name, the local cloud has none of them",
    ),
    "FIFO topic": Place("SNS", "A FIFO topic", "delivers to queues", f"{REFUSED}: by name"),
    "many subscribers": Place(
        "SNS", "The 101st subscriber of a topic", "delivers", f"{KEPT}: it gets its message"
    ),
    "notification": Place(
        "SNS",
        "A message that a function or queue does not take, or that the filter policy cannot judge",
        "dead letter of the subscription",
        f"{DEAD_LETTERED}: as on AWS",
    ),
    "notification by HTTP": Place(
        "SNS",
        "A message that an HTTP endpoint does not take",
        "tries 50 times, then dead letter of the subscription",
        f"{DEAD_LETTERED}: after one try",
    ),
    "notification by e-mail": Place(
        "SNS",
        "A mail that cannot be delivered: no mail server, a full disk",
        "tries for six hours, then dead letter of the subscription",
        f"{DEAD_LETTERED}: after one try",
    ),
    "confirmation": Place(
        "SNS",
        "The mail that asks for a confirmation, if it cannot be delivered",
        "tries for six hours; the subscription stays pending",
        f"{RECORDED}: the subscription stays pending, and subscribing again sends it again",
    ),
    "notification without a dead-letter queue": Place(
        "SNS",
        "Any of these three, where the subscription has no dead-letter queue, or one that is gone "
        "or does not let the topic in",
        "drops it",
        f"{RECORDED}: and dropped",
    ),
    # -- Lambda --
    "failed event": Place(
        "Lambda",
        "An asynchronous event that failed for good",
        "dead letter, and a record to the destination",
        f"{DEAD_LETTERED}: as on AWS",
    ),
    "event without a dead-letter queue": Place(
        "Lambda",
        "The same of a function that has neither",
        "drops it",
        f"{RECORDED}: and dropped",
    ),
    "event of a deleted function": Place(
        "Lambda",
        "An asynchronous event whose function is deleted while it waits",
        "drops it",
        f"{RECORDED}: and dropped",
    ),
    "destination": Place(
        "Lambda",
        "A dead letter or record whose queue, topic or function is gone, forbidden or too small "
        "for it",
        "drops it and counts it as a metric",
        f"{RECORDED}: and dropped",
    ),
    "destination of another kind": Place(
        "Lambda",
        "A destination in S3 or EventBridge, or one that does not exist",
        "sends there, or refuses it",
        f"{REFUSED}: by name",
    ),
    "event in a broken cloud": Place(
        "Lambda",
        "An asynchronous event that the cloud itself cannot run (no memory, no files)",
        "tries again for six hours, then dead letter",
        f"{KEPT}: tried again as on AWS",
    ),
    "InvokeAsync": Place(
        "Lambda", "An event of `InvokeAsync`", "runs it", f"{KEPT}: it is an asynchronous event"
    ),
    "functions called by moto": Place(
        "Lambda",
        "Whatever moto itself would call a function for",
        "runs it",
        f"{REFUSED}: by name; nothing here starts Docker",
    ),
    # -- Event source mappings --
    "mapping of a stream": Place(
        "Event source mappings",
        "A mapping of a DynamoDB or Kinesis stream, of MQ or Kafka",
        "polls it",
        f"{REFUSED}: by name, only queues are polled",
    ),
    "mapping settings": Place(
        "Event source mappings",
        "`FilterCriteria`, and settings that are for streams",
        "drops what the filter does not let through; refuses the others for a queue",
        f"{REFUSED}: by name, or as on AWS",
    ),
    "batch of a deleted function": Place(
        "Event source mappings",
        "A batch whose function is deleted when its turn comes",
        "shows the messages again",
        f"{KEPT}: they come back when their visibility timeout is over",
    ),
    # -- SQS --
    "message": Place(
        "SQS",
        "An empty message, one with a broken attribute, or a delay out of range",
        "refuses it",
        f"{REFUSED}: as on AWS",
    ),
    "queue settings": Place(
        "SQS",
        "Attributes of a queue that are unknown or out of range",
        "refuses them",
        f"{REFUSED}: as on AWS",
    ),
    "message too old": Place(
        "SQS",
        "A message that is older than the queue keeps it",
        "deletes it",
        f"{RECORDED}: and deleted",
    ),
    "dead-letter queue gone": Place(
        "SQS",
        "A message received too often, whose dead-letter queue is gone",
        "keeps it",
        f"{KEPT}: it goes on being delivered",
    ),
    "move task": Place(
        "SQS",
        "A message of a move task whose destination is gone",
        "fails the task",
        f"{KEPT}: it stays in the dead-letter queue, and the task says why",
    ),
    "purge": Place(
        "SQS", "What is in a queue that is purged", "deletes it", f"{ASKED_FOR}: as on AWS"
    ),
    "FIFO queue": Place("SQS", "A FIFO queue", "delivers in order", f"{REFUSED}: by name"),
    # -- The rest --
    "log lines": Place(
        "CloudWatch Logs",
        "Lines of a function whose role may not write them",
        "drops them",
        f"{RECORDED}: and dropped",
    ),
    "log subscription": Place(
        "CloudWatch Logs",
        "A subscription filter that calls a function",
        "calls it",
        f"{REFUSED}: by name",
    ),
    "services that hand over": Place(
        "Every service",
        "Rules, schedules, pipes, mail, streams and notifications of services that are not here: "
        "EventBridge, SES, Firehose, S3",
        "hand over what they were given",
        f"{REFUSED}: by name",
    ),
    "reset": Place(
        "Every service",
        "What is under way when the cloud is stopped or reset",
        "is never stopped",
        f"{ASKED_FOR}: it is all in memory",
    ),
}


@dataclass(frozen=True)
class Loss:
    """One loss: when (epoch milliseconds), at which of PLACES, of which resource, and why."""

    epoch_ms: int
    place: str
    what: str
    why: str


_last: deque[Loss] = deque(maxlen=_REMEMBERED)
_counts: Counter[str] = Counter()


def record(place: str, what: str, why: str) -> None:
    """Log a loss as an error, and count it. `place` is one of PLACES where AWS loses things, too;
    `what` names a resource; `why` is a reason. Neither holds a message, an address or a key."""
    assert PLACES[place].way == RECORDED, place
    logger.error("Lost (%s): %s: %s", place, what, why)
    _counts[place] += 1
    _last.append(Loss(int(clock.now_ms()), place, what, why))


def describe(last: int = _REMEMBERED) -> dict[str, Any]:
    """How many losses there were, by place, and the last of them, the newest first."""
    newest = list(_last)[::-1][:last]
    return {
        "total": _counts.total(),
        "counts": dict(_counts),
        "last": [asdict(loss) for loss in newest],
    }


def clear() -> None:
    """Forget them all."""
    _last.clear()
    _counts.clear()
