"""The size of an item is bounded, however it got there."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

TOO_LARGE = "Item size has exceeded the maximum allowed size"


def parts(count: int) -> dict[str, dict[str, str]]:
    """Attributes of 50 KB each."""
    return {f"part{number}": {"S": "x" * 50_000} for number in range(count)}


@pytest.mark.parity(
    "An item has at most 400 KB",
    kept="yes, give or take 2 %",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html",
)
def test_an_item_of_many_attributes_is_bounded_as_a_whole(table: Any) -> None:
    key = {"id": {"S": "a"}}
    with pytest.raises(ClientError, match=TOO_LARGE):
        table.put_item(TableName="tea", Item={**key, **parts(9)})
    table.put_item(TableName="tea", Item={**key, **parts(7)})

    def add(name: str) -> None:
        table.update_item(
            TableName="tea",
            Key=key,
            UpdateExpression=f"SET {name} = :more",
            ExpressionAttributeValues={":more": {"S": "x" * 50_000}},
        )

    for _ in range(3):  # one that goes makes room, again and again
        add("eighth")
        with pytest.raises(ClientError, match="exceeded the maximum allowed size"):
            add("ninth")
        table.update_item(TableName="tea", Key=key, UpdateExpression="REMOVE eighth")
