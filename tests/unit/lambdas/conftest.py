"""Handlers whose AWS is an address where nobody listens: what they ask of it fails."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from tests.support.handlers import handler

NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def load_handler(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Loads a fresh copy of `lambdas/<stem>.py`."""

    def load(stem: str, **variables: str) -> ModuleType:
        for name, value in {**NOWHERE, **variables}.items():
            monkeypatch.setenv(name, value)
        return handler(stem)

    return load


@pytest.fixture
def take_order(load_handler: Callable[..., ModuleType]) -> ModuleType:
    return load_handler("take_order", QUEUE_NAME="CustomerOrders")
