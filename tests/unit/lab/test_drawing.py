"""A picture can be read in the light, in the dark and on a projector."""

from __future__ import annotations

import ast
import re
from itertools import combinations
from pathlib import Path

import pytest

from lab.engine import drawing
from lab.here.folders import ROOT

PAGE = "#ffffff"  # the ground of every picture
DRAWERS = [ROOT / "lab" / "engine" / "drawing.py", *sorted((ROOT / "scripts").glob("0*.py"))]


def brightness(color: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(color: str, ground: str) -> float:
    dark, light = sorted((brightness(color), brightness(ground)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_the_web_measures_it() -> None:
    assert contrast("#000000", PAGE) == pytest.approx(21)
    assert contrast("#767676", PAGE) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("file", DRAWERS, ids=lambda file: file.stem)
def test_every_color_stands_out_from_the_ground(file: Path) -> None:
    colors = set(re.findall(r'"(#[0-9a-f]{6})"', file.read_text("utf-8")))
    assert {c: contrast(c, PAGE) for c in colors if contrast(c, PAGE) < 4.5} == {}


def test_no_two_strokes_and_no_two_marks_differ_by_color_alone() -> None:
    strokes = (drawing._NOW, drawing._BEFORE, drawing._LATER, drawing._CUT)
    for one, other in combinations(strokes, 2):
        assert (one.width, one.dashes) != (other.width, other.dashes)
    (lose,) = (ROOT / "scripts").glob("*lose_it.py")
    marks = re.findall(r'": \("(.)", "#', lose.read_text("utf-8"))
    assert len(marks) == len(set(marks)) == 6


@pytest.mark.parametrize("file", DRAWERS, ids=lambda file: file.stem)
def test_no_plot_takes_the_pale_colors_that_matplotlib_has_for_it(file: Path) -> None:
    wanted = {"hist": "color", "plot": "color", "scatter": "color", "boxplot": "medianprops"}
    for call in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            named = {keyword.arg for keyword in call.keywords}
            assert wanted.get(call.func.attr) in {*named, None}, ast.unparse(call)
