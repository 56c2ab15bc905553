"""Sessions with the keys of a local cloud."""

from __future__ import annotations

from lab.aws.session import Session
from lab.here import local


def make_session(address: str) -> Session:
    """A session with the keys of the local cloud at this address, or with made-up ones."""
    key = local.key_at(address)
    return Session(
        address,
        aws_access_key_id=key.access_key_id if key else "any",
        aws_secret_access_key=key.secret_access_key if key else "any",
        region_name="us-east-1",
    )
