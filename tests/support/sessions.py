"""Sessions with the keys of a local cloud."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import pytest

from lab.aws import session
from lab.aws.session import Session
from lab.here import local

_CHANGES = (
    "CreateEventSourceMapping",
    "CreateFunction",
    "DeleteEventSourceMapping",
    "UpdateEventSourceMapping",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
)


class SettledSession(Session):
    """A session whose client of Lambda, made without options, goes on only after what it changes
    has settled."""

    def _make(self, *args: Any, **options: Any) -> Any:
        made = super()._make(*args, **options)
        if args == ("lambda",) and not options:
            _settle(made)
        return made


def _settle(client: Any) -> None:
    def look(**_: Any) -> None:
        client.list_event_source_mappings()  # which waits for the end of all changes

    for operation in _CHANGES:
        client.meta.events.register(f"after-call.lambda.{operation}", look)


def make_session(address: str) -> Session:
    """A session with the keys of the local cloud at this address, or with made-up ones."""
    key = local.key_at(address)
    return SettledSession(
        address,
        aws_access_key_id=key.access_key_id if key else "any",
        aws_secret_access_key=key.secret_access_key if key else "any",
        region_name="us-east-1",
    )


def hook_clients(patch: pytest.MonkeyPatch, event: str, hook: Callable[..., object]) -> None:
    """Give this hook to each client that anybody makes until `patch` ends. Sessions forget the
    clients that they have made before."""
    make_client = boto3.Session.client

    def client(of: boto3.Session, *args: Any, **options: Any) -> Any:
        made = make_client(of, *args, **options)
        made.meta.events.register(event, hook)
        return made

    patch.setattr(boto3.Session, "client", client)
    forget_sessions(patch)


def forget_sessions(patch: pytest.MonkeyPatch) -> None:
    """Let `lab.session()`, which is one for the whole process, make sessions that are gone when
    `patch` ends."""
    patch.setattr(session, "_made_up", cache(session._made_up.__wrapped__))
