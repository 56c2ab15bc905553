"""boto3 sessions that share what each would find out again: AWS's service descriptions, the names
of events, and which handlers take any argument. It was a fifth of the suite's time."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import botocore.hooks
import botocore.session
import pytest
from botocore.compat import accepts_kwargs
from botocore.hooks import EventAliaser
from botocore.loaders import create_loader

_SERVICES = ("apigateway", "dynamodb", "iam", "lambda", "logs", "sns", "sqs", "sts")
_names: dict[str, str] = {}


class _Aliaser(EventAliaser):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._alias_name_cache = _names


def install(patch: pytest.MonkeyPatch) -> None:
    """Make such sessions from now on."""
    patch.setattr(botocore.session, "create_loader", cache(create_loader))
    patch.setattr(botocore.session, "EventAliaser", _Aliaser)
    patch.setattr(botocore.hooks, "accepts_kwargs", lru_cache(1000)(accepts_kwargs))


def load() -> None:
    """Read the descriptions of the services that the tutorial uses."""
    session = botocore.session.Session()
    for service in _SERVICES:
        session.create_client(
            service, "us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
        )
