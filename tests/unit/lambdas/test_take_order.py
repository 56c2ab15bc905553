"""take_order refuses what is no order, before it asks anything of AWS."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft4Validator

import lab
from tests.support.events import event
from tests.support.handlers import ORDER_MODEL, logged


@pytest.mark.parametrize(
    "field", ["ana@example.com", "ana maria lopez@example.com", "a" * 64 + "@example.com"]
)
def test_take_order_logs_nothing_of_a_field_that_it_does_not_know(
    take_order: ModuleType, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    body = json.dumps({"product": "tea", "quantity": 1, field: 1})
    reply = take_order.lambda_handler(event("take_order") | {"body": body}, None)
    assert json.loads(reply["body"])["message"].startswith(f"{field[:64]}: ")
    (line,) = logged(capsys)
    assert line["error"] == "body: must be left out, as it is not a field of an order"


@pytest.mark.parametrize("body", [None, 7, True, {"product": "tea", "quantity": 1}, ["tea"]])
def test_take_order_refuses_a_body_that_is_no_text(take_order: ModuleType, body: Any) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": body}, None)
    assert (reply["statusCode"], json.loads(reply["body"])) == (
        400,
        {"message": "body: must be JSON"},
    )


def test_take_order_refuses_an_abyss_of_brackets(take_order: ModuleType) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": "[" * 200_000}, None)
    assert reply["statusCode"] == 400


BAD_ORDERS = [
    ("body", []),
    ("body", "tea"),
    ("product", {"quantity": 1, "product": ""}),
    ("product", {"quantity": 1, "product": "x" * 201}),
    ("product", {"quantity": 1, "product": 7}),
    ("quantity", {"product": "tea"}),
    ("quantity", {"product": "tea", "quantity": 0}),
    ("quantity", {"product": "tea", "quantity": -3}),
    ("quantity", {"product": "tea", "quantity": 10_001}),
    ("quantity", {"product": "tea", "quantity": 1.5}),
    ("quantity", {"product": "tea", "quantity": 3.0}),
    ("quantity", {"product": "tea", "quantity": True}),
    ("quantity", {"product": "tea", "quantity": "3"}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "a b"}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "x" * 65}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "abc\n"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "ana"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": None}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "ana@"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "a\r@b"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "a@" + "b" * 253}),
    ("colour", {"product": "tea", "quantity": 1, "colour": "green"}),
    ("product", {"quantity": 1, "product": "line\nbreak"}),
    ("product", {"quantity": 1, "product": "tea\n"}),
    ("product", {"quantity": 1, "product": "\x7f"}),
    ("product", {"quantity": 1, "product": "\ud800"}),
    ("product", {"quantity": 1, "product": "\ufffe"}),
    ("product", {"quantity": 1, "product": "\uffff"}),
]


@pytest.mark.parametrize(("field", "order"), BAD_ORDERS)
def test_take_order_names_the_field_at_fault(
    take_order: ModuleType, field: str, order: Any
) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": json.dumps(order)}, None)
    assert reply["statusCode"] == 400
    assert json.loads(reply["body"])["message"].startswith(f"{field}: ")


def test_what_a_refusal_says_is_short_whatever_was_sent(take_order: ModuleType) -> None:
    order = {"product": "tea", "quantity": 1, "x" * 100_000: 1}
    reply = take_order.lambda_handler(event("take_order") | {"body": json.dumps(order)}, None)
    assert reply["statusCode"] == 400
    assert len(reply["body"]) < 300


def test_the_schema_is_one_that_api_gateway_can_read(take_order: ModuleType) -> None:
    """Draft 4, and patterns that mean the same on UTF-16 as here: no character above it."""
    schema = lab.schema("take_order")
    assert schema == take_order.SCHEMA
    Draft4Validator.check_schema(schema)
    for field in schema["properties"].values():
        assert re.fullmatch(r"\^[\x20-\x7e]*\$", field.get("pattern", "^$"))
        assert not re.search(r"\\u[d-f]|\\[AZbBdDwWsSpP]|\(\?", field.get("pattern", ""))


def test_the_handler_knows_every_keyword_of_the_schema(take_order: ModuleType) -> None:
    known = {*take_order.RULES, "required", "additionalProperties", "properties", "$schema"}
    schema = take_order.SCHEMA
    assert schema["additionalProperties"] is False
    assert schema.keys() <= known
    for field in schema["properties"].values():
        assert field.keys() <= take_order.RULES.keys()
        assert field["type"] in take_order.TYPES


def test_what_the_api_model_refuses_the_handler_refuses_too(take_order: ModuleType) -> None:
    refused = [order for _, order in BAD_ORDERS if not ORDER_MODEL.is_valid(order)]
    assert len(refused) == len(BAD_ORDERS) - 3  # the three that only the handler can tell
    for order in refused:
        with pytest.raises(ValueError, match="must be "):
            take_order.parse(json.dumps(order))
