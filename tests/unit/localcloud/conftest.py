"""moto with our replacements, as in the process of a local cloud."""

from __future__ import annotations

import pytest

from localcloud import upstream


@pytest.fixture(scope="session", autouse=True)
def _moto_as_in_a_cloud() -> None:
    upstream.install()
