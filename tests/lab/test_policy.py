"""`lab policy`: it is enough for all that a learner does, and nothing in it is too much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_action_data

from lab.aws import permissions
from lab.aws import session as sessions
from lab.aws.session import Session
from lab.commands.dev import use_commands
from lab.course import COURSE, facade, learner_policy
from lab.course.names import Names
from lab.engine import catch_up
from lab.engine.permissions import permissions_of
from lab.here.own_cloud import environment
from tests.support.chapters import resources
from tests.support.processes import run_lab
from tests.support.sessions import OneClientEach

pytestmark = pytest.mark.xdist_group("policy")

ACCOUNT, REGION = "123456789012", "us-east-1"
ACTIONS = learner_policy.recorded_actions()
LARGEST = 6144  # characters of a managed policy, without white space


def policy(actions: list[str] = ACTIONS, prefix: str = "") -> dict[str, Any]:
    return learner_policy.policy(Names(prefix), ACCOUNT, REGION, actions)


@pytest.fixture
def learner(aws: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """From now on the course works with the keys of an IAM user, who may do nothing yet."""
    iam = aws.client("iam")
    iam.create_user(UserName="learner")
    key = iam.create_access_key(UserName="learner")["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    made = OneClientEach(aws.endpoint_url, **keys, region_name=REGION)
    monkeypatch.setattr(sessions, "_at", lambda *_: made)
    yield made
    iam.delete_access_key(UserName="learner", AccessKeyId=key["AccessKeyId"])


def allow(aws: Session, document: dict[str, Any]) -> None:
    """Give the learner this policy."""
    text = json.dumps(document)
    aws.client("iam").put_user_policy(UserName="learner", PolicyName="all", PolicyDocument=text)


def set_up_and_tear_down(learner: Session) -> None:
    catch_up.set_up(COURSE)
    wrong = [f.what for n in COURSE.set_up for f in facade.examine(learner, n) if f.wrong]
    assert not wrong
    assert facade.tear_down(learner) == []


def test_it_is_enough_to_set_up_to_check_and_to_tear_down(aws: Session, learner: Session) -> None:
    allow(aws, policy())
    set_up_and_tear_down(learner)
    assert resources(aws) == {}


@pytest.mark.parametrize("action", ["sqs:CreateQueue", "sqs:TagQueue", "apigateway:POST"])
def test_without_one_of_its_actions_it_is_not(aws: Session, learner: Session, action: str) -> None:
    allow(aws, policy([each for each in ACTIONS if each != action]))
    with pytest.raises(ClientError, match=f"(?i)not authorized to perform: {action}"):
        set_up_and_tear_down(learner)


def test_the_names_of_another_learner_are_not_in_it(aws: Session, learner: Session) -> None:
    allow(aws, policy(prefix="ana-"))
    with pytest.raises(ClientError, match="not authorized to perform: sqs:"):
        set_up_and_tear_down(learner)


@pytest.mark.soak
def test_the_recorded_actions_are_those_of_chapters_and_commands_as_they_are() -> None:
    with environment():
        assert sorted(permissions_of(COURSE, use_commands)) == ACTIONS, "run `lab dev permissions`"


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
        (("--prefix", "1!"), 1, "LAB_PREFIX is '1!'"),
    ],
)
def test_a_wrong_account_or_prefix_is_said(
    cloud: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    result = run_lab("policy", *arguments)
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
