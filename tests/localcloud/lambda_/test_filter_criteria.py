"""Filter criteria of a mapping: what reaches the function, and what is deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.mapping import Setup, bodies

TEA = {"body": {"product": ["tea"]}}
OR: dict[str, Any] = {"$or": [{"a": ["b"]}, {"c": ["d"]}]}
# Filters, bodies that pass one of them, and bodies that pass none.
CASES: list[tuple[list[Any], list[str], list[str]]] = [
    ([TEA], ['{"product": "tea"}', '{"product": ["cup", "tea"]}'],
     ['{"product": "cup"}', "tea", '"tea"', "5", "[]", '{"product": {"tea": 1}}', "{"]),
    ([TEA, {"body": {"quantity": [{"numeric": [">=", 10]}]}}],
     ['{"product": "tea"}', '{"quantity": 10.5}'], ['{"quantity": 9}']),
    ([{"body": {"quantity": [3]}}], ['{"quantity": 3}'],
     ['{"quantity": 3.0}', '{"quantity": "3"}']),
    ([{"body": {"gift": [{"exists": False}]}}], ["{}"], ['{"gift": 1}', "no JSON"]),
    ([{"body": OR}], ['{"a": "b"}', '{"c": "d"}'], ['{"a": "d"}']),
    ([{"body": [{"prefix": "tea"}]}], ["tea", "tea for two"], ["cup", '{"tea": 1}', '["tea"]']),
    ([{"body": [{"exists": False}]}], [], ["tea", "{}"]),
    ([{"messageAttributes": {"kind": {"stringValue": ["drill"]}}}], [], ["tea", "{}"]),
    ([{"eventSource": ["aws:sqs"]}], ["tea", "{}"], []),
]  # fmt: skip


@pytest.fixture
def setup(aws: Session) -> Setup:
    return Setup(aws)


def criteria(*patterns: Any) -> dict[str, Any]:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in patterns]
    return {"Filters": [{"Pattern": text} for text in texts]}


@pytest.mark.parity(
    "A message that fits none of a mapping's filters is deleted, and its function is not called",
    kept="yes",
    module="lambda_.filter_criteria",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html",
)
@pytest.mark.place("message that no filter lets through")
def test_a_message_that_fits_no_filter_is_deleted(setup: Setup) -> None:
    uuid = setup.map(Enabled=False, BatchSize=10)
    for patterns, good, bad in CASES:
        setup.send(*bad, *good)
        setup.lambda_.update_event_source_mapping(
            UUID=uuid, Enabled=True, FilterCriteria=criteria(*patterns)
        )
        setup.wait_until_empty()
        setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
        got = [body for batch in setup.batches_so_far() for body in bodies(batch)]
        assert sorted(got) == sorted(good), patterns
    assert setup.left(setup.dead) == 0


def test_a_batch_is_filled_with_what_the_filters_let_through(setup: Setup) -> None:
    setup.send(*(["cup"] * 15 + ["tea"] * 7 + ["cup"] * 8 + ["tea"] * 3))
    filters = criteria({"body": ["tea"]})
    setup.map(BatchSize=10, MaximumBatchingWindowInSeconds=60, FilterCriteria=filters)
    assert bodies(setup.batch()) == ["tea"] * 10
    setup.wait_until_empty()


def test_filters_are_shown_and_can_be_taken_off(setup: Setup) -> None:
    uuid = setup.map(Enabled=False, FilterCriteria=criteria(TEA))
    find = setup.lambda_.get_event_source_mapping
    assert find(UUID=uuid)["FilterCriteria"] == criteria(TEA)
    setup.lambda_.update_event_source_mapping(UUID=uuid, BatchSize=5)
    assert find(UUID=uuid)["FilterCriteria"] == criteria(TEA)
    setup.lambda_.update_event_source_mapping(UUID=uuid, FilterCriteria={}, Enabled=True)
    assert "FilterCriteria" not in find(UUID=uuid)
    setup.send("cup")
    assert bodies(setup.batch()) == ["cup"]


@pytest.mark.parity(
    "A filter that is no event pattern, and a sixth one, are refused",
    kept="yes; the words for a sixth one are the local cloud's own",
    module="lambda_.filter_criteria",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html",
)
def test_wrong_filters_are_refused(setup: Setup) -> None:
    many = {f"k{i}": OR for i in range(40)}
    refused = ["null", "simple string", "{", "[]", "5", "", "{}", {"body": {}}, {"body": "tea"},
               {"body": []}, {"body": 1}, {"body": [["tea"]]}, {"body": [{"size": 1}]},
               {"body": [{"exists": "yes"}]}, {"body": [{"numeric": [">"]}]}, many]  # fmt: skip
    for pattern in refused:
        with pytest.raises(ClientError, match="Invalid filter pattern definition") as caught:
            setup.map(FilterCriteria=criteria(pattern))
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    with pytest.raises(ClientError, match="Invalid filter pattern definition"):
        setup.map(FilterCriteria={"Filters": [{}]})
    with pytest.raises(ClientError, match="expected at most 5 filters, found 6"):
        setup.map(FilterCriteria=criteria(*[TEA] * 6))
    with pytest.raises(ClientError, match="length less than or equal to 4096"):
        setup.map(FilterCriteria=criteria({"body": ["x" * 4096]}))
    uuid = setup.map(FilterCriteria=criteria(*[TEA] * 5))
    with pytest.raises(ClientError, match="Invalid filter pattern definition"):
        setup.lambda_.update_event_source_mapping(UUID=uuid, FilterCriteria=criteria("null"))
