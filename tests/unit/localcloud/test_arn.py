"""ARNs are taken apart in one place."""

from __future__ import annotations

import pytest

from localcloud import arn
from localcloud.arn import NOWHERE, Arn


def test_an_arn_has_five_parts_and_is_put_together_again() -> None:
    text = "arn:aws:lambda:us-east-1:123456789012:function:take_order:$LATEST"
    found = arn.parse(text)
    assert found == Arn("aws", "lambda", "us-east-1", "123456789012", "function:take_order:$LATEST")
    assert str(found) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arn:aws:lambda:us-east-1:1:function:take_order", "take_order"),
        ("arn:aws:iam::1:role/service-role/take_order", "take_order"),
        ("arn:aws:sqs:us-east-1:1:Orders", "Orders"),
    ],
)
def test_a_name_is_the_last_part(text: str, name: str) -> None:
    assert arn.parse(text).name == name


@pytest.mark.parametrize(
    "text", ["", "Orders", "arn:aws:sqs:us-east-1:1", "arn:aws::us-east-1:1:q"]
)
def test_a_text_that_is_not_an_arn_is_found_nowhere(text: str) -> None:
    assert arn.parse(text) is NOWHERE
