"""Handlers with AWS at the local cloud."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def take_order(load_handler: Callable[..., ModuleType]) -> ModuleType:
    return load_handler("take_order", QUEUE_NAME="CustomerOrders")
