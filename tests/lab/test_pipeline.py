"""`lab up` and `lab down`, as a person and as a script use them."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from lab.aws.session import Session
from lab.commands import main
from lab.course import COURSE
from lab.course.facade import examine
from lab.course.names import names
from lab.course.resources import inventory
from lab.engine import catch_up
from lab.here import local
from lab.here.own_cloud import environment
from tests.support.chapters import BARE_API, given, resources
from tests.support.functions import ANYTHING
from tests.support.processes import run_lab, run_script

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

FIRST, *_ = COURSE.set_up


def said_as_json(*arguments: str, status: int = 0) -> dict[str, Any]:
    """What `lab` says to a script: standard output holds the JSON and nothing else."""
    result = run_lab(*arguments, "--json")
    assert result.returncode == status, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def spoiled(aws: Session) -> None:
    """Something with one of our names that is not ours."""
    aws.client("sqs").create_queue(QueueName=names().queue)


def test_up_says_what_it_would_make_and_makes_just_that(aws: Session) -> None:
    given(FIRST)
    before = resources(aws)
    planned = said_as_json("up", "--dry-run")
    assert resources(aws) == before
    assert {each["chapter"] for each in planned["stands"]} == {FIRST}
    assert len(planned["stands"]) + len(planned["to_make"]) == len(inventory(aws))
    listed = run_lab("up", "--dry-run").stdout.splitlines()
    assert f"  stands   SQS queue {names().queue}" in listed
    assert f"  to make  DynamoDB table {names().table}" in listed
    count = len(planned["to_make"])
    assert listed[-1] == f"{count} to make in account 123456789012, region us-east-1"
    done = said_as_json("up")
    assert (done["stood"], done["made"]) == (planned["stands"], planned["to_make"])
    assert done["wrong"] == []
    assert said_as_json("up", "--dry-run")["to_make"] == []


def test_up_and_down_where_no_cloud_runs_start_none_to_list(free_port: int) -> None:
    with environment(LAB_PORT=str(free_port)):
        planned = said_as_json("up", "--dry-run")
        assert said_as_json("down", "--dry-run") == {"to_delete": []}
        assert said_as_json("down", "--yes") == {"deleted": [], "left": []}
        assert "a local cloud, which `lab up` starts" in run_lab("up", "--dry-run").stdout
        assert local.status(local.address(free_port)) is None
    assert planned["stands"] == []
    assert {each["chapter"] for each in planned["to_make"]} == set(COURSE.set_up)


def test_up_tells_what_is_wrong_after_it(aws: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    given(*COURSE.set_up)
    role = {"RoleName": names().role(names().take_order, "us-east-1")}
    document = json.dumps(ANYTHING)
    aws.client("iam").put_role_policy(**role, PolicyName="mine", PolicyDocument=document)
    done = said_as_json("up", status=1)
    (wrong,) = done["wrong"]
    assert "mine" in wrong["wrong"]
    monkeypatch.setattr(catch_up, "set_up", lambda _: None)  # it was run above
    told = CliRunner().invoke(main, "up")
    assert told.exit_code == 1
    assert "How to fix it:" in told.stderr


def test_up_stops_at_what_is_not_ours(aws: Session) -> None:
    spoiled(aws)
    for arguments in (("up", "--dry-run"), ("up",)):
        result = run_lab(*arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("NotOursError: ")


def test_down_tells_a_script_what_it_deleted_and_what_stays(aws: Session) -> None:
    given(*COURSE.set_up)
    aws.client("apigateway").create_rest_api(name=names().api)
    planned = said_as_json("down", "--dry-run")
    assert len(planned["to_delete"]) == len(inventory(aws))
    assert [each["kind"] for each in planned["not_ours"]] == ["REST API"]
    done = said_as_json("down", "--yes")
    assert done["deleted"] == planned["to_delete"]
    assert (done["left"], done["not_ours"]) == ([], planned["not_ours"])
    assert resources(aws) == BARE_API


def test_down_and_teardown_are_one(aws: Session) -> None:
    given(FIRST)
    for arguments in (("--dry-run",), ("--help",), ("--tea",), ("--json",), ("--yes",)):
        before = resources(aws)
        ours = run_lab("down", *arguments)
        if arguments == ("--yes",):
            assert (resources(aws), ours.returncode) == ({}, 0)
            given(FIRST)
        assert resources(aws) == before
        theirs = run_script("teardown.py", *arguments)
        assert (theirs.returncode, theirs.stdout, theirs.stderr) == (
            ours.returncode,
            ours.stdout,
            ours.stderr,
        )
    assert resources(aws) == {}


@pytest.mark.parametrize("arguments", [("--json",), ("--yeah",), ("tea",)])
def test_a_wrong_option_is_status_2_and_deletes_nothing(
    aws: Session, arguments: tuple[str, ...]
) -> None:
    given(FIRST)
    before = resources(aws)
    result = run_lab("down", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert resources(aws) == before


@pytest.mark.parametrize("command", ["up", "down"])
def test_the_help_names_each_exit_status(command: str) -> None:
    said = CliRunner().invoke(main, [command, "--help"]).output
    for status in ("0 when", "1 when", "2 for", "130 when"):
        assert status in said


@pytest.mark.skipif(os.name != "posix", reason="there is no pseudo-terminal")
def test_down_shows_its_progress_on_a_terminal_only(aws: Session) -> None:
    import pty

    given(FIRST)
    shown = bytearray()

    def read(descriptor: int) -> bytes:
        piece = os.read(descriptor, 1024)
        shown.extend(piece)
        return piece

    status = pty.spawn([sys.executable, "-m", "lab", "down", "--yes"], read)
    text = shown.decode()
    assert (status, "Deleting ━" in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text)) == (0, True), text
    assert text.rstrip().endswith("0 left")
    assert resources(aws) == {}
    given(FIRST)
    piped = run_lab("down", "--yes")
    assert ("Deleting" in piped.stdout + piped.stderr, piped.stderr) == (False, "")
    assert "\x1b" not in piped.stdout
    assert not [f for f in examine(aws, FIRST) if not f.wrong]
