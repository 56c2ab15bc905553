"""What is looked at again and again on a terminal, until somebody presses Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lab.course import facade
from lab.errors import FIXABLE

A_DAY = 86_400  # in seconds: the longest interval


def show(look: Callable[[], str], interval: float, before: str = "") -> None:
    """Show what `look` returns, or why it fails, every `interval` seconds: what is wrong may pass.
    `before` stands there until the first look has ended."""
    try:
        with Live(Text(before), console=Console(), auto_refresh=False) as live:
            while True:
                live.update(_now(look, interval), refresh=True)
                time.sleep(interval)  # what there is was just shown
    except KeyboardInterrupt:  # the way to end it
        return


def _now(look: Callable[[], str], interval: float) -> Text:
    try:
        shown = look()
    except FIXABLE as error:
        shown = "\n".join(facade.report(error))
    end = f"{time.strftime('%H:%M:%S')}, every {interval:g} s. Ctrl-C ends it."
    return Text(f"{shown}\n\n{end}")
