"""How tables are shown, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
NEW: dict[str, Any] = {
    "TableName": "t",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
CAPACITY = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
DAY: dict[str, Any] = {
    "IndexName": "by_day",
    "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


@pytest.fixture
def indexed(aws: Session) -> Any:
    """A client, and the table "t" with an index by day."""
    client = aws.client("dynamodb")
    attributes = [*NEW["AttributeDefinitions"], {"AttributeName": "day", "AttributeType": "S"}]
    client.create_table(
        **{**NEW, "AttributeDefinitions": attributes},
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[DAY],
    )
    return client


@pytest.mark.parity(
    "A table has an id and no empty lists of indexes, and says that it is paid for on demand",
    kept="yes",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html",
)
def test_a_table_shows_what_it_has(aws: Session) -> None:
    dynamodb = aws.client("dynamodb")
    made = dynamodb.create_table(**NEW, ProvisionedThroughput=CAPACITY)["TableDescription"]
    found = dynamodb.describe_table(TableName="t")["Table"]
    assert found["TableId"] == made["TableId"]
    lists = {"BillingModeSummary", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"}
    assert lists.isdisjoint(made.keys() | found.keys())
    assert found.keys() - made.keys() == {"WarmThroughput"}
    on_demand = {**NEW, "TableName": "u", "BillingMode": "PAY_PER_REQUEST"}
    other = dynamodb.create_table(**on_demand)["TableDescription"]
    assert other["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    assert other["TableId"] != made["TableId"]
    since = dynamodb.describe_table(TableName="u")["Table"]["BillingModeSummary"]
    age = since["LastUpdateToPayPerRequestDateTime"] - other["CreationDateTime"]
    assert abs(age.total_seconds()) < 5


@pytest.mark.parity(
    "An index shows its ARN and how many items it has",
    kept="yes, at once up to 200 items, else each minute; AWS counts every six hours",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GlobalSecondaryIndexDescription.html",
)
def test_an_index_counts_the_items_that_have_its_key(indexed: Any) -> None:
    indexed.put_item(TableName="t", Item={"id": {"S": "1"}, "day": {"S": "Monday"}})
    indexed.put_item(TableName="t", Item={"id": {"S": "2"}})
    table = indexed.describe_table(TableName="t")["Table"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexArn"], index["ItemCount"]) == (f"{ARN}/index/by_day", 1)
    assert index["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0
    assert table["ItemCount"] == 2


def test_describing_a_long_table_does_not_count_its_index_each_time(indexed: Any) -> None:
    def counts() -> tuple[int, int]:
        table = indexed.describe_table(TableName="t")["Table"]
        return table["ItemCount"], table["GlobalSecondaryIndexes"][0]["ItemCount"]

    for start in range(0, 225, 25):
        puts = [
            {"PutRequest": {"Item": {"id": {"S": str(number)}, "day": {"S": "Monday"}}}}
            for number in range(start, start + 25)
        ]
        indexed.batch_write_item(RequestItems={"t": puts})
    assert counts() == (225, 225)
    indexed.put_item(TableName="t", Item={"id": {"S": "one more"}, "day": {"S": "Monday"}})
    assert counts() == (226, 225)


@pytest.mark.parity(
    "A table on demand has no capacity, and one that is not there is not deleted",
    kept="yes",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html",
)
def test_a_table_is_refused_in_words_that_name_it(aws: Session) -> None:
    dynamodb = aws.client("dynamodb")
    with pytest.raises(ClientError, match="Neither ReadCapacityUnits nor WriteCapacityUnits can"):
        dynamodb.create_table(**NEW, BillingMode="PAY_PER_REQUEST", ProvisionedThroughput=CAPACITY)
    for name in ("t", ARN):
        with pytest.raises(ClientError, match="not found: Table: t not found") as caught:
            dynamodb.delete_table(TableName=name)
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parity(
    "A table's key is a hash key, and perhaps a range key after it",
    kept="yes",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html",
)
def test_a_table_without_a_usable_key_is_refused(aws: Session) -> None:
    dynamodb = aws.client("dynamodb")
    hash_, range_ = NEW["KeySchema"][0], {"AttributeName": "id", "KeyType": "RANGE"}
    other = [*NEW["AttributeDefinitions"], {"AttributeName": "day", "AttributeType": "S"}]
    given: dict[str, Any]
    for given, said in (
        ({"KeySchema": [range_]}, "The first KeySchemaElement is not a HASH key type"),
        ({"KeySchema": [hash_, range_]}, "Both the Hash Key and the Range Key element"),
        (
            {"KeySchema": [hash_, *DAY["KeySchema"]], "AttributeDefinitions": other},
            "The second KeySchemaElement is not a RANGE key type",
        ),
    ):
        with pytest.raises(ClientError, match=said):
            dynamodb.create_table(**{**NEW, "BillingMode": "PAY_PER_REQUEST", **given})
    assert dynamodb.list_tables()["TableNames"] == []
