"""`lab preflight`: what is known of an account before a workshop."""

from __future__ import annotations

import datetime
import json

import pytest
from click.testing import CliRunner, Result

from lab.aws import preflight
from lab.aws.guard import Caller
from lab.aws.packaging import RUNTIME_ENDS
from lab.aws.session import Session
from lab.commands import main
from tests.support.chapters import given, resources


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
