"""The course as a learner walks it: in JupyterLab, in a browser, with Shift-Enter."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from lab.aws.waiting import wait_until
from lab.course import COURSE, orders
from lab.engine import cells, kernel, working_copies
from lab.engine.course import Chapter
from lab.here.folders import BUILD
from tests.support.browser import PATIENCE_MS

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("browser"), pytest.mark.timeout(1800)]

_CELL_MS = 600_000  # for a cell to end, on a busy machine
_TOKEN = "for-this-test"
_WINDOW = (1280, 720)
_ZOOMS = (1.0, 1.5)  # of the browser: at 150 % a page has two thirds of the pixels
_LEGIBLE = 300  # pixels that a picture is wide, at least
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# JupyterLab leaves out of the page what cannot be seen; a test looks at all of it.
_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/themes": {"adaptive-theme": True},
}


@pytest.fixture(scope="module")
def orders_file() -> Iterator[None]:
    """The file of the last exercise goes as it came."""
    before = orders.ORDERS_FILE.read_bytes() if orders.ORDERS_FILE.exists() else None
    yield
    if before is None:
        orders.ORDERS_FILE.unlink(missing_ok=True)
    else:
        BUILD.mkdir(exist_ok=True)
        orders.ORDERS_FILE.write_bytes(before)


@pytest.fixture
def jupyter(
    cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders_file: None
) -> Iterator[str]:
    """The address of JupyterLab with fresh copies, as `lab open` starts it."""
    monkeypatch.setattr(working_copies, "ROOT", tmp_path)
    monkeypatch.setattr(working_copies, "FOLDER", tmp_path / "work")
    working_copies.bring_up_to_date(COURSE)
    kernel.install()
    for name, settings in _SETTINGS.items():
        file = tmp_path / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    folders = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTER_RUNTIME_DIR": "runtime"}
    variables = {name: str(tmp_path / folder) for name, folder in folders.items()}
    flags = ("--no-browser", "--ServerApp.port=0", f"--IdentityProvider.token={_TOKEN}")
    is_root = os.name == "posix" and os.geteuid() == 0
    with (
        open(tmp_path / "log", "w") as log,
        subprocess.Popen(
            working_copies.jupyter(COURSE.chapters[0], flags, is_root=is_root),
            env={**os.environ, "AWS_ENDPOINT_URL": cloud, **variables},
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            told = wait_until(
                lambda: [*(tmp_path / "runtime").glob("jpserver-*.json")], "JupyterLab listens"
            )
            yield json.loads(told[0].read_text())["url"].rstrip("/")
        finally:
            server.terminate()


def test_the_course_can_be_walked(page: Page, jupyter: str, tmp_path: Path) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    for number, chapter in enumerate(COURSE.chapters):
        zoom(page, 1.0)
        page.emulate_media(color_scheme=_SCHEMES[number % 2])
        notebook = opened(page, jupyter, chapter)
        walk(page, notebook, chapter)
        page.keyboard.press("Control+s")
        for scale in _ZOOMS:
            see_pictures(page, notebook, scale)
    clean = {path.name for path in tmp_path.iterdir()}
    assert clean == {"work", "settings", "runtime", "log"}


@pytest.mark.parametrize("scheme", _SCHEMES)
def test_the_chain_is_seen_in_light_and_dark_and_at_150_percent(
    page: Page, jupyter: str, scheme: Literal["light", "dark"]
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    zoom(page, 1.0)
    page.emulate_media(color_scheme=scheme)
    notebook = opened(page, jupyter, COURSE.chapters[0])
    expect(page.get_by_text("| Idle")).to_be_visible()
    drawing = notebook.locator(".jp-CodeCell").first
    drawing.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(drawing.locator("img")).to_be_visible()
    for scale in _ZOOMS:
        see_pictures(page, notebook, scale)
    assert corner_of(drawing.locator("img")) == (255, 255, 255)  # ink on white, in the dark, too
    is_dark = page.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert is_dark == (scheme == "dark")


def opened(page: Page, jupyter: str, chapter: Chapter) -> Locator:
    """The notebook of a chapter, in JupyterLab."""
    page.goto(f"{jupyter}/lab/tree/work/{chapter.notebook.name}?token={_TOKEN}&reset")
    notebook = page.locator(".jp-Notebook:visible")
    expect(notebook.locator(".jp-CodeCell").first).to_be_visible()
    return notebook


def zoom(page: Page, scale: float) -> None:
    width, height = (round(pixels / scale) for pixels in _WINDOW)
    page.set_viewport_size({"width": width, "height": height})


def see_pictures(page: Page, notebook: Locator, scale: float) -> None:
    """There are pictures, and each is loaded, has its words, and fits between the edges of the
    notebook and of the window."""
    zoom(page, scale)
    pictures = notebook.locator(".jp-OutputArea img").all()
    assert pictures
    expect(notebook.locator("summary", has_text="The picture in words")).to_have_count(
        len(pictures)
    )
    for picture in pictures:
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        box, room = picture.bounding_box(), notebook.bounding_box()
        assert box and room
        assert box["width"] > _LEGIBLE and box["height"] > 0
        assert room["x"] <= box["x"]
        assert box["x"] + box["width"] <= min(room["x"] + room["width"], _WINDOW[0] / scale), scale


def corner_of(picture: Locator) -> tuple[int, ...]:
    """The color of the picture's ground, as the browser shows it."""
    with Image.open(io.BytesIO(picture.screenshot())) as shot:
        found = shot.convert("RGB").getpixel((3, 3))
    assert isinstance(found, tuple)
    return found


def walk(page: Page, notebook: Locator, chapter: Chapter) -> None:
    """Press Shift-Enter in each cell, and wait until it is done; no cell fails, and none has an
    output before it was run."""
    copy = nbformat.read(working_copies.path_of(chapter), as_version=4)
    found = notebook.locator(".jp-Cell")
    expect(found).to_have_count(len(copy.cells))
    expect(page.get_by_text("| Idle")).to_be_visible()  # the kernel is there
    found.first.click()
    page.keyboard.press("Escape")
    for number, cell in enumerate(copy.cells):
        shown = found.nth(number)
        if cell.cell_type == "code":
            assert shown.locator(".jp-OutputArea-output").count() == 0, cell.source
        if cell.source.startswith("# Your code here."):
            write(page, shown, solution(chapter))
        expect(shown).to_have_class(re.compile("jp-mod-active"))
        page.keyboard.press("Shift+Enter")
        if cell.cell_type == "code":
            wait_for(shown, cell)


def wait_for(shown: Locator, cell: Any) -> None:
    done = re.compile(r"\[\d+\]:")
    expect(shown.locator(".jp-InputPrompt")).to_have_text(done, timeout=_CELL_MS)
    failed = shown.locator('[data-mime-type="application/vnd.jupyter.error"]')
    assert failed.count() == 0, (cell.source, failed.all_inner_texts())
    if "check_exercise" in cell.source:
        expect(shown.locator(".jp-OutputArea")).to_contain_text(": solved.")


def write(page: Page, shown: Locator, text: str) -> None:
    """Replace what a cell has, as somebody types."""
    shown.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def solution(chapter: Chapter) -> str:
    """The solution of its exercise. The orders that it sends have arrived when it ends."""
    (found,) = [cell.source for cell in cells.cells(chapter) if "solution" in cell.tags]
    check = f"exercises.missing(aws, COURSE.find('{chapter.number}'))"
    return (
        f"{found}\nfrom lab.course import COURSE\nfrom lab.engine import exercises\n"
        f"lab.wait_until(lambda: not {check}, 'the exercise is solved', timeout=300)\n"
    )
