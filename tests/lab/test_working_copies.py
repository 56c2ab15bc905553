"""The learner's copies of the notebooks: made, kept, brought up to date, and never overwritten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from jupyter_client.kernelspec import KernelSpecManager

from lab.commands import main
from lab.course import COURSE
from lab.engine import kernel, working_copies
from lab.here.folders import ROOT

CHAPTER = COURSE.find("06")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "work"
    monkeypatch.setattr(working_copies, "FOLDER", path)
    monkeypatch.setattr(working_copies, "ROOT", tmp_path)
    return path


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def edit(path: Path, source: str) -> None:
    """As a learner does: write into a cell, and run one."""
    notebook = read(path)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.source += source
    code.outputs = [nbformat.v4.new_output("stream", text="mine")]
    nbformat.write(notebook, path)


def of_an_older_version(path: Path) -> None:
    notebook = read(path)
    notebook.cells[0].source = "an older text"
    notebook.metadata["made_with"] = working_copies._digest(notebook)
    nbformat.write(notebook, path)


def test_copies_have_every_cell_and_no_output() -> None:
    assert working_copies.bring_up_to_date(COURSE) == []
    for chapter in COURSE.chapters:
        copy, kept = read(working_copies.path_of(chapter)), read(chapter.notebook)
        assert [c.source for c in copy.cells] == [c.source for c in kept.cells]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in copy.cells)
    assert (working_copies.path_of(CHAPTER).parent / "troubleshooting.md").exists()


def test_git_ignores_the_copies() -> None:
    asked = ["git", "check-ignore", "work/06_verify.ipynb"]
    assert subprocess.run(asked, cwd=ROOT, capture_output=True).returncode == 0


def test_what_was_edited_stays_and_what_was_deleted_comes_back(folder: Path) -> None:
    working_copies.bring_up_to_date(COURSE)
    path = working_copies.path_of(CHAPTER)
    edit(path, "\n# mine")
    (folder / COURSE.find("07").notebook.name).unlink()
    assert working_copies.bring_up_to_date(COURSE) == []
    assert "# mine" in path.read_text("utf-8")
    assert (folder / COURSE.find("07").notebook.name).exists()


def test_a_copy_of_an_older_version_is_replaced_if_nobody_has_edited_it() -> None:
    working_copies.bring_up_to_date(COURSE)
    path = working_copies.path_of(CHAPTER)
    of_an_older_version(path)
    edit(path, "")  # it was run
    assert working_copies.bring_up_to_date(COURSE) == []
    assert "an older text" not in path.read_text("utf-8")
    of_an_older_version(path)
    edit(path, "\n# mine")
    (said,) = working_copies.bring_up_to_date(COURSE)
    assert "work/06_verify.ipynb has changes of yours" in said.replace("\\", "/")
    assert "lab reset 06 --notebook" in said
    assert "# mine" in path.read_text("utf-8")


@pytest.mark.parametrize("content", ["", "no JSON", "[]", "{}"])
def test_what_cannot_be_read_is_kept(content: str) -> None:
    working_copies.bring_up_to_date(COURSE)
    path = working_copies.path_of(CHAPTER)
    path.write_text(content, "utf-8")
    assert len(working_copies.bring_up_to_date(COURSE)) == 1
    kept = working_copies.make_fresh(CHAPTER)
    assert kept is not None and kept.read_text("utf-8") == content


def test_a_fresh_copy_keeps_each_edited_one() -> None:
    assert working_copies.make_fresh(CHAPTER) is None
    path = working_copies.path_of(CHAPTER)
    for number in (1, 2):
        edit(path, f"\n# mine {number}")
        kept = working_copies.make_fresh(CHAPTER)
        assert kept is not None and kept.name == f"06_verify.mine-{number}.ipynb"
        assert f"# mine {number}" in kept.read_text("utf-8")
        assert "# mine" not in path.read_text("utf-8")
    edit(path, "")
    assert working_copies.make_fresh(CHAPTER) is None  # only run


def test_a_copy_names_a_kernel_which_this_environment_then_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    kernel.install()
    working_copies.bring_up_to_date(COURSE)
    found = KernelSpecManager(kernel_dirs=[str(tmp_path / "share" / "jupyter" / "kernels")])
    copy = nbformat.read(working_copies.path_of(CHAPTER), as_version=4)
    name = copy.metadata.kernelspec.name
    assert name != "python3"
    assert found.get_kernel_spec(name).argv[0] == sys.executable
    assert found.get_kernel_spec(name).display_name == copy.metadata.kernelspec.display_name


def test_flags_go_to_jupyter_and_root_may(folder: Path) -> None:
    command = working_copies.jupyter(CHAPTER, ("--no-browser", "--port=9000"), is_root=True)
    assert command[-3:] == ["--allow-root", "--no-browser", "--port=9000"]
    assert "--LabApp.default_url=/lab/tree/work/06_verify.ipynb" in command
    assert "--allow-root" not in working_copies.jupyter(CHAPTER, (), is_root=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("reset", "--notebook"), "Which notebook?"),
        (("reset", "99", "--notebook"), "There is no chapter '99'"),
        (("open", "99"), "There is no chapter '99'"),
    ],
)
def test_the_commands_say_which_notebook_they_mean(arguments: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0 and says in result.output


def test_reset_makes_a_fresh_notebook_and_undoes_nothing_else() -> None:
    working_copies.bring_up_to_date(COURSE)
    edit(working_copies.path_of(CHAPTER), "\n# mine")
    result = CliRunner().invoke(main, ["reset", "06", "--notebook"])
    assert result.exit_code == 0
    assert "06_verify.mine-1.ipynb" in result.output
