"""Strangers at the front door: whatever they post is taken as an order or refused.

schemathesis makes requests from an OpenAPI document of what stands in the cloud; Hypothesis
makes those that no document describes. What an order is, is judged here once more, by the deployed
model and one rule on characters, and not by asking the handler.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.aws.session import Session
from tests.support import http
from tests.support.chapters import run_chapters
from tests.support.door import Door
from tests.support.strategies import JSON
from tests.support.usage_plan import lift_throttle


def examples(count: int) -> Callable[[Any], Any]:
    """The same examples in every run, as many as the time for them allows."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


@pytest.fixture
def door(aws: Session) -> Door:
    run_chapters("01", "02")
    lift_throttle(aws)
    return Door(aws)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_requests_made_from_the_deployed_model_get_what_is_documented(
    door: Door, mode: str
) -> None:
    # Its import takes two seconds, which each test process would spend in each run.
    import schemathesis

    assert mode in set(schemathesis.GenerationMode)
    checks = {
        "positive_data_acceptance": {"enabled": False},  # `judge` knows better
        "unsupported_method": {"enabled": False},  # AWS says 403, not 405
    }
    config = {"checks": checks, "generation": {"with-security-parameters": False}}
    schema = schemathesis.openapi.from_dict(
        door.document(), config=schemathesis.Config.from_dict(config)
    )
    schema.config.update(base_url=door.base)

    @given(
        case=schema["/orders"]["POST"].as_strategy(
            generation_mode=schemathesis.GenerationMode(mode)
        )
    )
    @examples(200)
    def call(case: Any) -> None:
        answer = case.call_and_validate(headers=door.key)
        sent = answer.request.body or b""
        assert isinstance(sent, bytes)
        door.judge(sent, answer.status_code, answer.json())

    call()
    assert door.drain() == door.taken
    assert door.statuses[202 if mode == "positive" else 400] > 20


# Bodies: orders, orders with one field changed, cut short, in another encoding; and anything.
ORDERS = st.fixed_dictionaries(
    {"product": st.text(max_size=20).map("tea".__add__), "quantity": st.integers(1, 10_000)},
    optional={"order_id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)},
)
VALUES = JSON | st.integers(-1, 1) | st.just(10_001) | st.sampled_from(["a@b", "x" * 201, "é"])
NEARLY = st.builds(
    lambda order, name, value: {**order, name: value},
    ORDERS,
    st.sampled_from(["product", "quantity", "order_id", "customer_email", "color"]),
    VALUES,
)
BODIES = (
    ORDERS.map(json.dumps).map(str.encode)
    | NEARLY.map(json.dumps).map(str.encode)
    | NEARLY.map(json.dumps).map(lambda text: text[: len(text) // 2].encode())
    | NEARLY.map(json.dumps).map(lambda text: text.encode("utf-16"))
    | JSON.map(json.dumps).map(str.encode)
    | st.binary(max_size=50)
    | st.sampled_from([b"", b'{"product": "a", "quantity": 1e2}'])
)
HEAVY = (b"[" * 100_000, b"9" * 5_000, b'"%s"' % (b"x" * 1_000_000))
CONTENT_TYPES = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "x",
     "application/x-www-form-urlencoded", "application/octet-stream", "multipart/form-data"]
)  # fmt: skip
HEADERS = st.dictionaries(
    st.from_regex(r"[Xx]-[A-Za-z0-9-]{1,20}", fullmatch=True),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=50).map(str.strip),
    max_size=3,
)
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])


@pytest.mark.long
def test_any_body_under_any_content_type_is_an_order_or_refused(door: Door) -> None:
    @given(body=BODIES, content_type=CONTENT_TYPES, headers=HEADERS, query=HEADERS)
    @examples(400)
    def post(body: bytes, content_type: str, headers: Any, query: Any) -> None:
        door.post(body, {**headers, "Content-Type": content_type}, query)

    post()
    for body in HEAVY:
        door.post(body, {"Content-Type": "text/plain"}, {})
    assert door.drain() == door.taken
    assert min(door.statuses[202], door.statuses[400]) > 20


def test_another_method_is_refused_and_nothing_is_queued(door: Door) -> None:
    @given(method=METHODS, body=BODIES, headers=HEADERS)
    @examples(100)
    def call(method: str, body: bytes, headers: Any) -> None:
        url, headers = f"{door.base}/orders", {**headers, **door.key}
        answer = http.request(method, url, body=body, headers=headers)
        assert answer.status == 403
        assert method == "HEAD" or answer.json() == {"message": "Missing Authentication Token"}

    call()
    assert not door.drain()
