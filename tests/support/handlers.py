"""The handlers of `lambdas/`, loaded into this process."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from lab.here.folders import ROOT


def handler(stem: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(stem, ROOT / "lambdas" / f"{stem}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
