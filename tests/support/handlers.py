"""The handlers of `lambdas/`, loaded into this process, and what they say."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft4Validator

import lab
from lab.here.folders import ROOT

# What ECMA-262 means by $ is \Z in Python, whose $ lets a line break pass at the end.
ORDER_MODEL = Draft4Validator(
    json.loads(json.dumps(lab.schema("take_order")).replace('$"', '\\\\Z"'))
)


def handler(stem: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(stem, ROOT / "lambdas" / f"{stem}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def logged(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The lines that a handler has printed since the last time, each one JSON."""
    text = capsys.readouterr().out
    assert "ana@example.com" not in text
    return [json.loads(line) for line in text.splitlines()]


def failures(reply: Any) -> list[str]:
    """The ids of the messages that a handler reports as failed."""
    return [failure["itemIdentifier"] for failure in reply["batchItemFailures"]]
