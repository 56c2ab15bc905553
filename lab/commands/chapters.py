"""Commands for the chapters: how far one is, catching up, going back, hints, and all at once."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import boto3
import click

from lab.aws import reads
from lab.aws.session import in_words, session
from lab.commands import cloud
from lab.commands.account import account_option
from lab.commands.numbers import WholeNumber
from lab.course import COURSE, facade
from lab.course import dead_letters as stuck
from lab.course.names import names
from lab.engine import catch_up, checks, exercises
from lab.engine.course import Chapter
from lab.errors import LabError, NoCloudError
from lab.here import folders, settings


@click.command()
@click.argument("chapter", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def check(chapter: str | None, as_json: bool) -> None:
    """Say what is right after CHAPTER, and what is wrong, why, and which cell fixes it.

    Without CHAPTER: how far you are, and what is wrong in the chapters that you have begun. Only
    looks, changes nothing. Exit status 1 if something is wrong.
    """
    wanted = COURSE.here if chapter is None else (COURSE.find(chapter),)
    if wanted[0].in_own_cloud:
        raise click.UsageError(
            f"{wanted[0].title} has a cloud of its own, which ends with it: its notebook checks it."
        )
    aws = session(start=False)
    if not as_json:
        print(_what_is_looked_at(aws), flush=True)
    with reads.once_each():
        found = {each.number: facade.examine(aws, each.number) for each in wanted}
    if as_json:
        print(json.dumps({n: [f.as_dict() for f in findings] for n, findings in found.items()}))
    else:
        print(*_said(found, everything=chapter is not None), sep="\n")
        if letters := stuck.in_short(aws):
            print(letters)
    begun = [f for f in found.values() if chapter is not None or checks.has_begun(f)]
    sys.exit(0 if all(checks.is_right(findings) for findings in begun) else 1)


def _what_is_looked_at(aws: boto3.Session) -> str:
    prefix = names().prefix
    return f"Looking at {in_words(aws)}, {f'prefix {prefix}' if prefix else 'no prefix'}."


def _said(found: dict[str, list[checks.Finding]], *, everything: bool) -> Iterator[str]:
    if not everything:
        yield checks.overview(COURSE, found)
        return
    for number, findings in found.items():
        chapter = COURSE.find(number)
        yield checks.report(chapter, findings, everything=True)
        if not checks.has_begun(findings):
            yield _how_to_begin(chapter)


def _how_to_begin(chapter: Chapter) -> str:
    first = (
        f"`lab goto {chapter.number}` makes what it builds on; then " if chapter.builds_on else ""
    )
    return f"{chapter.title} is not begun: {first}run it from its first cell."


def say_where_you_are() -> None:
    """How far the learner is, and what is next: what bare `lab` says."""
    try:
        aws = session(start=False)
    except NoCloudError:
        print("No local cloud runs for this folder, so nothing is set up yet.")
        _say_what_is_next(COURSE.chapters[0])
        return
    print(_what_is_looked_at(aws), flush=True)
    with reads.once_each():
        found = {each.number: facade.examine(aws, each.number) for each in COURSE.here[:-1]}
    _say_how_far(found)


def _say_how_far(found: dict[str, list[checks.Finding]]) -> None:
    right = [number for number, findings in found.items() if checks.is_right(findings)]
    following = next((number for number in found if number not in right), COURSE.last)
    chapter = COURSE.find(following)
    has_begun = following in found and checks.has_begun(found[following])
    if right:
        print(f"Right: {', '.join(right)}.")
    elif not has_begun:
        print("Nothing of the tutorial is here: you have not begun, or have torn it down.")
    if has_begun:
        print(f"Begun: {chapter.title}. `lab check {following}` says what is missing or wrong.")
    _say_what_is_next(chapter)


def _say_what_is_next(chapter: Chapter) -> None:
    notebook = f"`make lab`, then {folders.shown(folders.WORK / chapter.notebook.name)}"
    script = f".venv/bin/python scripts/{chapter.script.name}"
    print(f"Next: chapter {chapter.title}. Open it with {notebook}; or run `{script}`.")
    print("`lab --help` lists the commands.")


@click.command()
@click.argument("chapter")
@account_option
def goto(chapter: str) -> None:
    """Run the chapters before CHAPTER, those that are not right yet; safe to repeat.

    Exit status 1, and what to do, if something is wrong that running a chapter does not fix.
    """
    wanted = COURSE.find(chapter)
    catch_up.go_to(COURSE, session(), wanted)
    print(f"Ready for {wanted.title}: scripts/{wanted.script.name}")


@click.command()
@click.argument("chapter", required=False)
@click.option("--yes", is_flag=True, help="Do not ask. (For a CHAPTER it asks on AWS only.)")
@account_option
@click.option(
    "--notebook", is_flag=True, help="A fresh copy of CHAPTER's notebook; undoes nothing else."
)
def reset(chapter: str | None, yes: bool, notebook: bool) -> None:
    """Undo CHAPTER and what builds on it.

    Without CHAPTER the local cloud forgets everything, which it asks about first.
    """
    if notebook:
        _reset_notebook(chapter)
        return
    if chapter is None:
        cloud.forget_everything(yes)
        return
    numbers = catch_up.undone_by(COURSE, COURSE.find(chapter))
    if settings.load().target == "aws" and not yes:
        click.confirm(f"Delete what chapters {', '.join(numbers)} made on AWS?", abort=True)
    anything, left = catch_up.undo(COURSE, session(start=False), numbers)
    if anything:
        print(f"Undid {', '.join(numbers)}; {len(left)} left")
    else:
        print(f"There was nothing of {', '.join(numbers)} to undo.")
    sys.exit(1 if left else 0)


def _reset_notebook(chapter: str | None) -> None:
    from lab.engine import working_copies  # not where only scripts are run

    if chapter is None:
        raise click.UsageError("Which notebook? Try: lab reset CHAPTER --notebook")
    wanted = COURSE.find(chapter)
    kept = working_copies.make_fresh(wanted)
    print(f"Made a fresh {folders.shown(working_copies.path_of(wanted))}.")
    if kept:
        print(f"Kept yours as {folders.shown(kept)}.")


@click.command(name="open", context_settings={"ignore_unknown_options": True})
@click.argument("chapter", required=False, default=COURSE.numbers[0])
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def open_notebooks(chapter: str, flags: tuple[str, ...]) -> None:
    """Open your copies of the notebooks in JupyterLab, at CHAPTER.

    They are in the folder work, which git ignores, and have no outputs yet. FLAGS go to Jupyter:

    \b
    lab open                                   the first chapter
    lab open CHAPTER --no-browser --port 9000
    """
    if chapter.startswith("-"):
        chapter, flags = COURSE.numbers[0], (chapter, *flags)
    wanted = COURSE.find(chapter)
    if importlib.util.find_spec("jupyterlab") is None:
        raise LabError("JupyterLab is not installed here. Run `make lab`, which installs it.")
    from lab.engine import kernel, working_copies  # not where only scripts are run

    kernel.install()
    for said in working_copies.bring_up_to_date(COURSE):
        print(said, flush=True)
    is_root = os.name == "posix" and os.geteuid() == 0
    command = working_copies.jupyter(wanted, flags, is_root=is_root)
    sys.exit(subprocess.call(command))


@click.command()
@click.argument("chapter")
@click.argument("which", type=WholeNumber(min=1), default=1)
@click.option("--json", "as_json", is_flag=True, help="Print all hints as JSON, for scripts.")
def hint(chapter: str, which: int, as_json: bool) -> None:
    """Print a hint for the exercise of CHAPTER, the first one or number WHICH."""
    found = COURSE.find(chapter)
    print(json.dumps(found.exercise.hints) if as_json else exercises.hint(found, which))


COMMANDS = (open_notebooks, check, goto, reset, hint)
