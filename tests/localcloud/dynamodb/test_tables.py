"""How tables are shown, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/tea"
NEW: dict[str, Any] = {
    "TableName": "tea",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
CAPACITY = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
DAY: dict[str, Any] = {
    "IndexName": "by_day",
    "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


KEY = "failed to satisfy constraint: Member must "
SORTED = [*NEW["KeySchema"], {"AttributeName": "day", "KeyType": "RANGE"}]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"TableName": "t"}, f"{KEY}have length greater than or equal to 3"),
    ({"TableName": "tea" * 256}, f"{KEY}have length less than or equal to 255"),
    ({"TableName": "green tea"}, f"{KEY}satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ({"GlobalSecondaryIndexes": [DAY, DAY]}, "Duplicate index name: by_day"),
    ({"GlobalSecondaryIndexes": [{**DAY, "IndexName": f"day{n}"} for n in range(21)]},
     "GlobalSecondaryIndex count exceeds the per-table limit of 20"),
    ({"GlobalSecondaryIndexes": [{**DAY, "Projection": {"ProjectionType": "INCLUDE"}}]},
     "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"),
    ({"GlobalSecondaryIndexes": [
        {**DAY, "Projection": {"ProjectionType": "ALL", "NonKeyAttributes": ["tea"]}}]},
     "ProjectionType is ALL, but NonKeyAttributes is specified"),
    ({"LocalSecondaryIndexes": [DAY]}, "Table KeySchema does not have a range key"),
    ({"KeySchema": SORTED, "LocalSecondaryIndexes": [DAY]},
     "Index KeySchema does not have a range key for index: by_day"),
    ({"KeySchema": SORTED, "LocalSecondaryIndexes": [{**DAY, "KeySchema": [
        *DAY["KeySchema"], {"AttributeName": "id", "KeyType": "RANGE"}]}]},
     "for index: by_day. index hash key: day, table hash key: id"),
]  # fmt: skip


@pytest.fixture
def indexed(aws: Session) -> Any:
    """A client, and the table "tea" with an index by day."""
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
    found = dynamodb.describe_table(TableName="tea")["Table"]
    assert found["TableId"] == made["TableId"]
    lists = {"BillingModeSummary", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"}
    assert lists.isdisjoint(made.keys() | found.keys())
    assert found.keys() - made.keys() == {"WarmThroughput"}
    on_demand = {**NEW, "TableName": "other", "BillingMode": "PAY_PER_REQUEST"}
    other = dynamodb.create_table(**on_demand)["TableDescription"]
    assert other["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    assert other["TableId"] != made["TableId"]
    since = dynamodb.describe_table(TableName="other")["Table"]["BillingModeSummary"]
    age = since["LastUpdateToPayPerRequestDateTime"] - other["CreationDateTime"]
    assert abs(age.total_seconds()) < 5


@pytest.mark.parity(
    "An index shows its ARN and how many items it has",
    kept="yes, at once up to 200 items, else each minute; AWS counts every six hours",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GlobalSecondaryIndexDescription.html",
)
def test_an_index_counts_the_items_that_have_its_key(indexed: Any) -> None:
    indexed.put_item(TableName="tea", Item={"id": {"S": "1"}, "day": {"S": "Monday"}})
    indexed.put_item(TableName="tea", Item={"id": {"S": "2"}})
    table = indexed.describe_table(TableName="tea")["Table"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexArn"], index["ItemCount"]) == (f"{ARN}/index/by_day", 1)
    assert index["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0
    assert table["ItemCount"] == 2


def test_describing_a_long_table_does_not_count_its_index_each_time(indexed: Any) -> None:
    def counts() -> tuple[int, int]:
        table = indexed.describe_table(TableName="tea")["Table"]
        return table["ItemCount"], table["GlobalSecondaryIndexes"][0]["ItemCount"]

    for start in range(0, 225, 25):
        puts = [
            {"PutRequest": {"Item": {"id": {"S": str(number)}, "day": {"S": "Monday"}}}}
            for number in range(start, start + 25)
        ]
        indexed.batch_write_item(RequestItems={"tea": puts})
    assert counts() == (225, 225)
    indexed.put_item(TableName="tea", Item={"id": {"S": "one more"}, "day": {"S": "Monday"}})
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
    for name in ("tea", ARN):
        with pytest.raises(ClientError, match="not found: Table: tea not found") as caught:
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
    for given, said in WRONG:
        with pytest.raises(ClientError) as caught:
            dynamodb.create_table(
                **{**NEW, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": other, **given}
            )
        assert said in caught.value.response["Error"]["Message"], given
    assert dynamodb.list_tables()["TableNames"] == []


@pytest.mark.parity(
    "UpdateTimeToLive changes something, and a table without time to live names no attribute",
    kept="yes; items do not expire",
    module="dynamodb.time_to_live",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html",
)
def test_time_to_live_is_not_changed_to_what_it_is(indexed: Any) -> None:
    def change(on: bool, attribute: str = "until", table: str = "tea") -> None:
        specification = {"Enabled": on, "AttributeName": attribute}
        indexed.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)

    off = {"TimeToLiveStatus": "DISABLED"}
    for is_on, said in ((False, "disabled"), (True, "enabled")):
        with pytest.raises(ClientError, match=f"TimeToLive is already {said}"):
            change(is_on)
        assert (
            indexed.describe_time_to_live(TableName="tea")["TimeToLiveDescription"] == off
        ) != is_on
        change(not is_on)
    with pytest.raises(indexed.exceptions.ResourceNotFoundException, match="Table: nope not found"):
        change(True, table="nope")
