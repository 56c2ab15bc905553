"""The exercises: whether one is solved, and its hints. Its text and its solution are cells.

Like the checks these only look. An exercise adds to what a chapter made and changes nothing
that another chapter relies on, so anyone who leaves it out misses nothing later.
"""

from __future__ import annotations

import os

import boto3
from botocore.exceptions import ClientError

from lab.aws import calls
from lab.aws.inventory import is_missing
from lab.engine.course import Chapter
from lab.errors import UnsolvedError
from lab.here.shell import command

BUILDING = "TUTORIAL_IS_BEING_BUILT"  # the environment variable of a kernel that builds a notebook


def missing(aws: boto3.Session, chapter: Chapter) -> str:
    """What is still missing from the solution of this chapter's exercise; empty when solved."""
    with calls.hidden():
        try:
            return chapter.exercise.look(aws)
        except ClientError as error:
            if is_missing(error):
                return (
                    f"Something of chapter {chapter.number} does not exist: run the cells above "
                    "first."
                )
            raise


def report(aws: boto3.Session, chapter: Chapter) -> str:
    """Whether the exercise of this chapter is solved, in words."""
    return _in_words(chapter, missing(aws, chapter))


def _in_words(chapter: Chapter, still: str) -> str:
    hint_command = command(f"hint {chapter.number}")
    said = f"not solved yet. {still} `{hint_command}` helps." if still else "solved."
    return f"Exercise {chapter.number}: {said}"


def insist(aws: boto3.Session, chapter: Chapter, then: str) -> None:
    """Print that the exercise is solved. Raises UnsolvedError if it is not, except where nobody is
    there to solve it: while the notebooks are built."""
    still = missing(aws, chapter)
    said = _in_words(chapter, still)
    if still:
        said += (
            f" The next cell {then}, so *Run All* stops here. To skip the exercise, run that cell."
        )
        if BUILDING not in os.environ:
            raise UnsolvedError(said)
    print(said)


def hint(chapter: Chapter, which: int) -> str:
    """One hint of a chapter's exercise, counted from 1, and how to get the next."""
    hints = chapter.exercise.hints
    which = min(which, len(hints))
    rest = (
        f"The next hint: lab hint {chapter.number} {which + 1}"
        if which < len(hints)
        else f"That was the last one. The solution is in scripts/{chapter.script.name}."
    )
    return f"Hint {which} of {len(hints)}: {hints[which - 1]}\n{rest}"
