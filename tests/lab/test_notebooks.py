"""The notebooks: they are what the scripts build, they hold what they should, and they run."""

from __future__ import annotations

import ast
import html
import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest

import lab
import lab.here.local
from lab.aws.session import Session
from lab.course import COURSE
from lab.engine import cells, notebooks, pages
from lab.engine.course import Chapter
from lab.engine.notebooks import EditedNotebookError
from lab.here.folders import ROOT
from tests.support.chapters import resources, run_chapters
from tests.support.processes import run_lab

each_chapter = pytest.mark.parametrize("chapter", COURSE.chapters, ids=lambda c: c.stem)


def stored(chapter: Chapter) -> Any:
    return nbformat.read(chapter.notebook, as_version=4)


def outputs(chapter: Chapter) -> list[Any]:
    return [output for cell in stored(chapter).cells for output in cell.get("outputs", [])]


def pictures(chapter: Chapter) -> list[str]:
    return [o["data"]["image/png"] for o in outputs(chapter) if "image/png" in o.get("data", {})]


# -- What is stored ------------------------------------------------------------------------------


@each_chapter
def test_a_notebook_is_what_its_script_builds(chapter: Chapter) -> None:
    notebook = stored(chapter)
    nbformat.validate(notebook)
    assert notebooks.sources(notebook) == notebooks.sources(notebooks.build(COURSE, chapter)), (
        "run `make notebooks`"
    )
    assert notebook.metadata["built"] == notebooks.fingerprint(notebook), "edited by hand"


@each_chapter
def test_a_notebook_was_executed_from_top_to_bottom_without_an_error(chapter: Chapter) -> None:
    code = [cell for cell in stored(chapter).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for output in outputs(chapter)}
    assert kinds <= {"stream", "display_data"}  # no error, and no value of a bare expression
    assert "stream" in kinds


@each_chapter
def test_outputs_hold_nothing_of_the_machine_that_made_them(chapter: Chapter) -> None:
    text = "".join(o.get("text", "") for o in outputs(chapter))
    assert not re.search(r"127\.0\.0\.1|localhost|/site-packages/|\x1b|Warning", text)
    assert str(ROOT) not in chapter.notebook.read_text("utf-8")
    assert {o["name"] for o in outputs(chapter) if o["output_type"] == "stream"} == {"stdout"}


@each_chapter
def test_every_chapter_draws_the_chain_and_two_what_they_saw(chapter: Chapter) -> None:
    more = {"07": 2, "08": 1, "09": 2}
    assert len(pictures(chapter)) == 1 + more.get(chapter.number, 0)
    assert len(set(pictures(chapter))) == len(pictures(chapter))


def test_each_set_up_chapter_picks_out_another_part_of_the_chain() -> None:
    assert len({pictures(COURSE.find(number))[0] for number in COURSE.set_up}) == 5


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05", "06", "07"])
def test_the_calls_that_a_cell_made_stand_below_it(number: str) -> None:
    text = "".join(o.get("text", "") for o in outputs(COURSE.find(number)))
    assert re.search(r"^→ \w+\.\w+: ok, \d+ ms$", text, re.M)


@each_chapter
def test_every_client_is_made_after_calls_are_asked_for(chapter: Chapter) -> None:
    code = "\n".join(cell.source for cell in stored(chapter).cells if cell.cell_type == "code")
    before, _, after = code.partition("lab.show_calls(aws)")
    assert not after or "aws.client(" not in before  # its calls would not be shown


def test_the_set_up_of_chapter_00_is_a_line_for_each_chapter() -> None:
    (cell,) = [c for c in stored(COURSE.find("00")).cells if "finished_chain()" in c.source]
    assert {output["output_type"] for output in cell.outputs} == {"stream"}
    assert [line[:2] for line in cell.outputs[0]["text"].splitlines()][:5] == [*COURSE.set_up]


def test_calls_are_shown_in_order_with_their_times_and_errors(
    aws: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.show_calls(aws)
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="a")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="b")
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"→ sqs\.create_queue: ok, \d+ ms", first)
    assert re.fullmatch(r"→ sqs\.get_queue_url: \S*NonExistentQueue, \d+ ms", second)


@pytest.mark.parametrize("chapter", COURSE.chapters, ids=lambda chapter: chapter.number)
def test_each_picture_says_in_words_what_there_is_to_see(chapter: Chapter) -> None:
    folds = []
    for output in outputs(chapter):
        if "image/png" in output.get("data", {}):
            alt = output["metadata"]["image/png"]["alt"]
            assert len(alt.split()) > 5 and output["data"]["text/plain"] == alt
            folds.append(html.escape(alt))
    shown = [o["data"]["text/html"] for o in outputs(chapter) if "text/html" in o.get("data", {})]
    assert [fold for fold in folds if not any(fold in each for each in shown)] == []


