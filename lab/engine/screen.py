"""A screen: what a console would show of one thing, as it stands at this moment.

A notebook keeps it as HTML without a script, and as text for where HTML is not shown; a script
prints the text. What others wrote is text everywhere, never markup, and moves no cursor.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from rich.console import Console
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from lab.engine.display import printable
from lab.here.shell import shows_pictures

_IN_A_NOTEBOOK = 200  # characters: an id that is cut in two is another text in each build
_WIDE = 2000  # a file or a pipe is easy to search line by line


@dataclass(frozen=True)
class Table:
    """Rows below the names of their columns. `total` is how many rows there would be if all were
    shown."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    title: str = ""
    total: int = 0

    @property
    def more(self) -> str:
        """ "and 12 more", or nothing where all are shown."""
        hidden = self.total - len(self.rows)
        return f"and {hidden:,} more" if hidden > 0 else ""


@dataclass(frozen=True)
class Screen:
    """`words` say what the thing is for, `facts` how it is, `says` what to do next."""

    title: str
    words: str = ""
    facts: dict[str, object] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    text: str = ""
    says: str = ""


def show(screen: Screen) -> None:
    """Show it in the notebook; a script prints it."""
    if not shows_pictures():
        print(as_text(screen, shutil.get_terminal_size().columns if _on_terminal() else _WIDE))
        return
    from IPython.display import display

    text = as_text(screen, _IN_A_NOTEBOOK)
    display({"text/html": as_html(screen), "text/plain": text}, raw=True)


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def as_html(screen: Screen) -> str:
    """The screen as HTML that needs nothing else, and runs nothing."""
    return _template().render(
        title=_shown(screen.title),
        words=_shown(screen.words),
        facts=[(_shown(name), _shown(value)) for name, value in screen.facts.items()],
        tables=[_shown_table(table) for table in screen.tables if table.rows],
        text=_shown(screen.text),
        says=_shown(screen.says),
    )


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).with_name("templates"))
    made = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
    return made.get_template("screen.html.j2")


def _shown_table(table: Table) -> dict[str, Any]:
    rows = [[_shown(cell) for cell in row] for row in table.rows]
    return {"title": table.title, "columns": table.columns, "rows": rows, "more": table.more}


def _shown(value: object) -> str:
    return "" if value is None else printable(str(value))


def as_text(screen: Screen, width: int) -> str:
    """The screen in lines of at most `width` characters; what does not fit goes on in the next."""
    blocks: list[list[Any]] = [[screen.title, screen.words]]
    if screen.facts:
        blocks.append([_grid(("", ""), list(screen.facts.items()), headers=False)])
    for table in screen.tables:
        if table.rows:
            grid = _grid(table.columns, table.rows)
            blocks.append([table.title, grid, table.more])
    blocks += [[screen.text], [screen.says]]
    texts = (_lines([part for part in block if part], width) for block in blocks)
    return "\n\n".join(text for text in texts if text)


def _grid(columns: Sequence[str], rows: Sequence[Sequence[object]], headers: bool = True) -> Grid:
    made = Grid(
        *(Column(_of(name), overflow="fold") for name in columns),
        box=None,
        padding=(0, 2, 0, 0),
        show_header=headers,
    )
    for row in rows:
        made.add_row(*(_of(cell) for cell in row))
    return made


def _of(value: object) -> Text:
    return Text(_shown(value), overflow="fold")  # Text: without markup


def _lines(parts: Sequence[Any], width: int) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        force_jupyter=False,
        force_terminal=False,
    )
    for part in parts:
        console.print(_of(part) if isinstance(part, str) else part)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())
