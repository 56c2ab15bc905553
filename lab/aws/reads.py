"""Asks AWS once where several questions need the same answer.

A survey of everything, or the checks of a chapter, want the same role, listing or policy for many
reasons. Each would ask for itself, which costs time here and rate on AWS. boto3 lets an event hook
answer in AWS's place: https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import boto3

_READS = ("Get", "List", "Describe", "Scan")
_answers: ContextVar[dict[str, Any] | None] = ContextVar("answers", default=None)


@contextmanager
def once_each() -> Iterator[None]:
    """In here, what is asked a second time gets the first answer. Change nothing in here."""
    if _answers.get() is not None:
        yield
        return
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


@contextmanager
def each_time() -> Iterator[None]:
    """In here, AWS is asked each time, also within `once_each`: for what is watched."""
    token = _answers.set(None)
    try:
        yield
    finally:
        _answers.reset(token)


def remember(aws: boto3.Session) -> None:
    """Let the clients that this session makes from now on remember, in `once_each`."""
    aws.events.register("before-call", _recall, unique_id="lab-recall")
    # Before botocore's own hooks, which decode an answer in place.
    aws.events.register_first("after-call.*.*", _keep, unique_id="lab-keep")


def _recall(model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any) -> Any:
    """The answer that the same question got, as (HTTP response, parsed); None if it is new."""
    answers = _answers.get()
    if answers is None or not model.name.startswith(_READS):
        return None
    asked = [params[part] for part in ("method", "url", "query_string", "body")]
    key = json.dumps([model.service_model.service_name, model.name, *asked], default=str)
    context["lab_question"] = key
    if key not in answers:
        return None
    http_response, parsed = answers[key]
    return http_response, copy.deepcopy(parsed)


def _keep(http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    answers = _answers.get()
    if answers is not None and (key := context.get("lab_question")):
        answers.setdefault(key, (http_response, copy.deepcopy(parsed)))
