"""A course is loaded as far as it goes; what it lacks is a sentence that names file and part."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest

import lab
from lab.aws.arn import Arn, is_arn_of, name_in, parse, topic_of
from lab.aws.inventory import Resource
from lab.aws.session import Session
from lab.course import COURSE
from lab.course.resources import inventory
from lab.engine import catch_up, cells, pages, upkeep
from lab.engine.course import Box, Chapter, Exercise, load_chapters
from lab.errors import CourseError, MissingStepError
from lab.here import settings
from lab.here.folders import ROOT
from tests.support.processes import run_lab

MORE = Chapter(
    stem="11_more",
    builds="more",
    article="",
    expects=lambda aws: (),
    exercise=Exercise(lambda aws: "", ("one", "two")),
)
AFTER_THE_LAST = dataclasses.replace(COURSE, chapters=(*COURSE.chapters, MORE))


# -- The order of the chapters --------------------------------------------------------------------


def test_what_breaks_or_takes_down_is_never_done_on_the_way() -> None:
    for chapter in AFTER_THE_LAST.chapters:
        on_the_way = {each.number for each in AFTER_THE_LAST.before(chapter)}
        assert not on_the_way & {*COURSE.breaks, COURSE.last}
    assert [each.number for each in AFTER_THE_LAST.before(MORE)] == [
        "01", "02", "03", "04", "05", "06", "07",
    ]  # fmt: skip


def test_goto_a_chapter_after_the_teardown_tears_nothing_down(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without this the check of the last chapter, that nothing is left, would keep it from running.
    aws.client("sqs").create_queue(QueueName=lab.names().queue, tags=lab.tags())
    ran: list[str] = []
    monkeypatch.setattr(Chapter, "run", lambda chapter: ran.append(chapter.number))
    with pytest.raises(MissingStepError):  # as nothing was made
        catch_up.go_to(AFTER_THE_LAST, aws, MORE)
    assert ran == ["01", "02", "03", "04", "05", "06", "07"]


def test_goto_the_teardown_runs_all_that_can_be_taken_down(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without this the check of the last chapter, that nothing is left, would keep it from running.
    aws.client("sqs").create_queue(QueueName=lab.names().queue, tags=lab.tags())
    ran: list[str] = []
    monkeypatch.setattr(Chapter, "run", lambda chapter: ran.append(chapter.number))
    with pytest.raises(MissingStepError):  # as nothing was made
        catch_up.go_to(COURSE, aws, COURSE.find(COURSE.last))
    assert ran == ["01", "02", "03", "04", "05", "06", "07"]


# -- Files that lack something --------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of another course."""
    folder = tmp_path / "tea_course"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("tea_course")]:
        monkeypatch.delitem(sys.modules, name)
    return folder


