"""Expressions that nobody can read: moto fails on them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import MockValidationException

from localcloud.upstream import original, replaces


@replaces(ConditionExpressionParser)
def parse(parser: ConditionExpressionParser) -> Any:
    """A condition or filter that cannot be read is refused."""
    try:
        return original(parse)(parser)
    except (ValueError, KeyError, IndexError):
        text = f'Syntax error; token: "<EOF>", near: "{parser.condition_expression}"'
        raise MockValidationException(f"Invalid expression: {text}") from None
