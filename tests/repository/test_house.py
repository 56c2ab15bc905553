"""The rules that keep the rooms apart, and what the lock files, make and CI promise."""

from __future__ import annotations

import ast
import datetime
import re
import subprocess
from pathlib import Path

import pytest

import lab
from lab.aws.packaging import RUNTIME_ENDS
from lab.course import COURSE
from lab.engine import house
from lab.here.folders import ROOT

each_file = pytest.mark.parametrize(
    "path", house.code(), ids=lambda path: str(path.relative_to(ROOT))
)


@each_file
def test_each_room_imports_from_where_it_may(path: Path) -> None:
    assert list(house.wrong_imports(path)) == []


@each_file
def test_a_module_opens_by_saying_its_job(path: Path) -> None:
    assert list(house.missing_opening(path)) == []


@each_file
def test_a_chapter_is_named_in_the_course_and_in_the_scripts_only(path: Path) -> None:
    assert list(house.chapter_numbers(path, COURSE.numbers)) == []


@each_file
def test_a_post_says_how_long_it_waits(path: Path) -> None:
    """urllib3.request gives up after 3 s unless told. A cold start can take longer, and API Gateway
    answers within 29. Solutions count, too: they are comments."""
    text = path.read_text("utf-8")
    calls = re.findall(r"urllib3\.request\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", text)
    assert len(calls) == text.count("urllib3.request(")
    assert [call for call in calls if "timeout=" not in call] == []


BROKEN = [
    ("lab/aws/a.py", "import moto.core", "lab/aws/a.py imports moto, which nothing in lab may"),
    ("localcloud/a.py", "from lab import x", "localcloud/a.py imports lab"),
    ("localcloud/sqs/a.py", "import teardown", "localcloud/sqs/a.py imports teardown"),
    ("lambdas/a.py", "import localcloud.http", "lambdas/a.py imports localcloud"),
    ("scripts/a.py", "from localcloud import x", "scripts/a.py imports localcloud"),
    ("lab/engine/a.py", "from lab.course.names import names", "lab/engine/a.py imports lab.course"),
    ("lab/here/a.py", "from lab import course", "lab/here/a.py imports lab.course"),
    ("lab/aws/a.py", "if x:\n    import lab.course", "lab/aws/a.py imports lab.course"),
    ("lab/errors.py", "from lab import course", "lab/errors.py imports lab.course"),
    ("lab/course/a.py", "from lab.commands import dev", "lab/course/a.py imports lab.commands"),
    ("teardown.py", "import moto", "teardown.py imports moto"),
    ("lab/here/a.py", "x = '05'", "lab/here/a.py, line 2, names a chapter: '05'"),
    ("localcloud/a.py", "# as chapter 05 does", "localcloud/a.py, line 2, names a chapter"),
    ("lab/commands/a.py", 'x = "`lab goto 05`"', "lab/commands/a.py, line 2, names a chapter"),
]


@pytest.mark.parametrize(("name", "line", "said"), BROKEN)
def test_a_broken_rule_is_a_sentence_that_names_the_file(
    tmp_path: Path, name: str, line: str, said: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'"""Its job."""\n{line}\n')
    (tmp_path / "teardown.py").touch(exist_ok=True)
    found = [each for each in house.broken_rules(["05"], tmp_path) if "does not open" not in each]
    assert len(found) == 1, found
    assert found[0].startswith(said)


def test_the_course_may_name_its_chapters(tmp_path: Path) -> None:
    for name in ("lab/course/a.py", "scripts/a.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = '05'")
        assert list(house.chapter_numbers(path, ["05"], tmp_path)) == []


def test_the_runtime_is_supported_for_another_half_year() -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    deprecated = {
        "python3.12": datetime.date(2028, 10, 31),
        "python3.13": datetime.date(2029, 6, 30),
        "python3.14": datetime.date(2029, 6, 30),
    }
    half_a_year = datetime.timedelta(days=182)
    assert deprecated[lab.RUNTIME] == RUNTIME_ENDS
    assert deprecated[lab.RUNTIME] > datetime.date.today() + half_a_year


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_lock_files_pin_by_hash_and_name_no_host() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text("utf-8")
        assert "://" not in text
        assert "--index-url" not in text
        entries = re.findall(r"^\S+==\S+.*(?:\n +--hash=sha256:[0-9a-f]{64}.*)+", text, re.M)
        least = 1 if lock.name == "requirements-uv.lock" else 40
        assert len(entries) == len(re.findall(r"^[a-z0-9]\S*==", text, re.M)) >= least


def test_all_lock_files_agree() -> None:
    pins = {
        lock.name: dict(re.findall(r"^([a-z0-9][\w.\[\]-]*)==(\S+)", lock.read_text("utf-8"), re.M))
        for lock in ROOT.glob("requirements*.lock")
    }
    assert pins["requirements-uv.lock"].keys() == {"uv"}
    assert len(pins) == 4
    for pinned in pins.values():
        assert pinned.items() <= pins["requirements-dev.lock"].items()


def test_uv_is_locked_by_the_hashes_of_the_other_lock() -> None:
    uv = (ROOT / "requirements-uv.lock").read_text("utf-8")
    assert uv in (ROOT / "requirements-dev.lock").read_text("utf-8")


def test_make_lists_its_targets() -> None:
    listing = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "lint", "check", "bench"):
        assert re.search(rf"make {target} +\S", listing.stdout)


def test_ci_runs_what_the_readme_gives() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^make \w+$", (ROOT / ".ci" / "run").read_text("utf-8"), re.M)
    assert "make test" in commands
    for command in commands:
        assert command in readme


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_test_imports_another_one_or_a_benchmark(path: Path) -> None:
    froms = (
        n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.ImportFrom)
    )
    modules = [node.module or "" for node in froms]
    assert [
        m for m in modules if m.startswith(("benchmarks", "tests.conftest")) or ".test_" in m
    ] == []
