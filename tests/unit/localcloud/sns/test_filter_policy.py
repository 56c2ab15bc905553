"""Which attributes pass a filter policy."""

from __future__ import annotations

from localcloud.sns.filter_policy import passes


def test_the_name_of_an_attribute_may_have_dots() -> None:
    attributes = {"shop.kind": {"Type": "String", "Value": "tea"}}
    assert passes({"shop.kind": ["tea"]}, "MessageAttributes", "", attributes)
    assert not passes({"shop.kind": ["cup"]}, "MessageAttributes", "", attributes)
