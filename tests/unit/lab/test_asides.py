"""Asides: in the notebook they are folds and boxes, and a reader's time does not count them."""

from __future__ import annotations

from lab.engine import asides

TEXT = """\
Orders wait on a **queue**.

Article: it makes the queue
in the function.

On AWS: a queue needs a second.

Console: SQS, *Create queue*,
Standard.

## Next

<details><summary>Answer</summary>

Two words.
</details>"""


def test_a_notebook_folds_what_a_reader_may_skip() -> None:
    shown = asides.shown(TEXT)
    assert "> **In the article**: It makes the queue\n> in the function.\n\n" in shown
    assert "<details><summary>On AWS</summary>\n\nA queue needs a second.\n</details>" in shown
    assert (
        "<details><summary>In the console</summary>\n\nSQS, *Create queue*,\nStandard.\n</details>"
        in shown
    )
    assert "Console:" not in shown and "Article:" not in shown


def test_what_may_be_skipped_is_not_counted() -> None:
    assert asides.left_out(TEXT).split() == [
        "Orders",
        "wait",
        "on",
        "a",
        "**queue**.",
        "##",
        "Next",
    ]


def test_the_word_of_an_aside_within_a_sentence_is_none() -> None:
    text = "Look into the Console: it is there.\n\nOn AWS it is, too."
    assert asides.shown(text) == asides.left_out(text) == text
