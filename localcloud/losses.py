"""What the cloud accepted and could not deliver: a bounded record, and a list of the places.

An order that was answered 202 must not vanish without a trace. PLACES lists every place where the
cloud, or moto behind it, accepts something and may fail to pass it on. Each place says what AWS
does there, and what the local cloud does. There are five ways out:

- refused: the call that would lose something gets an error, AWS's own or one that names the problem
- dead-lettered: it goes where AWS puts what it cannot deliver
- kept: it stays where it was, and the cloud tries again
- recorded: AWS drops it there; so the cloud drops it as well, logs an error and counts it
- asked for: somebody wanted it (a purge, a reset, a stop)

The trade-off: the record starts when the cloud starts, and it keeps the last thousand losses. The
counts are complete. It names resources, but never the content of a message, an address or a key.
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
    """A place where something could get lost: the service, what could get lost, what AWS does with
    it, and what the local cloud does. The last begins with one of the five ways out."""

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
        "An entry of a batch that fails, for any reason",
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
        f"{REFUSED}: an error names it; the local cloud has none of them",
    ),
    "FIFO topic": Place(
        "SNS", "A FIFO topic", "delivers to queues", f"{REFUSED}: an error names it"
    ),
    "many subscribers": Place(
        "SNS", "The 101st subscriber of a topic", "delivers", f"{KEPT}: it gets its message"
    ),
    "notification": Place(
        "SNS",
        "A message that a function or queue refuses",
        "makes it a dead letter of the subscription",
        f"{DEAD_LETTERED}: as on AWS",
    ),
    "notification by HTTP": Place(
        "SNS",
        "A message that an HTTP endpoint refuses",
        "tries 50 times, then makes it a dead letter of the subscription",
        f"{DEAD_LETTERED}: after one try",
    ),
    "notification by e-mail": Place(
        "SNS",
        "A mail that cannot be delivered, because of no mail server or a full disk",
        "tries for six hours, then makes it a dead letter of the subscription",
        f"{DEAD_LETTERED}: after one try",
    ),
    "confirmation": Place(
        "SNS",
        "The mail that asks for a confirmation, if it cannot be delivered",
        "tries for six hours; the subscription stays pending",
        f"{RECORDED}: the subscription stays pending; to get the mail again, subscribe again",
    ),
    "notification without a dead-letter queue": Place(
        "SNS",
        "Any of these three, if the subscription has no dead-letter queue, or one that is gone "
        "or does not let the topic in",
        "drops it",
        f"{RECORDED}: then dropped",
    ),
    # -- Lambda --
    "failed event": Place(
        "Lambda",
        "An asynchronous event that failed for good",
        "makes it a dead letter, and sends a record to the destination",
        f"{DEAD_LETTERED}: as on AWS",
    ),
    "event without a dead-letter queue": Place(
        "Lambda",
        "The same, if the function has neither a dead-letter queue nor a destination",
        "drops it",
        f"{RECORDED}: then dropped",
    ),
    "event of a deleted function": Place(
        "Lambda",
        "An asynchronous event whose function is deleted while it waits",
        "drops it",
        f"{RECORDED}: then dropped",
    ),
    "destination": Place(
        "Lambda",
        "A dead letter or record whose queue, topic or function is gone, is not allowed, or does "
        "not take as many bytes",
        "drops it, and counts it in a metric",
        f"{RECORDED}: then dropped",
    ),
    "destination of another kind": Place(
        "Lambda",
        "A destination in S3 or EventBridge, or one that does not exist",
        "sends there, or refuses it",
        f"{REFUSED}: an error names it",
    ),
    "event in a broken cloud": Place(
        "Lambda",
        "An asynchronous event that the cloud itself cannot run (no memory, no files)",
        "tries again for six hours, then makes it a dead letter",
        f"{KEPT}: the cloud tries again, as on AWS",
    ),
    "InvokeAsync": Place(
        "Lambda", "An event of `InvokeAsync`", "runs it", f"{KEPT}: it is an asynchronous event"
    ),
    "functions called by moto": Place(
        "Lambda",
        "Anything for which moto itself would call a function",
        "runs it",
        f"{REFUSED}: an error names it; nothing here starts Docker",
    ),
    # -- Event source mappings --
    "mapping of a stream": Place(
        "Event source mappings",
        "A mapping of a DynamoDB or Kinesis stream, of MQ or Kafka",
        "polls it",
        f"{REFUSED}: an error names it; the cloud polls only queues",
    ),
    "mapping settings": Place(
        "Event source mappings",
        "Settings for streams, and filters that cannot be read",
        "refuses them",
        f"{REFUSED}: as on AWS",
    ),
    "message that no filter lets through": Place(
        "Event source mappings",
        "A message that fits none of the mapping's filters",
        "deletes it",
        f"{ASKED_FOR}: as on AWS, by anyone who set the filters",
    ),
    "batch of a deleted function": Place(
        "Event source mappings",
        "A batch whose function was deleted before its turn came",
        "shows the messages again",
        f"{KEPT}: the messages come back after their visibility timeout",
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
        "Unknown attributes of a queue, or values out of range",
        "refuses them",
        f"{REFUSED}: as on AWS",
    ),
    "message too old": Place(
        "SQS",
        "A message that is older than the queue's retention period",
        "deletes it",
        f"{RECORDED}: then deleted",
    ),
    "dead-letter queue gone": Place(
        "SQS",
        "A message received too often, whose dead-letter queue is gone",
        "keeps it",
        f"{KEPT}: the queue goes on delivering it",
    ),
    "move task": Place(
        "SQS",
        "A message of a move task whose destination is gone",
        "fails the task",
        f"{KEPT}: it stays in the dead-letter queue, and the task says why",
    ),
    "purge": Place(
        "SQS", "What is in a queue when somebody purges it", "deletes it", f"{ASKED_FOR}: as on AWS"
    ),
    "FIFO queue": Place(
        "SQS", "A FIFO queue", "delivers in order", f"{REFUSED}: an error names it"
    ),
    # -- The rest --
    "log lines": Place(
        "CloudWatch Logs",
        "Lines of a function whose role may not write them",
        "drops them",
        f"{RECORDED}: then dropped",
    ),
    "log subscription": Place(
        "CloudWatch Logs",
        "Lines for a function that is gone, or may no longer be called",
        "drops them",
        f"{RECORDED}: then dropped",
    ),
    "services that hand over": Place(
        "Every service",
        "Rules, schedules, pipes, mail, streams and notifications of services that are not here: "
        "EventBridge, SES, Firehose, S3",
        "pass on what they got",
        f"{REFUSED}: an error names it",
    ),
    "reset": Place(
        "Every service",
        "What is under way when somebody stops or resets the cloud",
        "never stops",
        f"{ASKED_FOR}: it is all in memory",
    ),
}


@dataclass(frozen=True)
class Loss:
    """One loss: when (epoch milliseconds), at which of PLACES, which resource, and why."""

    epoch_ms: int
    place: str
    what: str
    why: str


_last: deque[Loss] = deque(maxlen=_REMEMBERED)
_counts: Counter[str] = Counter()


def record(place: str, what: str, why: str) -> None:
    """Log a loss as an error, and count it. `place` is one of PLACES where AWS loses things, too;
    `what` names a resource; `why` is the reason. Neither holds a message, an address or a key."""
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


def saved() -> tuple[list[Loss], Counter[str]]:
    """All that is remembered of them, for a checkpoint."""
    return list(_last), _counts


def restore(saved: tuple[list[Loss], Counter[str]]) -> None:
    """Remember just what a checkpoint has."""
    clear()
    _last.extend(saved[0])
    _counts.update(saved[1])


def clear() -> None:
    """Forget them all."""
    _last.clear()
    _counts.clear()
