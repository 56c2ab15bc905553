"""The command that shows the chain's figures in the terminal."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, astuple, fields

import click

from lab.aws.session import session
from lab.commands import live
from lab.course.figures import Figures, figures
from lab.engine.screen import Screen, Table, as_text
from localcloud.host.number import Number

_COLUMNS = tuple(field.name.removesuffix("_seconds").replace("_", " ") for field in fields(Figures))
_WIDE = 2000  # a pipe gets each hop in one line
_NOTHING = "Nothing of the chain is there yet. The first chapters make it, or `lab up`."


@click.command()
@click.option("--once", is_flag=True, help="Print the figures once, as to a pipe.")
@click.option(
    "--interval",
    type=Number(0.2, live.A_DAY),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON once, for scripts.")
def watch(once: bool, interval: float, as_json: bool) -> None:
    """Show the figures of the chain, a line for each hop, until you press Ctrl-C.

    What waits and for how long, what is in flight, invocations and errors since the function was
    last changed, what is stored, and dead letters. "-" is what the hop does not have, or AWS does
    not tell.

    \b
    lab watch                 live
    lab watch | grep queue    once
    """
    found = figures(session(start=False))  # what is wrong with it ends the command
    if as_json:
        print(json.dumps([asdict(each) for each in found]))
    elif once or not sys.stdout.isatty():
        print(_table(found, _WIDE))
    else:
        live.show(_now, interval)


def _now() -> str:
    return _table(figures(session(start=False)), shutil.get_terminal_size().columns)


def _table(found: list[Figures], width: int) -> str:
    if not found:
        return _NOTHING
    rows = [tuple(_shown(value) for value in astuple(each)) for each in found]
    return as_text(Screen("", tables=(Table(_COLUMNS, rows),)), width)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f} s"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


COMMANDS = (watch,)
