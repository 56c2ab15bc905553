"""`lab class status --local`: how far the users of one machine are, for those who may look.

These tests need other users: they run where the tests run as root, with a Python that another user
can start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clones import STRANGER, Clone, clone_of_another_user
from tests.support.processes import Completed, run_lab

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stranger")]

ANA, BO, CY = str(STRANGER), str(STRANGER + 1), str(STRANGER + 2)


@pytest.fixture(scope="module")
def ana() -> Iterator[Clone]:
    """A user with a cloud, in which chapter 01 has been done, and what it made is broken."""
    with clone_of_another_user() as made:
        for folder in (made.home, made.folder):
            folder.chmod(0o755)  # as on a server, where everybody may read it
        done = made.run("scripts/01_take_orders.py")
        assert done.returncode == 0, done.stderr
        delete = "sqs = lab.session().client('sqs'); sqs.delete_queue(QueueUrl=sqs.get_queue_url("
        broken = made.run("-c", f"import lab; {delete}QueueName='CustomerOrders')['QueueUrl'])")
        assert broken.returncode == 0, broken.stderr
        yield made
        made.lab("stop")


@pytest.fixture(scope="module")
def bo(ana: Clone) -> Iterator[Clone]:
    """Another user with a cloud, of the same installation, who has not begun."""
    home = ana.home / "bo"
    home.mkdir()
    home.chmod(0o755)
    made = replace(ana, home=home, user=int(BO))
    os.chown(home, int(BO), int(BO))
    assert made.lab("start").returncode == 0
    yield made
    made.lab("stop")


@pytest.fixture
def root(ana: Clone, tmp_path: Path) -> Clone:
    """The instructor, who uses the same installation."""
    return replace(ana, home=tmp_path, user=None)


def status(who: Clone, *users: str, expected: int = 0) -> str:
    asked = [part for user in users for part in ("--user", user)]
    done = who.lab("class", "status", "--local", *asked)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.long
def test_root_sees_how_far_each_is_and_what_they_take(ana: Clone, bo: Clone, root: Clone) -> None:
    said = root.lab("class", "status", "--local", "--user", ANA, "--user", BO, "--json")
    assert said.returncode == 0, said.stderr
    first, second = json.loads(said.stdout)
    assert (first["learner"], second["learner"]) == (ANA, BO)
    assert (first["chapters"]["01"], second["chapters"]["01"]) == ("wrong", "not begun")
    assert (first["stuck"], second["stuck"]) == ("01", "")
    assert "SQS queue CustomerOrders" in first["on"]
    assert first["folder"] == second["folder"] == str(ana.folder)
    assert first["address"] != second["address"]
    assert all(20 < each["megabytes"] < 1000 for each in (first, second))
    assert first["processes"] >= second["processes"] >= 1
    grid = status(root, ANA, BO).splitlines()
    assert grid[0].split()[-3:] == ["MB", "processes", "stuck"]
    assert grid[1].split()[:2] == [ANA, "WRONG"] and grid[2].split()[:2] == [BO, "-"]
    assert grid[-1].startswith("In all: ")
    everybody = json.loads(root.lab("class", "status", "--local", "--json").stdout)
    assert {ANA, BO} <= {each["learner"].partition(" ")[0] for each in everybody}


def test_a_user_sees_their_own_cloud_and_no_others(ana: Clone, bo: Clone) -> None:
    assert [line.split()[0] for line in status(bo).splitlines()[1:2]] == [BO]
    assert ANA not in status(bo)
    refused = status(bo, ANA, expected=1)
    assert refused.splitlines()[0] == (
        f"TargetError: The local cloud of {ANA} is for {ANA} and root only, and you are {BO}. Run "
        "this as root, or ask for your own."
    )


def test_one_without_a_cloud_is_said(ana: Clone, root: Clone) -> None:
    said = status(root, ANA, CY, expected=1)
    assert f"{CY}" in said and "not known: no local cloud runs" in said
    nobody = replace(ana, home=ana.home / "nowhere", user=int(CY))
    assert status(nobody).startswith("No local cloud runs here that you may look at.")


def test_root_reads_nothing_of_a_users_and_leaves_nothing_there(ana: Clone, root: Clone) -> None:
    """Their key file stays theirs, and their last error is not ours."""
    before = {path: path.stat().st_mtime_ns for path in ana.home.rglob("*.json")}
    status(root, ANA)
    assert {path: path.stat().st_mtime_ns for path in ana.home.rglob("*.json")} == before
    assert all(path.stat().st_uid == STRANGER for path in (ana.home / "state").rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name a ROSTER, or add --local"),
        (("roster.csv", "--local"), "Name a ROSTER, or add --local, which takes none."),
        (("roster.csv", "--user", "ana"), "--user is for --local"),
    ],
)
def test_a_roster_or_this_machine(arguments: tuple[str, ...], said: str) -> None:
    result: Completed = run_lab("class", "status", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
