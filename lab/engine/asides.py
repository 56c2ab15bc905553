"""Asides: paragraphs that a reader may skip, and how a notebook shows each kind.

In a script, an aside is a paragraph that begins with the word of its kind: what one would click in
AWS's console, what is different on AWS, and how the article has it.
"""

from __future__ import annotations

import re

_FOLDS = {"Console": "In the console", "On AWS": "On AWS"}
_BOXES = {"Article": "In the article"}
_KINDS = "|".join((*_FOLDS, *_BOXES))
_ASIDE = re.compile(rf"^({_KINDS}): (.+?)(?=\n\n|\Z)", re.M | re.S)
_ANSWER = re.compile(r"<details>.*?</details>", re.S)


def shown(text: str) -> str:
    """The text of a cell as the notebook has it: clicks and AWS's own in a fold, the article's in
    a box."""
    return _ASIDE.sub(_show, text)


def _show(aside: re.Match[str]) -> str:
    kind, text = aside.groups()
    text = text[0].upper() + text[1:]
    if kind in _BOXES:
        return f"> **{_BOXES[kind]}**: " + text.replace("\n", "\n> ")
    return f"<details><summary>{_FOLDS[kind]}</summary>\n\n{text}\n</details>"


def left_out(text: str) -> str:
    """The text of a cell without what a reader may skip: asides, and answers that are folded."""
    return _ANSWER.sub("", _ASIDE.sub("", text))