WHOLE = """
from lab.engine.course import Chapter, Exercise

CHAPTER = Chapter(
    stem="00_brew",
    builds="tea",
    article="",
    expects=lambda aws: (),
    exercise=Exercise(lambda aws: "", hints=("hot", "hotter")),
)
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('    builds="tea",\n', "", "the Chapter lacks `builds`; give it that."),
        (', hints=("hot", "hotter")', "", "the Exercise lacks `hints`; give it that."),
        ("    expects=lambda aws: (),\n", "", "the Chapter lacks `expects`; give it that."),
        ("CHAPTER =", "OTHER =", "has no `CHAPTER`, which says what the chapter is"),
        ("00_brew", "01_brew", "expected a `stem` that begins with 00, found '01_brew'."),
    ],
)
def test_a_chapter_file_without_a_part_is_a_sentence(
    package: Path, old: str, new: str, said: str
) -> None:
    assert old in WHOLE
    (package / "chapter_00.py").write_text(WHOLE.replace(old, new))
    chapters, problems = load_chapters("tea_course", "00")
    assert chapters == ()
    (problem,) = problems.values()
    assert problem.startswith("tea_course/chapter_00.py")
    assert said in problem and "\n" not in problem


def test_a_whole_chapter_file_is_loaded_and_a_missing_one_is_named(package: Path) -> None:
    (package / "chapter_00.py").write_text(WHOLE)
    chapters, problems = load_chapters("tea_course", "00", "01")
    assert [chapter.title for chapter in chapters] == ["00 Brew"]
    assert list(problems) == ["01"]
    assert problems["01"].startswith("There is no tea_course/chapter_01.py, though COURSE has")


def test_a_mistake_in_a_chapter_file_is_shown_as_python_shows_it(package: Path) -> None:
    (package / "chapter_00.py").write_text(f"import no_such_module\n{WHOLE}")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        load_chapters("tea_course", "00")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"last": "12"}, "lab/course/__init__.py: `last` names the chapter 12"),
        ({"set_up": ("01", "12")}, "lab/course/__init__.py: `set_up` names the chapter 12"),
        ({"breaks": ("11",)}, "lab/course/__init__.py: `breaks` names the chapter 11"),
        ({"demo": ("12",)}, "lab/course/__init__.py: `demo` names the chapter 12"),
        (
            {"chapters": (*COURSE.chapters, dataclasses.replace(MORE, builds_on=("13",)))},
            "lab/course/chapter_11.py: `builds_on` names the chapter 13",
        ),
        (
            {
                "chapters": (
                    *COURSE.chapters,
                    dataclasses.replace(MORE, exercise=Exercise(lambda aws: "", ())),
                )
            },
            "lab/course/chapter_11.py: the exercise has no `hints`",
        ),
        ({"unreadable": {"08": "lab/course/chapter_08.py: the Chapter lacks `stem`"}}, "lacks"),
    ],
)
def test_a_course_that_contradicts_itself_stops_the_program(change: object, said: str) -> None:
    assert isinstance(change, dict)
    with pytest.raises(CourseError, match=re.escape(said)):
        dataclasses.replace(COURSE, **change).insist_on_being_whole()


def test_the_course_and_the_house_are_in_order() -> None:
    result = run_lab("dev", "check")
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout == f"All right: {len(COURSE.chapters)} chapters, and the house.\n"


@pytest.mark.parametrize(
    ("chapter", "said"),
    [
        (MORE, "There is no scripts/11_more.py; write it."),
        (dataclasses.replace(MORE, builds=""), "chapter_11.py: `builds` is empty"),
        (
            dataclasses.replace(MORE, exercise=Exercise(lambda aws: "", ("one",))),
            "chapter_11.py: expected at least 2 `hints` for the exercise, found 1.",
        ),
    ],
)
def test_upkeep_says_what_a_chapter_lacks(chapter: Chapter, said: str) -> None:
    course = dataclasses.replace(COURSE, chapters=(*COURSE.chapters, chapter))
    assert any(said in problem for problem in upkeep.problems(course))


def test_upkeep_says_what_a_script_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.engine.course.ROOT", tmp_path)
    (tmp_path / "scripts").mkdir()
    MORE.script.write_text(
        '# %% [markdown]\n# # 11 Less\n\n# %%\nlab.event("tea")\nlab.package("cup")\n', "utf-8"
    )
    cells.cells.cache_clear()
    assert list(upkeep._script(MORE)) == [
        f"scripts/11_more.py lacks {part}; write it."
        for part in (
            "a title: # 11 More",
            "the paragraph **You need**",
            "the heading ## You now have…",
            "the heading ## Exercise",
            "a word on `lab hint 11`",
            "a cell with the tag exercise",
            "a cell with the tag solution",
            'a cell with lab.draw_chain("11")',
            'a cell with lab.check("11")',
            'a cell with lab.check_exercise("11")',
        )
    ] + [
        "scripts/11_more.py uses events/tea.json, which is not there; write it.",
        "scripts/11_more.py uses lambdas/cup.py, which is not there; write it.",
    ]
    cells.cells.cache_clear()


@pytest.mark.slow
def test_upkeep_wants_nothing_after_the_chapter_that_takes_everything_down() -> None:
    said = "lab/course/__init__.py: chapter 10 takes everything down, so put 11 before it."
    assert said in upkeep.problems(AFTER_THE_LAST)
    before = dataclasses.replace(COURSE, chapters=(MORE, *COURSE.chapters))
    assert said not in upkeep.problems(before)


def test_upkeep_finds_a_chapter_file_and_a_script_that_the_course_does_not_have() -> None:
    without = dataclasses.replace(COURSE, chapters=COURSE.chapters[:4] + COURSE.chapters[5:])
    assert any(
        problem == "lab/course/chapter_04.py is not in COURSE; add 04 to the chapters in "
        "lab/course/__init__.py."
        for problem in upkeep.problems(without)
    )


@pytest.mark.slow
def test_upkeep_looks_at_the_drawing_and_at_the_cells_that_resources_name() -> None:
    third = COURSE.find("05")
    bare = dataclasses.replace(third, boxes=(), arrows=())
    lost = dataclasses.replace(third, arrows=(("shop", "tea"),))
    others = [chapter for chapter in COURSE.chapters if chapter != third]

    def problems_with(chapter: Chapter) -> list[str]:
        return upkeep.problems(dataclasses.replace(COURSE, chapters=(*others, chapter)))

    assert any("chapter_05.py adds nothing to the drawing" in each for each in problems_with(bare))
    assert any("leads to the box 'tea', which nobody" in each for each in problems_with(lost))
    boxed = dataclasses.replace(third, boxes=(Box("tea", 0, 1),), arrows=(("shop", "tea"),))
    assert not any("leads to the box" in each for each in problems_with(boxed))

    def with_another_cell(aws: boto3.Session) -> tuple[Resource, ...]:
        return tuple(dataclasses.replace(each, cell="no-such-tag") for each in inventory(aws))

    course = dataclasses.replace(COURSE, inventory=with_another_cell)
    found = upkeep.problems(course)
    assert len(found) == len(with_another_cell(Session(None, region_name="us-east-1")))
    assert "expected 1 cell with the tag 'no-such-tag', found 0" in found[0]


# -- The facade -----------------------------------------------------------------------------------


def test_importing_the_errors_changes_nothing() -> None:
    code = (
        "before = sys.excepthook\n"
        "import lab.errors as errors\n"
        "print(sys.excepthook is before, sorted(m for m in sys.modules if m.startswith('lab.')))\n"
        "print(hasattr(errors.LabError, '_render_traceback_'))"
    )
    # The package `lab` is the facade, which installs the hooks; so only its errors are loaded.
    bare = (
        "import importlib.machinery, sys, types\n"
        f"package = types.ModuleType('lab'); package.__path__ = [{str(ROOT / 'lab')!r}]\n"
        "sys.modules['lab'] = package\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", bare + code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "True ['lab.errors']\nFalse\n"


def test_no_name_hides_a_module() -> None:
    for found in pkgutil.walk_packages(lab.__path__, "lab."):
        if found.name == "lab.__main__":  # which runs the command
            continue
        module = importlib.import_module(found.name)
        package, _, name = found.name.rpartition(".")
        assert getattr(sys.modules[package], name) is module, found.name


# -- Facts that are counted -----------------------------------------------------------------------


NUMBER = re.compile(
    r"\b(\d+|(twenty|thirty|forty)(-\w+)?|ten|eleven|twelve|\w+teen|three|four|five|six|seven|eight"
    r"|nine) (things|resources|dashboards)\b"
)


def test_the_last_chapter_writes_no_number_that_the_inventory_knows_better() -> None:
    text = " ".join(COURSE.find(COURSE.last).script.read_text("utf-8").split("# "))
    assert [found[0] for found in NUMBER.finditer(text)] == []


def test_the_last_chapter_counts_what_it_deletes(
    aws: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    COURSE.find("04").run()
    capsys.readouterr()
    COURSE.find(COURSE.last).run()
    said = capsys.readouterr().out
    made = [each for each in inventory(aws) if each.chapter == "04"]
    assert f"Found {len(made)} things to delete.\n" in said
    assert said.count("Deleted the ") == len(made)


# -- Settings -------------------------------------------------------------------------------------


def test_every_setting_that_is_read_stands_in_the_one_table() -> None:
    read: set[str] = set()

    class Noting(Mapping[str, str]):
        """An environment in which nothing is set, and which notes what it is asked for."""

        def __getitem__(self, key: str) -> str:
            read.add(key)
            raise KeyError(key)

        def __iter__(self) -> Iterator[str]:
            return iter(())

        def __len__(self) -> int:
            return 0

    settings.load(Noting())
    assert read == {setting.name for setting in settings.SETTINGS}


def test_help_and_readme_are_made_from_the_table() -> None:
    overview = run_lab("--help").stdout
    readme = (ROOT / "README.md").read_text("utf-8")
    for setting in settings.SETTINGS:
        assert f"\n  {setting.name}\n    {setting.meaning.replace('`', '')}\n" in overview
    assert settings.as_table() in readme
    assert pages.readme(COURSE) == readme


# -- ARNs -----------------------------------------------------------------------------------------

PREFIX = "123456789012"


def test_an_arn_is_taken_apart_and_its_thing_named() -> None:
    text = f"arn:aws:lambda:us-east-1:{PREFIX}:function:take_order"
    found = parse(text)
    assert found == Arn("aws", "lambda", "us-east-1", PREFIX, "function:take_order")
    assert (str(found), found.name) == (text, "take_order")
    assert parse("PendingConfirmation") is None
    topic = f"arn:aws:sns:us-east-1:{PREFIX}:Orders"
    assert name_in(topic) == "Orders"
    assert topic_of(f"{topic}:0a1b") == topic
    with pytest.raises(ValueError, match="expected an ARN, found 'tea'"):
        name_in("tea")


def test_an_arn_is_of_a_thing_only_with_its_service_and_its_whole_name() -> None:
    queue = f"arn:aws:sqs:us-east-1:{PREFIX}:ana-Orders"
    assert is_arn_of(queue, "sqs", "ana-Orders")
    for service, name in itertools.product(("sqs", "sns"), ("Orders", "ana-Orders")):
        assert is_arn_of(queue, service, name) == ((service, name) == ("sqs", "ana-Orders"))
    assert not is_arn_of("", "sqs", "")
