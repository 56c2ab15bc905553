"""The doors besides make: Windows, the host's CI, a dev container and Binder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from lab.here.folders import ROOT

README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def workflow() -> dict[str, Any]:
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found["jobs"]


def test_the_hosts_ci_runs_ours_on_each_python_and_what_the_readme_says_on_windows() -> None:
    jobs = workflow()
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    least = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "requires-python"
    ]
    assert least == f">={matrix['python'][0]}"
    assert jobs["test"]["steps"][-1]["run"] == ".ci/run"
    assert jobs["long"]["steps"][-1]["run"] == "make long"
    said = [step["run"] for step in jobs["windows"]["steps"] if "run" in step]
    # GitHub's machine has one Python, which is called python.
    assert [line.replace("python -m venv", "py -m venv") for line in said] == windows_lines()


def windows_lines() -> list[str]:
    """The commands that README.md gives for Windows."""
    block = README.partition("Windows has no make")[2].partition("```bat\n")[2].partition("```")[0]
    return block.splitlines()


def test_the_lines_for_windows_name_files_that_there_are() -> None:
    first, second = windows_lines()
    (lock,) = re.findall(r"-r (\S+)", first)
    assert (ROOT / lock).exists()
    (marks,) = re.findall(r"^test: .*\n\t@\S+/pytest (.*)$", MAKEFILE, re.M)
    assert second == f".venv\\Scripts\\pytest {marks}"


@pytest.mark.parametrize("marks", [*product([False, True], repeat=3)], ids=str)
def test_each_test_is_in_one_lane_and_check_runs_two_of_them(marks: tuple[bool, ...]) -> None:
    values = dict(zip(("slow", "long", "soak"), marks, strict=True))
    chosen = {
        target: bool(eval(expression.strip('"'), {}, values))
        for target, expression in re.findall(
            r"^(\w+): .*\n\t@\S+/pytest.* -m (.+)$", MAKEFILE, re.M
        )
    }
    assert chosen.keys() == {"test", "slow", "long", "soak", "check"}
    assert chosen.pop("check") == (chosen["test"] or chosen["soak"])
    assert sum(chosen.values()) == 1


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project after the first line for Windows, with paths as POSIX has them."""
    copy = checkout(tmp_path_factory.mktemp("installed"))
    first, _ = windows_lines()
    line = (
        first.replace("\\", "/").replace("Scripts", "bin").replace("py -m", f"{sys.executable} -m")
    )
    done = subprocess.run(
        ["sh", "-c", line], cwd=copy, env=quick_pip(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (copy / "said").write_text(done.stdout)
    return copy


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.xdist_group("installed")
@pytest.mark.long
@pytest.mark.timeout(1800)  # pip takes a minute, and ten on a busy machine
def test_the_lines_for_windows_work_where_the_paths_are_posix(installed: Path) -> None:
    assert "Done in" in (installed / "said").read_text()


def test_the_dev_container_makes_what_the_makefile_has() -> None:
    found = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    assert (ROOT / ".devcontainer" / found["build"]["dockerfile"]).exists()
    (target,) = re.findall(r"make (\S+)", found["postCreateCommand"])
    assert f"\n{target}:" in MAKEFILE
    assert ".venv/bin/python" in json.dumps(found["customizations"])


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.xdist_group("installed")
@pytest.mark.long
@pytest.mark.timeout(1800)  # pip takes a minute, and ten on a busy machine
def test_binders_steps_give_an_environment_that_is_ready(installed: Path) -> None:
    """They name the same lock, which pip finds installed; in that environment `lab demo` ran."""
    binary = installed / ".venv" / "bin"
    environment = {**quick_pip(), "PATH": f"{binary}{os.pathsep}{os.environ['PATH']}"}
    steps = subprocess.run(
        [installed / ".binder" / "postBuild"],
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert steps.returncode == 0, steps.stderr[-2000:]
    listed = subprocess.run(
        ["jupyter", "kernelspec", "list", "--json"], env=environment, capture_output=True, text=True
    )
    assert "chain-lambda-functions" in json.loads(listed.stdout)["kernelspecs"]
    proxy = [str(binary / "python"), "-c", "import jupyter_server_proxy"]
    assert subprocess.run(proxy).returncode == 0


def quick_pip() -> dict[str, str]:
    """An environment in which pip leaves the compiling to those who import."""
    return {**os.environ, "PIP_COMPILE": "0"}


def checkout(folder: Path) -> Path:
    """A copy of what git has of the project, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    copy = folder / "copy"
    for name in listed.stdout.splitlines():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return copy
