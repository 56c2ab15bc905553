"""Asks again what AWS refuses because of its rates.

boto3 gives up after a few attempts, which is a few seconds. But some of API Gateway's rates are one
call in 30 seconds, for all who share the account, and nobody can raise them. boto3 asks its event
hooks after each answer whether to repeat the call:
https://docs.aws.amazon.com/boto3/latest/guide/events.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from __future__ import annotations

import random
from typing import Any

import boto3

_CODES = ("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException")
_NOT_OF_RATES = ("Invoke",)  # the function has no room to run, which may stay so
_LONGEST_PAUSE = 15.0  # seconds
_MOST_ATTEMPTS = 40  # some seven minutes


def wait(aws: boto3.Session) -> None:
    """Let the clients that this session makes from now on repeat what comes too soon."""
    aws.events.register("needs-retry", pause, unique_id="lab-throttled")


def pause(response: Any, attempts: int, operation: Any = None, **_: Any) -> Any:
    """How many seconds to wait before the call is repeated; None if that is not ours to say.
    `response` is boto3's: the HTTP answer and what it says, or None if there was none."""
    if response is None or attempts >= _MOST_ATTEMPTS:
        return None
    code = response[1].get("Error", {}).get("Code")
    if code not in _CODES or getattr(operation, "name", "") in _NOT_OF_RATES:
        return None
    # Those who share the account must not all come back at the same moment.
    return min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(attempts - 1, 10)) * random.uniform(0.5, 1)
