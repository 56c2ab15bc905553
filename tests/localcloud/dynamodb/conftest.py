"""A table for the tests of DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

from lab.aws.session import Session


@pytest.fixture
def table(aws: Session) -> Any:
    """A client, and the table "tea" with the key "id"."""
    client = aws.client("dynamodb")
    client.create_table(
        TableName="tea",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client
