"""The whole course against a local cloud that takes its time as AWS does, and how many calls it
makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.aws.session import Session
from lab.commands import main
from lab.course import COURSE
from lab.here.own_cloud import environment
from tests.support.chapters import UNDONE_BY, resources, run_chapters
from tests.support.clouds import own_cloud
from tests.support.fault_proxy import NOTHING_SENT, FaultProxy, fault_proxy
from tests.support.sessions import hook_clients, make_session

pytestmark = pytest.mark.slow

LIKE_AWS = ("--like-aws", "--speed", "20", "--retry-delay", "0.05")
# The operations of API Gateway's chapters, and of all of them.
_MOST_OF_API_GATEWAY, _MOST_OF_UP, _MOST_OF_DOWN = 40, 200, 100


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result


def how_right() -> list[str]:
    """What `lab check` says of the chapters that set up."""
    titles = tuple(COURSE.find(number).title for number in COURSE.set_up)
    return [line for line in run("check").stdout.splitlines() if line.startswith(titles)]


def is_right(line: str) -> bool:
    """Whether all is right: "NN Name: 3 of 3 right."."""
    right, _, of, _ = line.rpartition(": ")[2].split()
    return right == of and of != "0"


# -- The whole course -----------------------------------------------------------------------------


@pytest.fixture
def like_aws() -> Iterator[Session]:
    with own_cloud(*LIKE_AWS) as (address, _), environment(AWS_ENDPOINT_URL=address):
        yield make_session(address)


@pytest.mark.long
def test_the_course_goes_up_twice_and_down_without_a_hand(like_aws: Session) -> None:
    run("up")
    assert len(how_right()) == len(COURSE.set_up)
    assert all(map(is_right, how_right()))
    made = resources(like_aws)
    run("up")
    assert all(map(is_right, how_right()))
    assert resources(like_aws) == made
    assert run("down", "--yes").stdout.splitlines()[-1] == "0 left"
    run("up")  # names that were just deleted
    assert all(map(is_right, how_right()))
    assert run("down", "--yes").stdout.splitlines()[-1] == "0 left"


def test_the_first_chapter_that_makes_a_function_waits_for_aws(
    like_aws: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    run_chapters(COURSE.set_up[0])
    said = capsys.readouterr()
    assert is_right(said.out.splitlines()[-1]), said.out


@pytest.fixture
def lossy() -> Iterator[tuple[Session, FaultProxy]]:
    """As AWS, behind a proxy that can lose replies."""
    with (
        own_cloud(*LIKE_AWS, "--auth", "off") as (address, _),
        fault_proxy(address) as proxy,
        environment(AWS_ENDPOINT_URL=proxy.address),
    ):
        yield make_session(proxy.address), proxy


@pytest.mark.long
def test_what_was_made_twice_for_lost_replies_is_said_and_goes(
    lossy: tuple[Session, FaultProxy],
) -> None:
    aws, proxy = lossy
    lose_first_replies(proxy, *(each for each in UNDONE_BY if not each.startswith("Update")))
    for _ in range(10):  # what stops at "exists already" finds it the next time
        result = CliRunner().invoke(main, ["up"])
        if result.exit_code == 0 or "DuplicateError" in str(result.exception):
            break
    assert resources(aws)["apis"] == 2, result.output
    deletes = [f"Delete{kind}" for kind in _KINDS]
    lose_first_replies(proxy, *deletes, "RemovePermission", "Unsubscribe", "UpdateUsagePlan")
    assert run("down", "--yes").stdout.splitlines()[-1] == "0 left"
    proxy.set()
    run("up")
    assert all(map(is_right, how_right()))


_KINDS = (
    "ApiKey", "EventSourceMapping", "Function", "LogGroup", "Queue", "RestApi", "Role",
    "RolePolicy", "Table", "Topic", "UsagePlan",
)  # fmt: skip


def lose_first_replies(proxy: FaultProxy, *operations: str) -> None:
    """Lose the reply to the first attempt of each call of these."""
    first = {"headers": {"amz-sdk-request": "attempt=1"}, "response": NOTHING_SENT}
    proxy.set(*({"operation": operation, **first} for operation in operations))


# -- How many calls -------------------------------------------------------------------------------


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many requests go to each service from now on."""
    sent: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:  # "before-send.api-gateway.GetRestApis"
        sent[event_name.split(".")[1]] += 1

    hook_clients(monkeypatch, "before-send", count)
    return sent


def test_it_asks_aws_no_more_than_it_must(aws: Session, requests: Counter[str]) -> None:
    run_chapters(*COURSE.set_up[:2])
    assert 0 < requests["api-gateway"] <= _MOST_OF_API_GATEWAY
    run("up")
    requests.clear()
    run("up")
    assert 0 < requests.total() <= _MOST_OF_UP, requests
    requests.clear()
    run("down", "--yes")
    assert 0 < requests.total() <= _MOST_OF_DOWN, requests
