"""Each number in the chapters' prose: what it claims of an output or a cell stands there, and
somebody has decided about every other one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import pytest

from lab.course import COURSE
from lab.engine import asides, cells
from lab.engine.course import Chapter

# What a sentence claims: its chapter, its beginning, and what has to stand in an output of the
# chapter's notebook.
OF_OUTPUTS = [
    ("00", "202 means", r"202"),
    ("01", 'The status code 202 means "accepted"', r'"statusCode": 202'),
    ("01", "The code is not 200", r'"statusCode": 202'),
    ("02", "The answer is 202 and the id", r'Posted an order: 202 \{"order_id": '),
    ("03", "The answer has the status code 200", r'"statusCode": 200.*1 customer order sent to'),
    ("05", "The number is 0 the first time", r"Looked for triggers .*: 0\."),
    ("06", "The answer 202 is a promise", r"202"),
    ("07", "The chain accepted 200 orders and recorded 200", r"(?s)Sent 200 .*Read 200 "),
    ("08", "three times 202", r"202"),
    ("09", "99 did not overwrite 2", r"quantity"),
    ("09", "It was 2, so", r"\b2\b"),
]  # fmt: skip
# The same for the code of its cells.
OF_CODE = [
    ("00", "It waits up to 30 s", r"timeout=30"),
    ("01", "6 times 15 s", r'"VisibilityTimeout": "90"'),
    ("01", "We make it here, so it keeps them for 14 days", r"retentionInDays=14"),
    ("02", "Change", r'"quantity"'),
    ("02", "20 orders a second, in bursts of up to 40, and 10,000 a day",
     r'(?s)"rateLimit": 20.*"burstLimit": 40.*10_?000|10_?000.*"rateLimit": 20.*"burstLimit": 40'),
    ("05", "2 keeps a rush of orders", r'"MaximumConcurrency": 2'),
    ("07", "You send 200 orders", r"ORDERS = 200"),
    ("07", "200 orders ──▶ the chain ──▶ 200 items", r"ORDERS = 200"),
    ("07", "So this takes 40 seconds", r"PACE = 5"),
    ("07", "The line in it is the median, the whiskers reach from 5 to 95 %", r"whis=\(5, 95\)"),
    ("07", "20 orders each way", r"beside_the_article\(20\)"),
    ("08", "at a speed of 30, a minute takes two seconds", r"hurry\(aws, 30\)"),
    ("09", "customers may add a of up to 200 characters", r'"maxLength": 200'),
]  # fmt: skip
# Those that are about AWS, HTTP or the chapters, with the place where that is looked after.
OF_OTHERS = {
    "01": ["Each boto3 method", "If sending the news fails", "The default timeout would be 3 s",
           "The of boto3 ask"],
    "02": ["with GET there", "Without this permission", "you get 400"],
    "03": ["takes no more than 256 KiB"],
    "05": ["its numbers go from 2 to 4", "(Strictly speaking"],
    "06": ["SQS deletes a message after 14 days", "Each hop has left its own time"],
    "07": ["It tries again after 429"],
    "08": ["In the end, every order", "SQS shows a message again after 90 seconds",
           "(In a terminal,"],
}  # fmt: skip


def sentences(chapter: Chapter) -> Iterator[str]:
    """The sentences with a number in them, without code, links and chapters."""
    for cell in cells.cells(chapter):
        if cell.is_code:
            continue
        text = asides.left_out(cell.source).replace("\n", " ")
        text = re.sub(r"\[[^\]]*\]\([^)]*\)|`[^`]*`|\*[^*]+\*", "", text)
        text = re.sub(r"[Cc]hapters? \d\d(,? (and|to) \d\d|, \d\d)*", "", text)
        for sentence in re.split(r"(?<=[.:?])\s+", text):
            short = " ".join(sentence.removeprefix("-").replace("**", "").split())
            if re.search(r"\d", short) and not short.startswith("#"):
                yield short


def outputs(chapter: Chapter) -> str:
    found = nbformat.read(chapter.notebook, as_version=4)
    made = [output for cell in found.cells for output in cell.get("outputs", ())]
    return "\n".join(str(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in made)


def code(chapter: Chapter) -> str:
    return "\n".join(cell.source for cell in cells.cells(chapter) if cell.is_code)


@pytest.mark.parametrize("chapter", COURSE.chapters, ids=lambda chapter: chapter.number)
def test_somebody_has_decided_about_each_number(chapter: Chapter) -> None:
    claims = [begins for number, begins, _ in OF_OUTPUTS + OF_CODE if number == chapter.number]
    known = [*claims, *OF_OTHERS.get(chapter.number, ())]
    found = list(sentences(chapter))
    undecided = [each for each in found if not each.startswith(tuple(known))]
    assert undecided == [], "say in tests/lab/test_numbers.py what they claim"
    gone = [begins for begins in known if not any(each.startswith(begins) for each in found)]
    assert gone == [], "no sentence begins like that any more"


@pytest.mark.parametrize(("number", "begins", "pattern"), OF_OUTPUTS)
def test_what_prose_claims_of_an_output_stands_there(
    number: str, begins: str, pattern: str
) -> None:
    assert re.search(pattern, outputs(COURSE.find(number))), begins


@pytest.mark.parametrize(("number", "begins", "pattern"), OF_CODE)
def test_what_prose_claims_of_a_cell_stands_there(number: str, begins: str, pattern: str) -> None:
    assert re.search(pattern, code(COURSE.find(number))), begins


def test_teardown_was_shown_on_a_chain_that_stood() -> None:
    (found,) = re.findall(r"Found (\d+) things to delete", outputs(COURSE.find(COURSE.last)))
    assert int(found) > len(COURSE.set_up)
