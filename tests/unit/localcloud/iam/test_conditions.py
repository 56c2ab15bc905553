"""Which values a pattern of a policy covers."""

from __future__ import annotations

import pytest

from localcloud.iam.conditions import is_like


@pytest.mark.timeout(20)
def test_a_pattern_with_many_stars_does_not_take_long() -> None:
    assert not is_like("*a" * 60 + "b", "a" * 100_000)
    assert is_like("*a?" * 60 + "b", "a" * 100_000 + "b")


@pytest.mark.parametrize(
    ("pattern", "value", "covers"),
    [
        ("a*", "a\nb", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[ab]", "a", False),
        ("[ab]*", "[ab]c", True),
        ("a", "ab", False),
        ("b", "ab", False),
        ("a", "a\n", False),
    ],
)
def test_a_star_is_any_text_and_a_question_mark_one_character(
    pattern: str, value: str, covers: bool
) -> None:
    assert is_like(pattern, value) == covers
