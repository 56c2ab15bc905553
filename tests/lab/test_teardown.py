"""Teardown: all of a name in one run, and on a connection that loses replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.retryhandler
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

import teardown
from lab.aws import deletion
from lab.aws.inventory import Resource, delete_step
from lab.aws.session import Session
from lab.course import COURSE
from lab.course.facade import examine
from lab.course.names import names, tags
from lab.course.resources import inventory
from lab.errors import DuplicateError
from lab.here import local
from lab.here.own_cloud import environment
from tests.support.chapters import BARE_API, UNDONE_BY, given, resources, run_chapters
from tests.support.clouds import own_cloud
from tests.support.fault_proxy import NOTHING_SENT, FaultProxy, fault_proxy
from tests.support.functions import ANYTHING
from tests.support.processes import run_lab, run_script
from tests.support.sessions import make_session

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("teardown")]

CLOUD = ("--retry-delay", "0.05", "--auth", "off")  # the arguments of the cloud behind the proxy
DELETES = (
    "DeleteEventSourceMapping", "DeleteFunction", "DeleteLogGroup", "DeleteQueue", "DeleteRestApi",
    "DeleteRole", "DeleteRolePolicy", "DeleteTable", "DeleteTopic", "DeleteUsagePlan",
    "DeleteApiKey", "DetachRolePolicy", "RemovePermission", "Unsubscribe", "UpdateUsagePlan",
)  # fmt: skip


# -- More than one of a name --------------------------------------------------------------------


def make_a_second(aws: Session, **more: Any) -> None:
    """One more REST API, usage plan and API key of our names; with our tags if they are given."""
    api = aws.client("apigateway")
    api.create_rest_api(name=names().api, **more)
    api.create_usage_plan(name=names().usage_plan, **more)
    api.create_api_key(name=names().api_key, **more)


def test_a_check_counts_and_a_chapter_that_finds_two_says_so(aws: Session) -> None:
    given("01", "02")
    make_a_second(aws, tags=tags())
    before = resources(aws)
    wrong = {finding.what: finding for finding in examine(aws, "02") if finding.wrong}
    for what in ("REST API Orders", "usage plan Orders-shop-plan", "API key Orders-shop-key"):
        assert wrong[what].wrong == f"expected 1 {what}, found 2"
        assert "`lab reset 02`" in wrong[what].fix
    for number in ("02", "06"):
        with pytest.raises(DuplicateError, match=r"Expected 1 REST API Orders, found 2.*reset 02"):
            run_chapters(number)
    assert resources(aws) == before
    undone = run_lab("reset", "02")  # what both of them name
    assert undone.returncode == 0, undone.stderr
    run_chapters("02")
    assert not any(finding.wrong for finding in examine(aws, "02"))


def test_one_teardown_deletes_all_of_ours_and_names_what_others_have(aws: Session) -> None:
    given(*COURSE.set_up)
    make_a_second(aws, tags=tags())
    make_a_second(aws, tags=tags())
    make_a_second(aws)
    result = run_script("teardown.py", "--yes")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "0 left"), result.stderr
    assert result.stdout.count("Deleted the REST API Orders.") == 3
    assert result.stdout.count("REST API Orders  (not ours: stays)") == 1
    assert resources(aws) == {**BARE_API, "usage plans": 1, "api keys": 1}


def test_strangers_beside_ours_are_no_matter_for_a_check(aws: Session) -> None:
    given("01", "02")
    make_a_second(aws)
    assert not any(finding.wrong for finding in examine(aws, "01"))


def of(find_all: Callable[[], list[str]], delete: Callable[[str], object]) -> Resource:
    """A resource of ours."""
    return Resource("thing", "tea", "01", "queue", find_all, lambda _: tags(), delete, tags())


def test_what_a_listing_did_not_show_at_first_goes_too() -> None:
    there, late = ["first"], ["second"]

    def delete(found_id: str) -> None:
        there.remove(found_id)
        there.extend(late)
        late.clear()

    assert deletion.tear_down([of(lambda: list(there), delete)]) == []
    assert there == []


def test_what_cannot_be_deleted_is_tried_once_whatever_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried: list[str] = []

    def delete(found_id: str) -> None:
        tried.append(found_id)
        raise ReadTimeoutError(endpoint_url=f"http://{found_id}")

    left = deletion.tear_down([of(lambda: ["a", "b"], delete)])
    assert [found.id for found in left] == ["a", "b"]
    assert tried == ["a", "b"]
    assert capsys.readouterr().err.count("could not be deleted: Read timeout") == 2


# -- Replies that get lost ------------------------------------------------------------------------


def failing(code: str) -> Callable[[], None]:
    def step() -> None:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "DeleteTea")

    return step


@pytest.mark.parametrize(
    ("code", "there", "fails"),
    [
        ("NoSuchEntity", True, False),  # by AWS's word
        ("InternalFailure", False, False),  # by looking
        ("AccessDenied", True, True),
    ],
)
def test_what_is_gone_is_deleted(code: str, there: bool, fails: bool) -> None:
    if not fails:
        delete_step(failing(code), lambda: there)
        return
    with pytest.raises(ClientError, match=code):
        delete_step(failing(code), lambda: there)


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultProxy]:
    with own_cloud(*CLOUD) as (address, _), fault_proxy(address) as found:
        yield found


def attach_a_policy(aws: Session) -> None:
    """As a learner would in the console."""
    iam = aws.client("iam")
    document = json.dumps(ANYTHING)
    arn = iam.create_policy(PolicyName="any", PolicyDocument=document)["Policy"]["Arn"]
    role = names().role(names().take_order, "us-east-1")
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)


@pytest.fixture
def lossy(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session whose calls go through the proxy, and that does not pause before it repeats one."""
    monkeypatch.setattr(botocore.retryhandler, "delay_exponential", lambda *_, **__: 0)
    with environment(AWS_ENDPOINT_URL=proxy.address):
        local.reset(proxy.address)
        yield make_session(proxy.address)
        proxy.set()


def lose_every_first_reply(proxy: FaultProxy, *operations: str) -> None:
    """Of every call of these operations: boto3 says with each request which attempt it is."""
    first = {"headers": {"amz-sdk-request": "attempt=1"}, "response": NOTHING_SENT}
    proxy.set(*({"operation": operation, **first} for operation in operations))


@pytest.mark.long
def test_teardown_with_every_first_reply_lost_leaves_nothing(
    lossy: Session, proxy: FaultProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    run_chapters(*COURSE.set_up)
    attach_a_policy(lossy)
    lose_every_first_reply(proxy, *DELETES)
    lost = proxy.fired().total()
    capsys.readouterr()
    assert teardown.tear_down(lossy) == []
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("Deleted the ") == len(inventory(lossy))
    assert proxy.fired().total() - lost >= len(inventory(lossy))
    assert resources(lossy) == {}


def test_set_up_with_every_first_reply_lost_is_noticed_and_torn_down(
    lossy: Session, proxy: FaultProxy
) -> None:
    lose_every_first_reply(proxy, *UNDONE_BY)
    for _ in range(10):  # a chapter that stops at "exists already" finds it the next time
        try:
            run_chapters(*COURSE.set_up)
            break
        except ClientError:
            continue
        except DuplicateError:
            break
    assert resources(lossy)["apis"] == 2
    wrong = [finding.wrong for finding in examine(lossy, "02") if finding.wrong]
    assert "expected 1 REST API Orders, found 2" in wrong
    lose_every_first_reply(proxy, *DELETES)
    assert teardown.tear_down(lossy) == []
    assert resources(lossy) == {}
