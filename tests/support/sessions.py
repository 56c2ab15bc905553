"""Sessions with the keys of a local cloud."""

from __future__ import annotations

from typing import Any

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


class OneClientEach(Session):
    """A session that makes the client of a service once, unless it is asked for with options.
    Without options, Lambda's goes on only after what it changes has settled."""

    def client(self, *args: Any, **options: Any) -> Any:
        if options or len(args) != 1:
            return super().client(*args, **options)
        made = self.__dict__.setdefault("_made", {})
        if args[0] not in made:
            made[args[0]] = super().client(*args)
            if args[0] == "lambda":
                _settle(made[args[0]])
        return made[args[0]]


def _settle(client: Any) -> None:
    def look(**_: Any) -> None:
        client.list_event_source_mappings()  # which waits for the end of all changes

    for operation in _CHANGES:
        client.meta.events.register(f"after-call.lambda.{operation}", look)


def make_session(address: str) -> Session:
    """A session with the keys of the local cloud at this address, or with made-up ones."""
    key = local.key_at(address)
    return OneClientEach(
        address,
        aws_access_key_id=key.access_key_id if key else "any",
        aws_secret_access_key=key.secret_access_key if key else "any",
        region_name="us-east-1",
    )
