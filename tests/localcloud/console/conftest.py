"""A visitor of the page."""

from __future__ import annotations

import pytest

from tests.support.visitor import Visitor


@pytest.fixture
def visitor(cloud: str) -> Visitor:
    made = Visitor(cloud)
    made.enter()
    return made
