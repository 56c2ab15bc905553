"""The chapters, which are the numbered scripts, and running them."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "scripts"
SET_UP = ("00", "01", "02", "03")


def chapters() -> dict[str, Path]:
    """The script of each chapter, by its number ("00"), in order."""
    return {path.stem[:2]: path for path in sorted(SCRIPTS.glob("[0-9][0-9]_*.py"))}


def title(path: Path) -> str:
    """The chapter's heading: "00 Take orders"."""
    return path.stem.replace("_", " ")


def run(path: Path) -> None:
    """Run a chapter in this process, as `python scripts/NN_....py` would."""
    runpy.run_path(str(path), run_name="__main__")
