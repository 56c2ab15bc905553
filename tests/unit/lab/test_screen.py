"""A screen is text and HTML in which nothing that others wrote is markup or moves the cursor."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from lab.engine import screen
from lab.engine.screen import Screen, Table, as_html, as_text
from lab.here import shell

NASTY = '<script>alert("x")</script> & [red]\x1b[2J\x07 \ud800'
PLAIN = '<script>alert("x")</script> & [red]?[2J? ?'


class Elements(HTMLParser):
    """The elements of a page, and the texts in them; those of a style are no texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.texts.append(data)


def everywhere(text: str) -> Screen:
    """A screen that has this text in each of its places."""
    table = Table(("product", "quantity"), [(text, 3), ("tea", None)], "The newest", 14)
    return Screen(text, text, {"name": text}, (table,), text, text)


def test_the_html_holds_what_others_wrote_as_text() -> None:
    found = Elements(as_html(everywhere(NASTY)))
    assert found.texts.count(PLAIN) == 6
    assert {tag for tag, _ in found.elements} == {
        *("div", "style", "p", "strong", "table", "caption"),
        *("thead", "tbody", "tr", "th", "td", "pre"),
    }
    assert {name for _, attributes in found.elements for name in attributes} == {"class", "scope"}


def test_the_html_can_be_kept_in_a_file() -> None:
    page = as_html(everywhere(NASTY))
    assert page.encode("utf-8").decode("utf-8") == page
    assert "\x1b" not in page


def test_the_html_follows_the_theme_of_jupyterlab_and_of_the_browser() -> None:
    page = as_html(Screen("tea"))
    for theme in ("prefers-color-scheme: dark", '[data-jp-theme-light="false"]'):
        assert theme in page
    (style,) = [part.split("</style>")[0] for part in page.split("<style>")[1:]]
    rules = [line for line in style.splitlines() if "{" in line and not line.startswith("@")]
    assert rules and all(".lab-screen" in rule for rule in rules)  # it styles nothing else
    assert "url(" not in style


def test_the_text_has_the_same_in_it() -> None:
    lines = as_text(everywhere(NASTY), 200).splitlines()
    assert lines == [
        *(PLAIN, PLAIN, "", f"name  {PLAIN}", ""),
        "The newest",
        f"{'product':{len(PLAIN)}}  quantity",
        f"{PLAIN}  3",
        "tea",
        "and 12 more",
        *("", PLAIN, "", PLAIN),
    ]


def test_what_is_not_there_takes_no_room() -> None:
    empty = Screen("Queue", tables=(Table(("product",), []),), says="Nothing waits.")
    assert as_text(empty, 100) == "Queue\n\nNothing waits."
    found = Elements(as_html(empty))
    assert found.texts == ["Queue", "Nothing waits."]
    assert "table" not in {tag for tag, _ in found.elements}


def test_a_narrow_terminal_gets_everything_in_more_lines() -> None:
    table = Table(("product", "quantity"), [("first flush " * 9, 2)])
    text = as_text(Screen("Queue", tables=(table,)), 40)
    assert max(map(len, text.splitlines())) <= 40
    assert text.count("flush") == 9


@pytest.mark.parametrize(
    ("rows", "total", "more"),
    [(2, 2, ""), (2, 0, ""), (2, 3, "and 1 more"), (1, 20_001, "and 20,000 more")],
)
def test_a_table_says_how_many_rows_it_leaves_out(rows: int, total: int, more: str) -> None:
    assert Table(("a",), [("tea",)] * rows, total=total).more == more


def test_a_notebook_keeps_both_and_a_script_prints_the_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: kept.append(bundle))
    screen.show(everywhere("tea"))
    assert kept == []
    assert capsys.readouterr().out == as_text(everywhere("tea"), 2000) + "\n"
    monkeypatch.setattr(shell, "shell", lambda: object())
    screen.show(everywhere("tea"))
    assert kept == [
        {"text/html": as_html(everywhere("tea")), "text/plain": as_text(everywhere("tea"), 200)}
    ]
    assert capsys.readouterr().out == ""
    with shell.as_text():  # as a chapter is that a notebook runs
        screen.show(everywhere("tea"))
    assert len(kept) == 1
    assert "tea" in capsys.readouterr().out
