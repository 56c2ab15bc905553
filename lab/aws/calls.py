"""Shows which API calls boto3 made: in a notebook after each cell, in a script as they happen.

boto3 tells its event hooks before and after every call.
https://docs.aws.amazon.com/boto3/latest/guide/events.html
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import xform_name

from lab.here.shell import shell


@dataclass(frozen=True)
class Call:
    """A call that was made: "sqs.create_queue", its time with all retries, its error's code."""

    what: str
    seconds: float
    error: str


_made: list[Call] = []
_hidden = False
_MOST_LINES = 15


def show_calls(aws: boto3.Session) -> None:
    """Show the calls of this session's clients, of those that are made from now on."""
    aws.events.register("before-call", _before, unique_id="lab-before")
    aws.events.register("after-call", _after, unique_id="lab-after")
    aws.events.register("after-call-error", _failed, unique_id="lab-failed")
    notebook = shell()
    if notebook is not None:
        notebook.events.register("post_run_cell", _show)  # once, however often it is asked


@contextmanager
def hidden() -> Iterator[None]:
    """Calls made in here are not shown: they are the plumbing's own, and no part of the lesson."""
    global _hidden
    before, _hidden = _hidden, True
    try:
        yield
    finally:
        _hidden = before


def _before(model: Any, context: dict[str, Any], **_: Any) -> None:
    what = f"{model.service_model.service_name}.{xform_name(model.name)}"
    context["lab_call"] = what, time.perf_counter()


def _after(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    _note(context, parsed.get("Error", {}).get("Code", ""))


def _failed(exception: Exception, context: dict[str, Any], **_: Any) -> None:
    _note(context, type(exception).__name__)  # there was no answer, so there is no code


def _note(context: dict[str, Any], error: str) -> None:
    if _hidden or "lab_call" not in context:  # or it was answered from memory
        return
    what, started = context["lab_call"]
    _made.append(Call(what, time.perf_counter() - started, error))
    if shell() is None:
        _show(file=sys.stderr)  # standard output belongs to the script


def _show(_: Any = None, file: Any = None) -> None:
    """Print the calls and forget them. Calls of one kind that follow each other are one line."""
    groups = itertools.groupby(_made, lambda call: (call.what, call.error))
    for (what, error), group in itertools.islice(groups, _MOST_LINES):
        calls = list(group)
        times = f", {len(calls)} times" if len(calls) > 1 else ""
        milliseconds = sum(call.seconds for call in calls) * 1000
        print(f"→ {what}{times}: {error or 'ok'}, {milliseconds:.0f} ms", file=file)
    if more := sum(len(list(group)) for _, group in groups):
        print(f"→ and {more} more calls", file=file)
    _made.clear()
