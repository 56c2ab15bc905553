"""What AWS refuses because of its rates is asked again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.aws.throttled import pause


def answer(code: str) -> Any:
    return None, {"Error": {"Code": code}}


CREATE, INVOKE = SimpleNamespace(name="CreateRestApi"), SimpleNamespace(name="Invoke")


@pytest.mark.parametrize("code", ["TooManyRequestsException", "Throttling", "ThrottlingException"])
def test_what_comes_too_soon_is_repeated_with_growing_pauses(code: str) -> None:
    first, tenth = (pause(answer(code), attempts, CREATE) for attempts in (1, 10))
    assert 0 < first <= 0.5
    assert 7.5 <= tenth <= 15
    least = sum(pause(answer(code), attempts, CREATE) / 2 for attempts in range(1, 40))
    assert least > 90  # a room of thirty creates an API each, one in three seconds


@pytest.mark.parametrize(
    ("response", "attempts", "operation"),
    [
        (answer("TooManyRequestsException"), 1, INVOKE),  # a function without room
        (answer("AccessDenied"), 1, CREATE),
        ((None, {}), 1, CREATE),
        (None, 1, CREATE),
        (answer("Throttling"), 40, CREATE),  # enough
    ],
)
def test_all_else_is_left_to_boto3(response: Any, attempts: int, operation: Any) -> None:
    assert pause(response, attempts, operation) is None