@pytest.mark.parametrize("path", pages.generated(COURSE), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert path.read_text("utf-8") == pages.generated(COURSE)[path], "run `make notebooks`"


def test_durations_are_measured_for_every_chapter() -> None:
    seconds = pages.durations()
    assert list(seconds) == list(COURSE.numbers)
    assert sum(seconds.values()) < 180
    for chapter in COURSE.chapters:
        assert f"machine {seconds[chapter.number]} s, measured" in stored(chapter).cells[0].source


# -- The form of a chapter -----------------------------------------------------------------------


@each_chapter
def test_a_chapter_opens_and_ends_as_every_chapter_does(chapter: Chapter) -> None:
    found = cells.cells(chapter)
    assert found[0].source.startswith(f"# {chapter.title}\n")
    assert found[1].source == f'import lab\n\nlab.draw_chain("{chapter.number}")'
    text = "\n".join(cell.source for cell in found if not cell.is_code)
    assert "**You need**" in text
    assert "## You now have…" in text
    for number in (1, 2, 3):
        assert re.search(
            rf"^\*\*{number}\. .+[?.]\*\*\n<details><summary>Answer</summary>\n\n", text, re.M
        )
    assert text.count("<details>") == text.count("</details>") == 3
    assert text.count("## Exercise") == 1
    assert f"`lab hint {chapter.number}`" in text
    for last in (f'lab.check("{chapter.number}"', f'lab.check_exercise("{chapter.number}"'):
        assert sum(cell.source.startswith(last) for cell in found) == 1


@each_chapter
def test_text_stands_before_and_after_each_cell(chapter: Chapter) -> None:
    found = [cell for cell in cells.cells(chapter) if "solution" not in cell.tags]
    exercise = [cell.id for cell in found if "exercise" in cell.tags]
    for before, cell in itertools.pairwise(found):
        if cell.is_code and before.id not in exercise:
            assert not before.is_code, f"no text before {cell.id}"
    assert not found[-1].is_code


@each_chapter
def test_what_a_cell_makes_has_its_console_step(chapter: Chapter) -> None:
    covered = {cell.id for _, stretch in pages._console_steps(chapter) for cell in stretch}
    plumbing = {"exercise", "solution", "order", "post", "left-behind", "remove-output"}
    for cell in cells.cells(chapter):
        if set(cell.tags) - plumbing - {"active-ipynb"}:
            assert cell.id in covered, f"no paragraph 'Console: ...' before {cell.id}"


@each_chapter
def test_no_cell_shows_a_value_by_accident(chapter: Chapter) -> None:
    """The output of a cell is what it prints; a bare expression at its end would show, too."""
    for cell in cells.cells(chapter):
        if not cell.is_code or not (body := ast.parse(cell.source).body):
            continue
        if isinstance(body[-1], ast.Expr):
            call = ast.unparse(body[-1])
            assert call.startswith(("print(", "lab.")) or "get_waiter(" in call, call


@each_chapter
def test_a_learner_gets_the_exercise_without_its_solution(chapter: Chapter) -> None:
    (task,) = [c for c in cells.cells(chapter) if "exercise" in c.tags]
    (solution,) = [c for c in cells.cells(chapter) if "solution" in c.tags]
    built = notebooks.build(COURSE, chapter).cells
    assert task.source == "# Your code here."
    assert solution.source not in {cell.source for cell in built}
    assert [c.source for c in built if c.id == task.id] == [task.source]
    assert len(built) == len(cells.cells(chapter)) - 1


def test_the_number_by_which_a_check_names_a_cell_is_the_one_beside_it() -> None:
    for chapter in COURSE.chapters:
        shown = {c.id: c.get("execution_count") for c in stored(chapter).cells}
        for cell in cells.cells(chapter):
            if cell.is_code and "solution" not in cell.tags:
                assert shown[cell.id] == cell.position, cell.id


def test_cells_have_ids_that_stay() -> None:
    for chapter in COURSE.chapters:
        for cell in stored(chapter).cells:
            assert re.fullmatch(rf"{chapter.stem}-\d\d", cell.id)


@pytest.mark.parametrize(
    "path",
    [*(c.notebook for c in COURSE.chapters), *pages.generated(COURSE), ROOT / "CONTRIBUTING.md"],
    ids=lambda path: path.name,
)
def test_links_lead_somewhere(path: Path) -> None:
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    else:
        text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (path.parent / link).exists(), link


# The steps of the article that make a call, and what of the table shows that each has it.
ARTICLE = {
    "02": ["test_invoke_method"],
    "03": [
        "create_function",  # Create Function: name, runtime, architecture
        "put_role_policy",  # Configuration, Permissions, Execution role
        "update_function_code",  # paste the code, Deploy
        "invoke",  # Configure test event, Test
        "sns.create_topic",  # the SNS dashboard
        "sns.subscribe",  # the subscription of the fulfillment team
    ],
    "04": [
        "create_function",
        "put_role_policy",
        "update_function_code",
        "invoke",
        "dynamodb.create_table",
        "dynamodb.get_item",  # the DynamoDB dashboard
    ],
    "06": ["urllib3.request", "sqs.get_queue_attributes", "dynamodb.get_item"],
}


@pytest.mark.parametrize("number", ARTICLE)
def test_every_step_of_the_article_stands_in_the_table(number: str) -> None:
    page = pages.console_to_code(COURSE)
    section = page.split(f"## [{COURSE.find(number).title}]")[1].split("\n## ")[0]
    for step in ARTICLE[number]:
        assert step in section
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert all(re.match(r"`\w+\.\w+", row[1]) for row in rows), "a row without a call"


# -- The builder ---------------------------------------------------------------------------------


def notebook_of(*texts: str) -> Any:
    made = nbformat.v4.new_notebook()
    for number, text in enumerate(texts):
        cell = nbformat.v4.new_code_cell("print()", id=f"cell-{number:02}")
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        made.cells.append(cell)
    return made


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def test_a_rebuild_keeps_outputs_that_differ_in_numbers_only(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    asked = "→ dynamodb.get_item{}: ok, 5 ms"
    assert notebooks.write(notebook_of(asked.format(""), "chapter-06-0a1b2c3d\n"), path)
    before = path.read_bytes()
    again = notebook_of(asked.format(", 12 times"), "chapter-06-9f8e7d6c\n")
    assert not notebooks.write(again, path)
    assert path.read_bytes() == before
    assert notebooks.write(notebook_of("Took 5 s.", "chapter-06-0a1b2c3d\n"), path)
    assert "Took 5 s." in path.read_text("utf-8")


def test_pictures_of_measurements_may_differ_those_of_the_chain_may_not(tmp_path: Path) -> None:
    def drawn(name: str, picture: str) -> Any:
        made = notebook_of("Took 5 ms.")
        data, metadata = {"image/png": picture}, {"image/png": {"name": name}}
        output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        made.cells[0].outputs.append(output)
        return made

    path = tmp_path / "a.ipynb"
    assert notebooks.write(drawn("latency", "AAAA"), path)
    assert not notebooks.write(drawn("latency", "BBBB"), path)
    assert notebooks.write(drawn("chain-00", "AAAA"), path)
    assert notebooks.write(drawn("chain-00", "BBBB"), path)


def test_what_was_edited_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    path = tmp_path / "a.ipynb"
    notebooks.refuse_to_lose([path])  # there is nothing to lose
    notebooks.write(notebook_of("tea"), path)
    notebooks.refuse_to_lose([path])  # new, but the builder's own
    edited = read(path)
    edited.cells[0].source = "print('mine')"
    nbformat.write(edited, path)
    with pytest.raises(EditedNotebookError, match=r"Edited or run .*: notebooks/a\.ipynb\. "):
        notebooks.refuse_to_lose([path])
    git("add", ".")
    with pytest.raises(EditedNotebookError):
        notebooks.refuse_to_lose([path])
    git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "mine")
    notebooks.refuse_to_lose([path])  # git has it
    path.write_text("no notebook at all")
    with pytest.raises(EditedNotebookError):
        notebooks.refuse_to_lose([path])


def test_without_git_an_edited_notebook_is_not_overwritten_either(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    notebooks.write(notebook_of("tea"), path)
    notebooks.refuse_to_lose([path])
    path.write_text(path.read_text("utf-8").replace("print()", "print(1)"), "utf-8")
    with pytest.raises(EditedNotebookError):
        notebooks.refuse_to_lose([path])


def test_the_builder_refuses_before_it_executes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(paths: list[Path]) -> None:
        raise EditedNotebookError(f"{paths} were edited")

    monkeypatch.setattr(notebooks, "refuse_to_lose", refuse)
    monkeypatch.setattr(notebooks, "in_own_cloud", lambda **_: pytest.fail("it went on"))
    with pytest.raises(EditedNotebookError):
        notebooks.build_all(COURSE)


def test_the_builder_has_help() -> None:
    assert "Build the notebooks" in run_lab("dev", "notebooks", "--help").stdout


@pytest.mark.long
def test_a_cell_that_fails_stops_the_builder_and_names_the_chapter(aws: Session) -> None:
    notebook = notebooks.build(COURSE, COURSE.find("05"))  # what it builds on is missing
    with pytest.raises(
        notebooks.ChapterFailedError, match=r"(?s)^05 Connect: .*MissingStepError"
    ) as e:
        notebooks.execute(notebook, COURSE.find("05"))
    assert "Traceback" not in str(e.value)


@pytest.mark.long
def test_notebooks_and_scripts_leave_the_same_resources(aws: Session) -> None:
    for number in (*COURSE.set_up, "06"):
        notebooks.execute(notebooks.build(COURSE, COURSE.find(number)), COURSE.find(number))
    by_notebooks = resources(aws)
    assert by_notebooks["functions"] == 3
    lab.here.local.reset(aws.endpoint_url or "")
    assert resources(aws) == {}
    run_chapters(*COURSE.set_up, "06")
    assert resources(aws) == by_notebooks
