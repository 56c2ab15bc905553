"""`lab preflight`: what is known of an account before a workshop."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from lab.aws import preflight
from lab.aws import session as sessions
from lab.aws.guard import Caller
from lab.aws.packaging import RUNTIME_ENDS
from lab.aws.session import Session
from lab.commands import main
from lab.course import learner_policy
from lab.course.names import Names
from tests.support.chapters import given, resources
from tests.support.functions import TRUST
from tests.support.roles import allow


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["preflight", *arguments])


def test_it_says_who_one_is_and_that_all_is_right(aws: Session) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert "WRONG" not in result.stdout
    assert (
        f"account 123456789012, region us-east-1, profile default, endpoint {aws.endpoint_url}"
        in (result.stdout)
    )
    assert "No name is taken by others; 0 of 23 things stand already." in result.stdout
    given("01")
    assert "; 6 of 23 things stand already." in run().stdout


def test_a_name_that_is_taken_is_said_and_what_to_do(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    before = resources(aws)
    result = run()
    assert result.exit_code == 1
    assert (
        "  WRONG  Expected no name to be taken by others, found SQS queue CustomerOrders.\n"
        "         What to do: Set LAB_PREFIX to get other names.\n"
    ) in result.stdout
    assert resources(aws) == before


def test_the_concurrency_must_be_enough_for_the_class(aws: Session) -> None:
    limit = aws.client("lambda").get_account_settings()["AccountLimit"]
    most = limit["UnreservedConcurrentExecutions"] // preflight.FUNCTIONS_AT_ONCE
    assert run("--learners", str(most)).exit_code == 0
    result = run("--learners", str(most + 1), "--json")
    assert result.exit_code == 1
    (wrong,) = [each for each in json.loads(result.stdout) if each["fix"]]
    wanted = (most + 1) * preflight.FUNCTIONS_AT_ONCE
    assert wrong["found"].startswith(f"Expected Lambda to run {wanted} functions at once for ")
    assert "Service Quotas" in wrong["fix"]


@pytest.fixture
def ana(aws: Session, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets ana, a user, ask from now on, who may do all that a learner needs, but for some."""

    def ask(*without: str, **besides: str) -> None:
        iam = aws.client("iam")
        iam.create_user(UserName="ana")
        key = iam.create_access_key(UserName="ana")["AccessKey"]
        actions = [each for each in learner_policy.recorded_actions() if each not in without]
        document = learner_policy.policy(Names(), "123456789012", "us-east-1", actions)
        document["Statement"] += [allow(f"{service}:{besides[service]}") for service in besides]
        text = json.dumps(document)  # too large for a policy of her own
        arn = iam.create_policy(PolicyName="p", PolicyDocument=text)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="ana", PolicyArn=arn)
        made = Session(
            aws.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            region_name="us-east-1",
        )
        monkeypatch.setattr(sessions, "_at", lambda *_: made)

    return ask


def test_what_a_learner_needs_and_may_not_do_is_named(ana: Callable[..., None]) -> None:
    ana("sqs:TagQueue", "iam:PassRole", iam="Simulate*")
    result = run("--json")
    assert result.exit_code == 1
    (wrong,) = [each for each in json.loads(result.stdout) if each["fix"]]
    count = len(learner_policy.recorded_actions())
    assert wrong["found"] == (
        f"Expected your policies to allow the {count} actions that a learner needs, found 2 denied "
        "(simulated): iam:PassRole, sqs:TagQueue."
    )
    assert "`lab policy` prints" in wrong["fix"]


def test_with_the_printed_policy_nothing_is_denied(ana: Callable[..., None]) -> None:
    ana(iam="Simulate*")
    count = len(learner_policy.recorded_actions())
    assert f"  right  Your policies allow all {count} actions that a learner " in run().stdout


def test_what_one_may_not_ask_is_said_in_a_line_each(ana: Callable[..., None]) -> None:
    ana()
    result = run()
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line.startswith("  ?      Not known: ")]
    assert [re.findall(r"not authorized to perform: \w+:(\w+) ", line)[0] for line in lines] == [
        "SimulatePrincipalPolicy",
        "GetAccountSettings",
        "GetAccountSummary",
    ]


def test_the_policies_of_a_role_are_simulated_and_nobody_elses(aws: Session) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="r", Path="/sso/", AssumeRolePolicyDocument=json.dumps(TRUST))
    policy = {"Statement": [allow(["sqs:SendMessage"], ["*"])]}

    def answer(arn: str) -> preflight.Answer:
        caller = Caller(arn, "123456789012", "", "default", "us-east-1", "AWS's own")
        return preflight.of_permissions(iam, caller, policy)

    assert "1 denied (simulated): sqs:SendMessage." in (
        answer("arn:aws:sts::123456789012:assumed-role/r/me").found
    )
    for nobody in ("iam::123456789012:root", "sts::123456789012:federated-user/ana"):
        assert not answer(f"arn:aws:{nobody}").is_known


def test_quotas_must_have_room_for_the_class(aws: Session) -> None:
    assert "Your quotas have room for 300 learners: roles, users, policies, REST APIs, " in (
        preflight.of_quotas(aws, 300).found
    )
    aws.client("apigateway").create_usage_plan(name="of others")
    aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert "would need 301 usage plans of 300." in preflight.of_quotas(aws, 300).found
    assert "1003 roles of 1000, 335 usage plans" in preflight.of_quotas(aws, 334).found


def test_how_long_a_class_takes_follows_from_the_slowest_rate() -> None:
    assert "let 30 set up in 2.5 min at least, and tear down in 15 min" in (
        preflight.of_rates(30).found
    )
    assert "let 1 set up in 5 s at least, and tear down in 30 s" in preflight.of_rates(1).found


@pytest.mark.parametrize(("days", "wrong"), [(400, False), (30, True), (-1, True)])
def test_a_runtime_that_ends_soon_is_said(days: int, wrong: bool) -> None:
    assert preflight.of_runtime(RUNTIME_ENDS - datetime.timedelta(days=days)).wrong is wrong


def test_an_account_that_looks_like_production_is_said() -> None:
    for alias in ("shop-prod", "classroom"):
        caller = Caller("arn", "123456789012", alias, "default", "us-east-1", "AWS's own")
        assert preflight.of_caller(caller).wrong is (alias == "shop-prod")
