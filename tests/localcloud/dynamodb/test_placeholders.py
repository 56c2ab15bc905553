"""The placeholders of expressions have to be defined, and used."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

KEY = {"id": {"S": "a"}}
NEW = "attribute_not_exists(id)"
ONE = {":x": {"N": "1"}}
UNUSED = "Value provided in ExpressionAttribute{} unused in expressions: keys: {{{}}}"
UNDEFINED = "Invalid {}: An expression attribute {} is not defined; attribute {}"
ONLY = "ExpressionAttributeValues can only be specified when using expressions: {}"
NAMED = UNDEFINED.format("ConditionExpression", "name used in the document path", "name: #x")
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "put_item",
        {"Item": KEY, "ConditionExpression": NEW, "ExpressionAttributeValues": ONE},
        UNUSED.format("Values", ":x"),
    ),
    (
        "put_item",
        {"Item": KEY, "ConditionExpression": NEW, "ExpressionAttributeNames": {"#x": "x"}},
        UNUSED.format("Names", "#x"),
    ),
    (
        "put_item",
        {"Item": KEY, "ConditionExpression": "n = :x"},
        UNDEFINED.format("ConditionExpression", "value used in expression", "value: :x"),
    ),
    ("put_item", {"Item": KEY, "ConditionExpression": "attribute_exists(#x)"}, NAMED),
    (
        "put_item",
        {"Item": KEY, "ExpressionAttributeValues": ONE},
        ONLY.format("ConditionExpression is null"),
    ),
    (
        "update_item",
        {"Key": KEY, "ExpressionAttributeValues": ONE},
        ONLY.format("UpdateExpression and ConditionExpression are null"),
    ),
    (
        "put_item",
        {"Item": KEY, "ConditionExpression": ""},
        "Invalid ConditionExpression: The expression can not be empty;",
    ),
    (
        "update_item",
        {"Key": KEY, "UpdateExpression": "SET n = :y", "ExpressionAttributeValues": ONE},
        UNDEFINED.format("UpdateExpression", "value used in expression", "value: :y"),
    ),
    (
        "scan",
        {"FilterExpression": "n > :y", "ExpressionAttributeValues": ONE},
        UNDEFINED.format("FilterExpression", "value used in expression", "value: :y"),
    ),
]


@pytest.mark.parity(
    "The names and values of an expression are defined, and each that is defined is used",
    kept="yes, in transactions as well",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeValues.html",
)
def test_a_placeholder_is_defined_and_used(table: Any) -> None:
    for call, given, said in WRONG:
        with pytest.raises(ClientError) as caught:
            getattr(table, call)(TableName="tea", **given)
        error = caught.value.response["Error"]
        assert error == {"Code": "ValidationException", "Message": said}, given
    put = {"TableName": "tea", **WRONG[0][1]}
    with pytest.raises(ClientError, match="unused in expressions"):
        table.transact_write_items(TransactItems=[{"Put": put}])
    assert table.scan(TableName="tea")["Items"] == []
    table.put_item(
        TableName="tea",
        Item=KEY,
        ConditionExpression="attribute_not_exists(#i.#x[0]) OR n < :x",
        ExpressionAttributeNames={"#i": "id", "#x": "x"},
        ExpressionAttributeValues=ONE,
    )
