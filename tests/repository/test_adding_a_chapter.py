"""CONTRIBUTING.md says how to add a chapter: its steps are followed in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lab.here.folders import ROOT
from lab.here.own_cloud import own_cloud

COPIED = (
    "CONTRIBUTING.md", "README.md", "events", "lab", "lambdas", "localcloud", "notebooks",
    "scripts", "teardown.py",
)  # fmt: skip
SECTION = re.compile(r"^## Adding a chapter\n(.+?)^## ", re.M | re.S)
BLOCK = re.compile(r"^   ```(\w+)\n(.+?)^   ```\n", re.M | re.S)


def steps() -> list[str]:
    """The numbered steps, as they stand."""
    (section,) = SECTION.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    return re.split(r"^\d\. ", section, flags=re.M)[1:]


def block(step: str) -> str:
    """The one block of code of a step."""
    ((_, text),) = BLOCK.findall(step)
    return textwrap.dedent(text)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, tmp_path / name
            )  # with the bytecode, which is half the time
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the `lab` command of the copy."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def dev_check(copy: Path) -> list[str]:
    """What `lab dev check` finds missing; [] if it passes."""
    result = run(copy, "dev", "check")
    lines = (result.stdout or result.stderr).splitlines()
    assert result.returncode == (not lines[0].startswith("All right")), result.stderr
    return lines if result.returncode else []


def write(copy: Path, text: str) -> str:
    """Write the file that the first line of its text names; returns the name."""
    first, _, rest = text.partition("\n")
    name = first.removeprefix("# ")
    (copy / name).write_text(rest, "utf-8")
    return name


@pytest.mark.long
@pytest.mark.timeout(600)  # it runs four chapters and a notebook; some 25 s on an idle machine
def test_the_steps_for_a_new_chapter_lead_to_one_that_works(copy: Path) -> None:
    script, chapter, order, _, notebook, _ = steps()

    name = write(copy, block(script))
    assert dev_check(copy) == [
        f"{name} has no lab/course/chapter_11.py, which says what the chapter is; write it."
    ]
    write(copy, block(chapter))
    old, new = (line[1:].strip() for line in block(order).splitlines())
    course = copy / "lab" / "course" / "__init__.py"
    assert old in course.read_text("utf-8")
    course.write_text(course.read_text("utf-8").replace(old, new), "utf-8")
    missing = dev_check(copy)
    assert all(line.endswith("run `make notebooks`.") for line in missing)
    assert missing[0].startswith("There is no notebooks/11_count_the_cost.ipynb")
    (command,) = re.findall(r"`lab (dev notebooks 11)`", notebook)
    built = run(copy, *command.split())
    assert built.returncode == 0, built.stderr
    assert dev_check(copy) == []

    with own_cloud() as (address, _):
        here = {"AWS_ENDPOINT_URL": address}
        goto = run(copy, "goto", "11", **here)
        assert goto.returncode == 0, goto.stderr
        titles = re.findall(r"^== (\d\d) ", goto.stdout, re.M)
        assert titles == ["01", "02", "03", "04", "05"]
        assert goto.stdout.splitlines()[-1] == f"Ready for 11 Count the cost: {name}"
        check = run(copy, "check", "11", **here)
        assert (check.returncode, check.stderr) == (0, ""), check.stdout
        assert check.stdout.splitlines()[1] == "11 Count the cost: 1 of 1 right."
        hint = run(copy, "hint", "11", **here)
        assert hint.stdout.startswith("Hint 1 of 2: The method's name begins with `tag_`.")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('    builds="nothing; it looks at what the table costs",\n', "", "lacks `builds`"),
        ("CHAPTER =", "OTHER =", "has no `CHAPTER`"),
    ],
)
def test_a_chapter_that_lacks_a_part_is_one_sentence_when_the_program_starts(
    copy: Path, old: str, new: str, said: str
) -> None:
    script, chapter, order, *_ = steps()
    write(copy, block(script))
    write(copy, block(chapter).replace(old, new))
    old, new = (line[1:].strip() for line in block(order).splitlines())
    course = copy / "lab" / "course" / "__init__.py"
    course.write_text(course.read_text("utf-8").replace(old, new), "utf-8")
    for arguments in (("-m", "lab", "status"), ("-m", "lab", "dev", "check"), ("teardown.py",)):
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith("CourseError: lab/course/chapter_11.py")
        assert said in line
