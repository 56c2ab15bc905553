"""The keys of a call are those of its table or index."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session

KEY = {"id": {"S": "a"}}
ONE = {"N": "1"}
WRONG_KEY = "The provided key element does not match the schema"
EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty string value. Key: id"
)


def refusal(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


@pytest.fixture
def by_day(aws: Session) -> Any:
    """A client, and the table "tea" with an index by day and hour."""
    client = aws.client("dynamodb")
    kinds = {"id": "S", "sold_on": "S", "sold_at": "N"}
    client.create_table(
        TableName="tea",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": k} for n, k in kinds.items()],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_day",
                "KeySchema": [
                    {"AttributeName": "sold_on", "KeyType": "HASH"},
                    {"AttributeName": "sold_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return client


@pytest.mark.parity(
    "A key has all the attributes of the table's key, each with its type, and no others",
    kept="yes",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html",
)
def test_a_key_is_that_of_the_table(table: Any) -> None:
    for key in ({"id": ONE}, {"x": {"S": "a"}}, {**KEY, "x": {"S": "a"}}):
        for call in (table.get_item, table.delete_item, table.update_item):
            assert refusal(call, TableName="tea", Key=key) == WRONG_KEY
        asked = {"tea": {"Keys": [key]}}
        assert refusal(table.batch_get_item, RequestItems=asked) == WRONG_KEY
        deletes = {"tea": [{"DeleteRequest": {"Key": key}}]}
        assert refusal(table.batch_write_item, RequestItems=deletes) == WRONG_KEY
        part = {"Delete": {"TableName": "tea", "Key": key}}
        assert refusal(table.transact_write_items, TransactItems=[part]) == WRONG_KEY
    assert refusal(table.put_item, TableName="tea", Item={"id": {"S": ""}}) == EMPTY
    assert "Item" not in table.get_item(TableName="tea", Key=KEY)


@pytest.mark.parity(
    "A query compares the keys of its table or index with values of their types, and filters by "
    "other attributes",
    kept="yes",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html",
)
def test_a_query_is_by_the_keys_of_what_it_reads(by_day: Any) -> None:
    day = {":d": {"S": "Monday"}}
    query: dict[str, Any] = {
        "TableName": "tea",
        "IndexName": "by_day",
        "KeyConditionExpression": "sold_on = :d",
    }
    wrong: dict[str, list[dict[str, Any]]] = {
        "Condition parameter type does not match schema type": [
            {"ExpressionAttributeValues": {":d": ONE}},
            {
                "KeyConditionExpression": "sold_on = :d AND #t BETWEEN :d AND :e",
                "ExpressionAttributeNames": {"#t": "sold_at"},
                "ExpressionAttributeValues": {**day, ":e": ONE},
            },
        ],
        "Primary key attribute: sold_at": [
            {
                "FilterExpression": "size(x) > :n AND #t > :n",
                "ExpressionAttributeNames": {"#t": "sold_at"},
                "ExpressionAttributeValues": {**day, ":n": ONE},
            }
        ],
        "Invalid operator used in KeyConditionExpression: OR": [
            {
                "KeyConditionExpression": "sold_on = :d OR sold_on = :d",
                "ExpressionAttributeValues": day,
            }
        ],
        "Attribute name is a reserved keyword; reserved keyword: day": [
            {"KeyConditionExpression": "day = :d", "ExpressionAttributeValues": day}
        ],
        "The table does not have the specified index: by_week": [
            {"IndexName": "by_week", "ExpressionAttributeValues": day}
        ],
        "The provided starting key is invalid": [
            {"ExclusiveStartKey": KEY, "ExpressionAttributeValues": day}
        ],
    }
    for said, calls in wrong.items():
        for given in calls:
            assert refusal(by_day.query, **{**query, **given}).endswith(said)
    start = refusal(by_day.scan, TableName="tea", ExclusiveStartKey={"x": ONE})
    assert start == f"The provided starting key is invalid: {WRONG_KEY}"


def test_a_query_by_its_keys_pages_and_filters(by_day: Any) -> None:
    for n in range(5):
        item = {
            "id": {"S": str(n)},
            "sold_on": {"S": "Monday"},
            "sold_at": {"N": str(n)},
            "tea": ONE,
        }
        by_day.put_item(TableName="tea", Item=item)
    pages = by_day.get_paginator("query").paginate(
        TableName="tea",
        IndexName="by_day",
        KeyConditionExpression="#d = :d AND #or BETWEEN :low AND :high",
        FilterExpression="tea = :low AND attribute_not_exists(m.#d)",
        ExpressionAttributeNames={"#d": "sold_on", "#or": "sold_at"},
        ExpressionAttributeValues={":d": {"S": "Monday"}, ":low": ONE, ":high": {"N": "3"}},
        PaginationConfig={"PageSize": 2},
    )
    assert [each["id"]["S"] for page in pages for each in page["Items"]] == ["1", "2", "3"]
    pages = by_day.get_paginator("scan").paginate(
        TableName="tea", IndexName="by_day", PaginationConfig={"PageSize": 2}
    )
    assert sum(page["Count"] for page in pages) == 5
