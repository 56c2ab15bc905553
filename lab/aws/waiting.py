"""Waiting for AWS to catch up: poll until it has, never sleep a fixed time."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from lab.engine.display import waiting_sign
from lab.errors import TargetError, WaitTimeoutError

T = TypeVar("T")
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_LONGEST_TEXT = 500  # characters
_LONGEST_WAIT = 600.0  # seconds, longer than any error passes
_PASSING = {
    "InvalidParameterValueException": (  # of a role that is new, or has a new policy
        "cannot be assumed by Lambda",
        "KMS key is invalid for CreateGrant",
        "execution role does not have permissions",  # "The provided …" and "The function …"
    ),
    "ResourceConflictException": ("cannot be performed at this time",),
}
_WANTS_DOCKER = "error running docker"  # what moto's own server answers to Invoke without it


class NotYetError(Exception):
    """What `wait_until` waits for is not there yet; the text says what was seen instead."""


def wait_until(
    look: Callable[[], T | None],
    what: str,
    *,
    timeout: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Call `look` until it returns something true, and return that.

    Pauses grow from 0.05 s to 2 s. Raises WaitTimeoutError after `timeout` seconds, with what
    `look` saw last if it raised NotYetError to say so.
    """
    deadline = clock() + timeout
    pause = _FIRST_PAUSE
    with waiting_sign(f"Waiting until {what}"):
        while True:
            found, seen = _look(look)
            if found:
                return found
            if clock() >= deadline:
                raise WaitTimeoutError(
                    f"Gave up after {timeout:.0f} s of waiting until {what}. {seen}"
                    "`lab logs` shows what the functions logged."
                )
            sleep(min(pause, max(0.0, deadline - clock())))
            pause = min(pause * 1.5, _LONGEST_PAUSE)


def _look(look: Callable[[], T | None]) -> tuple[T | None, str]:
    """What was found, or a sentence about what was seen instead, if that is known."""
    try:
        return look(), ""
    except NotYetError as error:
        if _WANTS_DOCKER in str(error):
            raise TargetError(
                "Expected a cloud that runs functions, found one that wants Docker for it, at "
                "AWS_ENDPOINT_URL. Start Docker there, or unset AWS_ENDPOINT_URL: the local cloud "
                "of this tutorial runs functions by itself."
            ) from None
        return None, f"What was seen last: {textwrap.shorten(str(error), _LONGEST_TEXT)} "


def once_function_is_ready(
    call: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make a call that makes or changes a function, and repeat it until Lambda takes it.

    IAM needs some seconds until Lambda may assume a new role, until KMS may encrypt variables for
    it, and until its new policy counts. And a change takes some seconds, in which there is no
    other. Raises the last ClientError after 120 seconds, and any other error at once.
    """
    return _once(_of_lambda, call, "Lambda has the function and its role ready", sleep, clock)


def once_queue_is_ready(
    call: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make a call to SQS, and repeat it until its queue is ready.

    SQS keeps a name for 60 seconds after its queue was deleted, and a new queue can be used after
    a second. Raises like `once_function_is_ready`, after 90 seconds or, if there is no such queue,
    after 15.
    """
    return _once(_queue_is_not_ready, call, "SQS has the queue ready", sleep, clock)


def once_trigger_is_ready(
    call: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make a call that makes, changes or deletes a trigger, and repeat it until Lambda takes it.

    Raises like `once_function_is_ready`; a change of the trigger may take five minutes.
    """
    return _once(_of_lambda, call, "Lambda has the trigger and its role ready", sleep, clock)


def once_user_is_known(
    call: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make a call about a user or a policy that was just made, and repeat it until IAM knows it.

    Raises like `once_function_is_ready`, after 15.5 seconds.
    """
    return _once(_user_is_unknown, call, "IAM knows what it has just made", sleep, clock)


def _once(
    passes: Callable[[ClientError], float],
    call: Callable[[], T],
    what: str,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> T:
    """Repeat the call while it fails with an error that passes, for as long as `passes` says in
    seconds."""
    began = clock()

    def attempt() -> list[T] | None:
        try:
            return [call()]
        except ClientError as error:
            if clock() - began >= passes(error):
                raise
            return None

    # The list makes any result true, and the longer limit leaves the last word to `attempt`.
    return wait_until(attempt, what, timeout=_LONGEST_WAIT, sleep=sleep, clock=clock)[0]


def _queue_is_not_ready(error: ClientError) -> float:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    code, message = _said(error)
    if code.endswith("QueueDeletedRecently"):
        return 90
    is_new = "NonExistentQueue" in code or "Dead letter target does not exist" in message
    return 15 if is_new else 0


def _user_is_unknown(error: ClientError) -> float:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"""
    return 15.5 if _said(error)[0] == "NoSuchEntity" else 0


def _of_lambda(error: ClientError) -> float:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    """
    code, message = _said(error)
    if code == "ResourceInUseException":  # a trigger
        return 300
    parts = _PASSING.get(code, ())
    return 120 if any(part in message for part in parts) else 0


def _said(error: ClientError) -> tuple[str, str]:
    """The code and the message of an error."""
    said = error.response["Error"]
    return said["Code"], said.get("Message", "")
