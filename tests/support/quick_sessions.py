"""boto3 sessions that share what each would find out again: AWS's service descriptions, the names
of events, which handlers take any argument, and the classes of clients. It was a fifth of the
suite's time, and half of what was left of it went into copies of the list of event handlers."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import botocore.hooks
import botocore.session
import pytest
from botocore.client import ClientCreator
from botocore.compat import accepts_kwargs
from botocore.hooks import EventAliaser, NodeList
from botocore.loaders import create_loader

_SERVICES = ("apigateway", "dynamodb", "iam", "lambda", "logs", "sns", "sqs", "sts")
_names: dict[str, str] = {}


class _Aliaser(EventAliaser):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._alias_name_cache = _names


def _copied(trie: Any, node: dict[str, Any]) -> dict[str, Any]:
    """The same as botocore's, without a look at each list for a way to copy it."""
    return {
        key: NodeList(*map(list, value))
        if isinstance(value, NodeList)
        else _copied(trie, value)
        if isinstance(value, dict)
        else value
        for key, value in node.items()
    }


_creator: Any = ClientCreator  # the stubs leave out what it keeps to itself
_make_class = _creator._create_client_class
_classes: dict[str, type[Any]] = {}


def _class_of(creator: ClientCreator, service_name: str, service_model: Any) -> type[Any]:
    if service_name not in _classes:
        _classes[service_name] = _make_class(creator, service_name, service_model)
    return _classes[service_name]


def install(patch: pytest.MonkeyPatch) -> None:
    """Make such sessions from now on."""
    patch.setattr(botocore.session, "create_loader", cache(create_loader))
    patch.setattr(botocore.session, "EventAliaser", _Aliaser)
    patch.setattr(botocore.hooks, "accepts_kwargs", lru_cache(1000)(accepts_kwargs))
    patch.setattr("botocore.hooks._PrefixTrie._recursive_copy", _copied)
    patch.setattr(ClientCreator, "_create_client_class", _class_of)


def load() -> None:
    """Read the descriptions of the services that the tutorial uses."""
    session = botocore.session.Session()
    for service in _SERVICES:
        session.create_client(
            service, "us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
        )
