"""The parity table says what the tests show, and leaves nothing of the local cloud out."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.parity import NOT_DONE, PAGE, SERVICES, Rule, collect, modules, page

# They connect a service to the cloud, hold what the others share, start it, or keep others out.
WITHOUT_BEHAVIOR = {
    "__main__", "apigateway.errors", "arn", "call", "checkpoint", "cloud", "host.number",
    "host.private", "host.resources", "host.start_key", "http", "lambda_.errors", "like_aws",
    "service", "tasks", "upstream", "steps", "trail", "host.time_limit",
} | {m for m in modules() if m.endswith(".service") or m.startswith("console.")}  # fmt: skip


# AWS's own pages: its documentation, and that of its protocols.
AWS_PAGES = ("https://docs.aws.amazon.com/", "https://smithy.io/2.0/aws/")


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    return collect()


def test_the_page_is_what_the_markers_generate(rules: list[Rule]) -> None:
    assert PAGE.read_text("utf-8") == page(rules), "run `make parity`"


def test_a_rule_stands_on_one_test(rules: list[Rule]) -> None:
    counted = Counter((rule.service, rule.text) for rule in rules)
    assert [rule for rule, count in counted.items() if count > 1] == []


def test_every_service_has_rules_and_no_other_has(rules: list[Rule]) -> None:
    assert {rule.service for rule in rules} == set(SERVICES)
    assert {service for service, _, _ in NOT_DONE} <= set(SERVICES)


def test_every_module_with_behavior_is_shown_by_a_test(rules: list[Rule]) -> None:
    shown = {rule.module for rule in rules} & modules()
    assert sorted(shown) == sorted(modules() - WITHOUT_BEHAVIOR)


def test_a_rule_is_a_sentence_without_its_stop_and_links_to_aws(rules: list[Rule]) -> None:
    for rule in rules:
        assert rule.text[0].isupper() or rule.text[0] == "`", rule
        assert not rule.text.endswith(".") and rule.kept and not rule.kept.endswith("."), rule
        assert not rule.aws or rule.aws.startswith(AWS_PAGES), rule
