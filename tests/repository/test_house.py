"""The rules that keep the rooms apart, and what must not be in the repository."""

from __future__ import annotations

import ast
import datetime
import re
import subprocess
from pathlib import Path

import pytest

import lab
from lab.here.folders import ROOT

CODE = [
    path
    for folder in ("lab", "localcloud", "scripts", "lambdas")
    for path in sorted((ROOT / folder).rglob("*.py"))
] + [ROOT / "teardown.py"]


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    plain = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    froms = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    return {name.split(".")[0] for name in plain + froms}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_room_imports_from_where_it_may(path: Path) -> None:
    room, found = path.relative_to(ROOT).parts[0], imported(path)
    if room != "localcloud":
        assert "moto" not in found
    if room in ("localcloud", "lambdas"):
        assert not found & {"lab", "scripts", "teardown"}
    if room == "lambdas":
        assert "localcloud" not in found
    if room == "scripts":
        assert "localcloud" not in found


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_by_saying_its_job(path: Path) -> None:
    if path.parent.name == "scripts":
        assert "# %% [markdown]" in path.read_text("utf-8")
    else:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_the_runtime_is_supported_for_another_half_year() -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    deprecated = {
        "python3.12": datetime.date(2028, 10, 31),
        "python3.13": datetime.date(2029, 6, 30),
        "python3.14": datetime.date(2029, 6, 30),
    }
    half_a_year = datetime.timedelta(days=182)
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
        assert len(entries) == len(re.findall(r"^[a-z0-9]\S*==", text, re.M)) > 40


def test_both_lock_files_agree() -> None:
    pins = [
        dict(re.findall(r"^([a-z0-9][\w.\[\]-]*)==(\S+)", path.read_text("utf-8"), re.M))
        for path in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
    ]
    assert pins[0].items() <= pins[1].items()


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
