"""The files in `events/`."""

from __future__ import annotations

import json
from typing import Any

from lab.here.folders import ROOT


def event(stem: str) -> Any:
    """The content of a file in `events/`."""
    return json.loads((ROOT / "events" / f"{stem}.json").read_text("utf-8"))
