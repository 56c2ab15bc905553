"""Conditions and filters: moto reads each again for every call, and fails on some.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.dynamo_type import Item

from localcloud.upstream import original, replaces


@replaces(ConditionExpressionParser)
def parse(parser: ConditionExpressionParser) -> Any:
    """A condition or filter that cannot be read is refused. One without names and values of its
    call, such as `attribute_not_exists(order_id)`, is read once."""
    if parser.expression_attribute_names or parser.expression_attribute_values:
        return _read(parser)
    return _of_no_call(parser.condition_expression)


@lru_cache(maxsize=256)
def _of_no_call(expression: str | None) -> Any:
    return _read(ConditionExpressionParser(expression, None, None))


def _read(parser: ConditionExpressionParser) -> Any:
    try:
        return original(parse)(parser)
    except (ValueError, KeyError, IndexError):
        text = f'Syntax error; token: "<EOF>", near: "{parser.condition_expression}"'
        raise MockValidationException(f"Invalid expression: {text}") from None


@replaces(Item)
def update_with_attribute_updates(item: Item, attribute_updates: dict[str, Any] | None) -> None:
    """An update without an expression changes nothing; moto fails on it."""
    original(update_with_attribute_updates)(item, attribute_updates or {})
