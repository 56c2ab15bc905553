"""What a function needs: its package, its runtime, its test event, and the form of its input.

The same source gives the same bytes on every machine, so Lambda's CodeSha256 changes
exactly when the code does.
"""

from __future__ import annotations

import ast
import datetime
import io
import json
import zipfile
from typing import Any

from lab.here.folders import ROOT

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
RUNTIME = "python3.13"
RUNTIME_ENDS = datetime.date(2029, 6, 30)  # AWS supports it until then
EVENTS = ROOT / "events"
LAMBDAS = ROOT / "lambdas"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def source(stem: str) -> str:
    """The source of `lambdas/<stem>.py`."""
    return (LAMBDAS / f"{stem}.py").read_text("utf-8")


def stub(stem: str) -> str:
    """The source of `lambdas/stubs/<stem>.py`, which a learner completes."""
    return source(f"stubs/{stem}")


def package(stem: str, **modules: str) -> bytes:
    """The zip of `lambdas/<stem>.py`, with fixed time and permissions.

    `modules` are other files in it: the source of each, by the module's name.
    """
    sources = {stem.rpartition("/")[2]: source(stem), **modules}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in sources.items():
            archive.writestr(_entry(f"{name}.py"), text)
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, also when packed on Windows
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def event(stem: str) -> str:
    """The JSON text of the console test event `events/<stem>.json`."""
    return (EVENTS / f"{stem}.json").read_text("utf-8")


def events() -> dict[str, Any]:
    """All test events of `events/`, by the names of their files."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(EVENTS.glob("*.json"))}


def schema(stem: str) -> dict[str, Any]:
    """The JSON schema of what `lambdas/<stem>.py` takes, its SCHEMA; nothing of it is run."""
    for node in ast.parse(source(stem)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SCHEMA":
            return dict(ast.literal_eval(node.value))
    raise LookupError(f"lambdas/{stem}.py has no SCHEMA")
