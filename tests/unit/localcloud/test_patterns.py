"""What a pattern costs: nobody waits long for one."""

from __future__ import annotations

import pytest

from localcloud import patterns


@pytest.mark.timeout(20)
def test_a_pattern_with_many_stars_does_not_take_long() -> None:
    many = {"k": [{"wildcard": "*a" * 60 + "b"}]}
    assert not patterns.fits(many, {"k": "a" * 100_000})
    assert patterns.fits(many, {"k": "a" * 100_000 + "b"})


@pytest.mark.parametrize("text", ["a?c", "a[b]c", "[!a]", "a\\c"])
def test_only_a_star_is_special(text: str) -> None:
    assert patterns.fits({"k": [{"wildcard": f"{text}*"}]}, {"k": f"{text}\n"})
    assert not patterns.fits({"k": [{"wildcard": text}]}, {"k": "abc"})
