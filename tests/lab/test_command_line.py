"""The command line: where one is, versions, names of chapters, Ctrl-C, and JSON."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from IPython.core.interactiveshell import InteractiveShell

from lab.aws.session import Session
from lab.commands import main
from lab.course import COURSE, facade
from lab.course import try_out as trying
from lab.engine import own_functions, working_copies
from lab.errors import UnknownChapterError
from lab.here import failures, last_error
from lab.here.early import STOPPED
from lab.here.own_cloud import environment
from tests.support.chapters import given


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_version_is_that_of_the_package() -> None:
    version = importlib.metadata.version("chain-lambda-functions")
    assert run_lab("--version").stdout == f"chain-lambda-functions {version}\n"


# -- Where one is ----------------------------------------------------------------------------------


def test_lab_alone_begins_with_the_first_chapter_where_nothing_runs(free_port: int) -> None:
    with environment(LAB_PORT=str(free_port)):
        result = run_lab()
    assert result.exit_code == 0
    first, following, *_ = result.stdout.splitlines()
    assert first == "No local cloud runs for this folder, so nothing is set up yet."
    assert following.startswith(f"Next: chapter {COURSE.chapters[0].title}. ")
    assert f"scripts/{COURSE.chapters[0].script.name}" in following


def test_lab_alone_says_what_is_right_and_what_is_next(aws: Session) -> None:
    assert "you have not begun, or have torn it down.\nNext: chapter 01 " in run_lab().stdout
    given(*COURSE.set_up)
    result = run_lab()
    assert result.exit_code == 0
    assert result.stdout.startswith("Looking at the local cloud at ")
    assert "\nRight: 01, 02, 03, 04, 05.\nNext: chapter 06 Verify. " in result.stdout
    assert "Open it with `make lab`, then work/06_verify.ipynb; or run " in result.stdout


def test_lab_alone_sends_one_back_to_what_is_broken(aws: Session) -> None:
    given(*COURSE.set_up)
    aws.client("dynamodb").delete_table(TableName="Orders")
    said = run_lab().stdout
    assert "Right: 01, 02, 03, 05." in said
    assert "Begun: 04 Record orders. `lab check 04` says what is missing or wrong.\n" in said
    assert "Next: chapter 04 Record orders. " in said


# -- Chapters by their names -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["1", "01", "take_orders", "take orders", "Take orders", "TAKE", "01_take_orders",
     "01 Take orders"],
)  # fmt: skip
def test_a_chapter_is_found_by_its_number_and_its_names(name: str) -> None:
    assert COURSE.find(name) is COURSE.chapters[1]


@pytest.mark.parametrize("name", ["ta", "orders", "take_order", "03 Take orders", "_"])
def test_what_is_not_its_name_does_not_find_it(name: str) -> None:
    with pytest.raises(UnknownChapterError):
        COURSE.find(name)


def test_every_chapter_can_be_named() -> None:
    for chapter in COURSE.chapters:
        assert COURSE.find(chapter.name) is chapter
        assert run_lab("hint", chapter.name).stdout == run_lab("hint", chapter.number).stdout


# -- Ctrl-C ----------------------------------------------------------------------------------------


def pressed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["check", "goto", "mail", "explain"])
def test_ctrl_c_says_the_same_in_every_command(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.commands[command], "callback", pressed)
    arguments = [command, "01"] if command == "goto" else [command]
    result = run_lab(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", f"{STOPPED}\n")


_INTERRUPTED = """
import sys

class Loading:
    def find_spec(self, name, *_):
        if name == "boto3":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Loading())
import lab
"""


def test_ctrl_c_while_it_is_still_loading_says_it_too() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert result.stderr == f"{STOPPED}\n"
    assert result.returncode != 0


def test_ctrl_c_at_a_question_says_it_too(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click, "confirm", lambda *_, **__: (_ for _ in ()).throw(click.Abort()))
    monkeypatch.setattr("lab.here.local.refuse_another_folders", lambda url: None)
    result = run_lab("reset")
    assert (result.exit_code, result.stderr) == (1, f"{STOPPED}\n")


def test_ctrl_c_says_it_in_a_notebook_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = InteractiveShell()
    monkeypatch.setattr(failures, "ipython", lambda: shell)
    failures._watch_ipython(facade.report)
    last_error.path().unlink(missing_ok=True)
    shell.run_cell("raise KeyboardInterrupt")
    said = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert said.strip() == STOPPED
    assert last_error.recall() is None  # it is no error


# -- JSON ------------------------------------------------------------------------------------------


def test_explain_and_hint_and_redrive_speak_json(aws: Session) -> None:
    found = json.loads(run_lab("explain", "--json", "Task timed out after 3.00 seconds").stdout)
    assert found["name"] == "A function took too long"
    assert found.keys() == {"error", "name", "means", "where", "cure"}
    assert "A function took too long" in json.loads(run_lab("explain", "--list", "--json").stdout)
    hints = json.loads(run_lab("hint", "05", "--json").stdout)
    assert hints == list(COURSE.find("05").exercise.hints)
    given("01", "02")
    assert json.loads(run_lab("redrive", "--json").stdout)[0]["sent"] == 0


def test_each_difference_is_in_the_json_of_a_check(aws: Session) -> None:
    given("01", "02")
    aws.client("lambda").update_function_configuration(FunctionName="take_order", Timeout=3)
    found = json.loads(run_lab("check", "01", "--json").stdout)["01"]
    (wrong,) = [finding for finding in found if finding["wrong"]]
    (difference,) = wrong["differences"]
    assert difference["wrong"] == wrong["wrong"] == "expected Timeout 15, found 3"
    assert difference["by_hand"] is False and "code cell" in difference["fix"]


# -- What nobody can use ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("try", "take_order"), ("reset", "03", "--notebook")], ids=lambda c: c[0]
)
def test_a_folder_in_the_place_of_a_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for module in (own_functions, working_copies):
        monkeypatch.setattr(module, "WORK" if module is own_functions else "FOLDER", tmp_path)
    for name in ("take_order.py", COURSE.find("03").notebook.name):
        (tmp_path / name).mkdir()
    result = run_lab(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert re.fullmatch(r"LabError: .+ cannot be used: Is a directory\. Move it away, .+", line)


def test_another_fault_of_the_system_is_not_taken_for_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> None:
        raise ConnectionResetError("the other side")

    monkeypatch.setattr(trying, "try_out", gone)
    assert isinstance(run_lab("try", "take_order").exception, ConnectionResetError)


@pytest.mark.parametrize(
    "wrong",
    [
        *("lok", "goto", "goto 99", "try x", "write x", "mail --last x", "hint 01 x", "hint 99"),
        *("reset nope", "check 1 2", "open 99", "console foo", "explain zzz", "dev foo"),
        *("class up /nope.csv", "class cost pyproject.toml", "down --json", "up --foo", "watch x"),
    ],
)
def test_what_is_typed_wrong_is_said_on_standard_error(wrong: str) -> None:
    result = run_lab(*wrong.split())
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr and "integer range" not in result.stderr
    said = result.stderr.rpartition("help.\n\n")[2]
    assert said.startswith(("Error: ", "LabError: ", "RosterError: ", "Unknown", "We do not know"))
    assert isinstance(result.exception, SystemExit)
