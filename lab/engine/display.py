"""Shows things where the chapter runs: in the notebook, or as a file beside a script. Also makes
text that others wrote safe for a terminal."""

from __future__ import annotations

import html
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, track
from rich.text import Text

from lab.here.folders import BUILD, ROOT
from lab.here.shell import shell, shows_pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")
_LONG = 3.0  # seconds
PICTURES = BUILD / "pictures"
# Control characters but for tabs and line ends, what turns the direction of the text after it, and
# half characters.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)


@cache  # one for all: a sign can stand below a bar then, and they do not write over each other
def _stderr() -> Console:
    return Console(stderr=True)


def printable(text: str) -> str:
    """Text that others wrote, without what a terminal would obey or cannot show."""
    return _UNPRINTABLE.sub("?", text)


def show(figure: Figure, name: str, alt: str) -> None:
    """Show the figure in the notebook; a script writes it to `build/pictures/<name>.png`.

    `alt` says what there is to see, for those who cannot. It stands in a fold below the picture,
    too, as JupyterLab drops it (https://github.com/jupyter/enhancement-proposals/issues/120). The
    ground is white, also in a dark notebook. It is a PNG: JupyterLab shows an SVG only in a
    notebook that it trusts, and GitHub and nbviewer spoil some
    (https://github.com/jupyter/nbviewer/issues/1037).
    """
    buffer = io.BytesIO()
    # Without the version in it, the same picture is the same bytes.
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    if shows_pictures():
        from IPython.display import display

        data = {"image/png": buffer.getvalue(), "text/plain": alt}
        display(data, raw=True, metadata={"image/png": {"alt": alt, "name": name}})
        fold = f"<details><summary>The picture in words</summary>\n{html.escape(alt)}\n</details>"
        display({"text/html": fold, "text/plain": ""}, raw=True)
        return
    path = PICTURES / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    print(f"Drew {path.relative_to(ROOT)}: {alt}")


@contextmanager
def waiting_sign(text: str) -> Iterator[None]:
    """Show a text while something is waited for, and take it away again. A notebook, where an
    empty line stays, shows it only if the waiting takes longer."""
    if shell() is None:
        with _stderr().status(Text(printable(text))):  # Text: without markup
            yield
        return
    from IPython.display import display

    signs = []
    timer = threading.Timer(
        _LONG, lambda: signs.append(display({"text/plain": f"{text} …"}, raw=True, display_id=True))
    )
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for sign in signs:
            sign.update({"text/plain": ""}, raw=True)


def progress(items: Sequence[T], done: str) -> Iterator[T]:
    """Iterate over the items, showing how many are done: "Sent orders: 3 of 200"."""
    if shell() is None:
        console = _stderr()
        yield from track(
            items,
            escape(printable(done)),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        return
    from IPython.display import display

    line = display({"text/plain": done}, raw=True, display_id=True)
    for number, item in enumerate(items, 1):
        yield item
        line.update({"text/plain": f"{done}: {number} of {len(items)}"}, raw=True)


@contextmanager
def counter(text: str, total: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on a terminal while something is counted of which there are about `total`;
    yields what is called with how many more there are. A notebook and a file show nothing, as what
    is printed meanwhile would follow the bar to where that is shown."""
    console = _stderr()
    off = shell() is not None or not (console.is_terminal and sys.stdout.isatty())
    with Progress(console=console, transient=True, disable=off) as bar:
        task = bar.add_task(escape(printable(text)), total=total)
        yield lambda more: bar.advance(task, more)
