"""`lab policy`: it is enough for all that a learner does, and nothing in it is too much."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_action_data

from lab.aws import permissions, reads
from lab.aws import session as sessions
from lab.aws.session import Session
from lab.commands.dev import use_commands
from lab.course import COURSE, facade, learner_policy
from lab.course.names import Names
from lab.engine import catch_up
from lab.engine.permissions import permissions_of
from tests.support.chapters import resources
from tests.support.processes import run_lab
from tests.support.sessions import SettledSession

pytestmark = pytest.mark.xdist_group("policy")

ACCOUNT, REGION = "123456789012", "us-east-1"
ACTIONS = learner_policy.recorded_actions()
LARGEST = 6144  # characters of a managed policy, without white space


def policy(actions: list[str] = ACTIONS, prefix: str = "") -> dict[str, Any]:
    return learner_policy.policy(Names(prefix), ACCOUNT, REGION, actions)


@contextmanager
def user(aws: Session, name: str) -> Iterator[Session]:
    """Works with the keys of an IAM user of that name, who may do nothing yet."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    yield SettledSession(aws.endpoint_url, **keys, region_name=REGION)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


@pytest.fixture
def learner(aws: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """From now on the course works in this cloud with the keys of an IAM user, who may do nothing
    yet."""
    at = sessions._at
    with user(aws, "learner") as made:
        monkeypatch.setattr(
            sessions,
            "_at",
            lambda url, region: made if url == aws.endpoint_url else at(url, region),
        )
        yield made


@pytest.fixture
def short_of_one(aws: Session, learner: Session) -> Iterator[ShortOfOne]:
    with user(aws, ShortOfOne.name) as other:
        yield ShortOfOne(aws, learner, other)


class ShortOfOne:
    """Somebody whose policy always lacks one action. They make each call of the learner's just
    before the learner does, without one of the actions that it needs, until they are refused.
    `refused` are those actions, `not_refused` what came of the others."""

    name = "short-of-one"

    def __init__(self, aws: Session, learner: Session, other: Session) -> None:
        self.refused: set[str] = set()
        self.not_refused: dict[str, str] = {}
        self._aws, self._other = aws, other
        self._one_at_a_time = Lock()  # the learner makes several calls at once
        learner.events.register("before-parameter-build", self._try_without)

    def _try_without(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        for action in {*permissions.needed(model, params)} - self.refused:
            with self._one_at_a_time:
                allow(self._aws, policy([each for each in ACTIONS if each != action]), self.name)
                said = self._answer(model, copy.deepcopy(params))
            # What is without its tags is not ours, so that nobody changes or deletes it.
            is_shown = action == "lambda:ListTags" and "'Configuration'" in said
            has_no_tags = is_shown and "'Tags'" not in said
            if f"not authorized to perform: {action}".lower() in said.lower() or has_no_tags:
                self.refused.add(action)
                self.not_refused.pop(action, None)
            else:
                self.not_refused[action] = f"{model.name}: {said[:200]}"

    def _answer(self, model: Any, params: dict[str, Any]) -> str:
        client = self._other.client(model.service_model.service_name)
        with reads.each_time():  # else this answer would be kept for the learner
            try:
                return str(getattr(client, xform_name(model.name))(**params))
            except ClientError as error:
                return str(error)


def allow(aws: Session, document: dict[str, Any], name: str = "learner") -> None:
    """Give a user this policy, which is too large for one of the user's own."""
    iam, arn = aws.client("iam"), f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.detach_user_policy(UserName=name, PolicyArn=arn)
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_policy(PolicyArn=arn)
    iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
    iam.attach_user_policy(UserName=name, PolicyArn=arn)


def set_up_and_tear_down(learner: Session) -> None:
    catch_up.set_up(COURSE)
    wrong = [f.what for n in COURSE.set_up for f in facade.examine(learner, n) if f.wrong]
    assert not wrong
    assert facade.tear_down(learner) == []


@pytest.mark.slow
def test_it_is_enough_and_not_too_much_to_set_up_to_check_and_to_tear_down(
    aws: Session, learner: Session, short_of_one: ShortOfOne
) -> None:
    allow(aws, policy())
    set_up_and_tear_down(learner)
    assert resources(aws) == {}
    assert short_of_one.not_refused == {}
    assert {"sqs:TagQueue", "apigateway:POST", "iam:PassRole"} <= short_of_one.refused


@pytest.mark.long
def test_it_is_enough_for_all_chapters_and_commands_and_no_action_is_too_much(
    aws: Session, learner: Session, short_of_one: ShortOfOne
) -> None:
    allow(aws, policy())
    recorded = permissions_of(COURSE, learner, use_commands)
    assert sorted(recorded) == ACTIONS, "run `lab dev permissions`"
    assert resources(aws) == {}
    assert short_of_one.not_refused == {}
    assert sorted(short_of_one.refused) == ACTIONS


def test_the_names_of_another_learner_are_not_in_it(aws: Session, learner: Session) -> None:
    allow(aws, policy(prefix="ana-"))
    with pytest.raises(ClientError, match="not authorized to perform: sqs:"):
        set_up_and_tear_down(learner)


def test_aws_knows_each_action_and_lets_one_say_on_what_it_is_allowed() -> None:
    for statement in policy()["Statement"]:
        for action in statement["Action"]:
            service, name = action.split(":")
            known = get_action_data(service, name)
            assert known, action
            limited = any(each["resource_arn_format"] != "*" for each in known[service])
            keys = {key for each in known[service] for key in each["condition_keys"]}
            asked = {key for test in statement.get("Condition", {}).values() for key in test}
            assert asked <= keys, action
            assert limited or statement["Resource"] == ["*"], action
            if limited and not asked:
                assert "*" not in statement["Resource"], action


def test_every_recorded_action_is_in_it_and_it_is_not_too_large() -> None:
    for prefix in ("", "a" * 19 + "-"):
        document = policy(prefix=prefix)
        assert {a for s in document["Statement"] for a in s["Action"]} == set(ACTIONS)
        assert len(json.dumps(document, separators=(",", ":"))) <= LARGEST


@pytest.mark.parametrize(
    ("service", "call", "parameters", "actions"),
    [
        ("sqs", "CreateQueue", {"tags": {}}, {"sqs:CreateQueue", "sqs:TagQueue"}),
        ("sqs", "CreateQueue", {}, {"sqs:CreateQueue"}),
        ("iam", "CreateRole", {"Tags": []}, {"iam:CreateRole", "iam:TagRole"}),
        (
            *("lambda", "CreateFunction", {"Role": "r", "Tags": {}}),
            {"lambda:CreateFunction", "lambda:TagResource", "iam:PassRole"},
        ),
        ("lambda", "Invoke", {}, {"lambda:InvokeFunction"}),
        ("apigateway", "CreateRestApi", {"tags": {}}, {"apigateway:POST", "apigateway:PUT"}),
        ("apigateway", "UpdateUsagePlan", {}, {"apigateway:PATCH"}),
        ("sts", "GetCallerIdentity", {}, set()),
    ],
)
def test_the_actions_of_a_call(
    aws: Session, service: str, call: str, parameters: dict[str, Any], actions: set[str]
) -> None:
    model = aws.client(service).meta.service_model.operation_model(call)
    assert set(permissions.needed(model, parameters)) == actions


def test_the_command_prints_it_for_whom_it_is_asked(cloud: str) -> None:
    arguments = ("policy", "--account", "210987654321", "--region", "eu-west-1", "--prefix", "ana")
    result = run_lab(*arguments)
    assert result.returncode == 0, result.stderr
    expected = learner_policy.policy(Names("ana-"), "210987654321", "eu-west-1", ACTIONS)
    assert json.loads(result.stdout) == expected
    assert json.loads(run_lab("policy").stdout) == policy()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--account", "12"), 2, "expected the 12 digits of an AWS account, found '12'"),
        (("--account", "\u0661" * 12), 2, "expected the 12 digits of an AWS account, found"),
        (("--account", "1" * 12, "--region", "x*"), 1, "--region is 'x*', which boto3 does not"),
        (("--prefix", "1!"), 1, "LAB_PREFIX is '1!'"),
    ],
)
def test_a_wrong_account_or_prefix_is_said(
    cloud: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    result = run_lab("policy", *arguments)
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
