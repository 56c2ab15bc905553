"""Waiting for AWS to catch up: poll until it has, never sleep a fixed time."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from lab.engine.display import waiting_sign
from lab.errors import WaitTimeoutError

T = TypeVar("T")
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_LONGEST_TEXT = 500  # characters


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
        return None, f"What was seen last: {textwrap.shorten(str(error), _LONGEST_TEXT)} "


def once_role_is_ready(
    call: Callable[[], T],
    *,
    timeout: float = 120.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make a call to Lambda, and repeat it until its new role is known everywhere.

    IAM needs some seconds until Lambda may assume a new role. Raises the last ClientError
    after `timeout` seconds, and any other error at once.
    """
    what = "Lambda may use the new role"
    return _once(_role_not_ready, call, what, timeout, sleep, clock)


def once_name_is_free(
    call: Callable[[], T],
    *,
    timeout: float = 90.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Make a call to SQS, and repeat it until the queue's name is free again.

    SQS keeps a name for 60 seconds after its queue was deleted. Raises like
    `once_role_is_ready`.
    """
    what = "the name of the deleted queue is free again"
    return _once(_recently_deleted, call, what, timeout, sleep, clock)


def _once(
    passes: Callable[[ClientError], bool],
    call: Callable[[], T],
    what: str,
    timeout: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> T:
    """Repeat the call while it fails with an error that passes."""
    deadline = clock() + timeout

    def attempt() -> list[T] | None:
        try:
            return [call()]
        except ClientError as error:
            if not passes(error) or clock() >= deadline:
                raise
            return None

    # The list makes any result true, and the longer limit leaves the last word to `attempt`.
    return wait_until(attempt, what, timeout=timeout + 60, sleep=sleep, clock=clock)[0]


def _recently_deleted(error: ClientError) -> bool:
    return error.response["Error"]["Code"].endswith("QueueDeletedRecently")


def _role_not_ready(error: ClientError) -> bool:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    message = error.response["Error"].get("Message", "")
    return error.response["Error"]["Code"] == "InvalidParameterValueException" and (
        "cannot be assumed by Lambda" in message
        or "provided execution role does not have permissions" in message
    )
