"""CloudWatch Logs: the lines of functions are written before each call."""

from __future__ import annotations

from typing import Any

from localcloud.call import Call
from localcloud.http import Response
from localcloud.logs.writer import LogWriter
from localcloud.service import Service


class Logs(Service):
    """moto answers."""

    name = "logs"

    def __init__(self) -> None:
        self.writer = LogWriter()

    async def handle(self, call: Call) -> Response | None:
        self.writer.flush()
        return None

    def describe(self) -> dict[str, Any]:
        return {"lines_waiting": len(self.writer.lines)}

    def saved(self) -> Any:
        return self.writer.lines

    def restore(self, saved: Any) -> None:
        self.writer.lines = saved

    def reset(self) -> None:
        self.writer.clear()
