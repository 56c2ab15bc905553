"""The scripts: what they make, made once, and taken down without touching anything else."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import lab
import teardown
from lab.aws import deletion
from lab.aws.inventory import survey
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE, function_logs
from lab.course.facade import examine
from lab.course.inbox import inbox, mails
from lab.course.names import names
from lab.course.resources import inventory
from lab.errors import NotOursError, WaitTimeoutError
from lab.here import local
from lab.here.own_cloud import environment
from tests.support import http
from tests.support.chapters import (
    READS,
    TOPIC,
    UNDONE_BY,
    given,
    post,
    resources,
    run_chapters,
    wait_at_once,
)
from tests.support.functions import TRUST, zip_of
from tests.support.processes import run_script

SET_UP_AND_VERIFY = (*COURSE.set_up, "06")
SCRIPTS = [chapter.script for chapter in COURSE.chapters]


def test_running_the_chapters_twice_makes_nothing_twice(aws: Session) -> None:
    given(*SET_UP_AND_VERIFY)
    once = resources(aws)
    assert once == {
        "queues": 4, "topics": 2, "subscriptions": 3, "tables": 1, "roles": 3, "role policies": 3,
        "functions": 3, "permissions": 2, "mappings": 1, "log groups": 3, "apis": 1,
        "api resources": 2, "methods": 1, "models": 3, "validators": 1, "gateway responses": 1,
        "deployments": 1, "stages": 1, "usage plans": 1, "plan keys": 1, "api keys": 1,
    }  # fmt: skip
    run_chapters(*SET_UP_AND_VERIFY)
    assert resources(aws) == once


def test_a_script_runs_from_any_directory_and_prints_what_it_did(cloud: str) -> None:
    result = run_script("scripts/01_take_orders.py", AWS_ENDPOINT_URL=cloud)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "Created the function take_order." in result.stdout
    assert "Counted 2 messages in CustomerOrders." in result.stdout
    assert "Created the function" not in run_script("scripts/01_take_orders.py").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "script", "missing", "hint"),
    [
        ((), "03_notify_fulfillment", "SQS queue CustomerOrders-dead-letters", "01_take_orders"),
        ((), "05_connect", "SQS queue CustomerOrders-dead-letters", "01_take_orders"),
        (("01", "02", "03"), "05_connect", "DynamoDB table Orders", "04_record_orders"),
        (
            ("01", "02", "03", "04"),
            "06_verify",
            "permission of Orders to invoke record_order",
            "05_connect",
        ),
    ],
)
def test_a_chapter_before_its_turn_says_what_is_missing_and_makes_nothing(
    aws: Session, before: tuple[str, ...], script: str, missing: str, hint: str
) -> None:
    given(*before)
    there = resources(aws)
    result = run_script(f"scripts/{script}.py")
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("MissingStepError: Chapter ")
    assert f"there is no {missing} yet: run {hint} first, or `lab goto {script[:2]}`" in line
    assert resources(aws) == there


def test_verify_stops_at_an_order_that_was_refused(aws: Session) -> None:
    given(*COURSE.set_up)
    api = aws.client("apigateway")
    for plan in api.get_usage_plans()["items"]:
        operation = {"op": "replace", "path": "/quota/limit", "value": "0"}
        api.update_usage_plan(usagePlanId=plan["id"], patchOperations=[operation])
    result = run_script("scripts/06_verify.py")
    assert result.returncode == 1
    assert "Posted an order: 429" in result.stdout
    assert result.stderr.startswith("RefusedError: The order was not accepted.")


@pytest.mark.slow
def test_a_deleted_api_is_made_and_connected_again(aws: Session) -> None:
    given(*COURSE.set_up)
    api = aws.client("apigateway")
    api.delete_rest_api(restApiId=api.get_rest_apis()["items"][0]["id"])
    run_chapters("01", "02", "06")
    policy = json.loads(aws.client("lambda").get_policy(FunctionName="take_order")["Policy"])
    api_id = api.get_rest_apis()["items"][0]["id"]
    assert any(api_id in s["Condition"]["ArnLike"]["AWS:SourceArn"] for s in policy["Statement"])


def test_a_queue_with_other_attributes_is_set_right_again(aws: Session) -> None:
    given("01", "02")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    run_chapters("01", "02")
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "90"


@pytest.mark.slow
def test_a_strangers_api_of_the_same_name_disturbs_nothing(aws: Session) -> None:
    given(*COURSE.set_up)
    api = aws.client("apigateway")
    stranger = api.create_rest_api(name=names().api)["id"]
    run_chapters("01", "02", "06")
    assert teardown.tear_down(aws) == []
    assert [found["id"] for found in api.get_rest_apis()["items"]] == [stranger]


@pytest.mark.slow
def test_two_regions_of_one_account_do_not_meet(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(*COURSE.set_up)
    before = resources(aws)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    run_chapters(*SET_UP_AND_VERIFY)
    assert teardown.tear_down(lab.session()) == []
    assert resources(aws) == before
    monkeypatch.delenv("AWS_REGION")
    run_chapters("06")


def test_every_resource_carries_our_tags(aws: Session) -> None:
    given(*COURSE.set_up)
    found = list(survey(inventory(aws)))
    assert [str(f.resource) for f in found] == [str(r) for r in inventory(aws)]
    assert all(f.ours for f in found)


def strangers(aws: Session) -> None:
    """Things of other names, and one that bears our name, all without our tags."""
    key = {"AttributeName": "id"}
    aws.client("sqs").create_queue(QueueName="Invoices")
    aws.client("dynamodb").create_table(
        TableName="Invoices",
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.client("iam").create_role(RoleName="invoices", AssumeRolePolicyDocument=json.dumps(TRUST))
    aws.client("sqs").create_queue(QueueName=names().topic_dead_letters)


@pytest.mark.slow
def test_teardown_leaves_nothing_of_ours_and_everything_of_others(aws: Session, cloud: str) -> None:
    given(*SET_UP_AND_VERIFY)
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=names().topic_dead_letters)["QueueUrl"])
    strangers(aws)
    result = run_script("teardown.py", "--yes")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "0 left"
    assert f"SQS queue {names().topic_dead_letters}  (not ours: stays)" in result.stdout
    assert resources(aws) == {"queues": 2, "tables": 1, "roles": 1}
    again = run_script("teardown.py", "--yes")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "0 left")


def test_teardown_asks_first_and_can_only_list(aws: Session) -> None:
    given("01", "02")
    before = resources(aws)
    listed = run_script("teardown.py", "--dry-run")
    assert listed.returncode == 0
    assert "IAM role take_order-role-us-east-1" in listed.stdout
    last = listed.stdout.splitlines()[-1]
    assert last == "9 to delete in account 123456789012, region us-east-1"
    declined = run_script("teardown.py")  # there is nobody to answer
    assert declined.returncode == 1
    assert resources(aws) == before


def test_teardown_where_no_cloud_runs_starts_none(free_port: int) -> None:
    result = run_script("teardown.py", "--yes", LAB_PORT=str(free_port))
    assert result.returncode == 0
    assert "nothing to delete" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 left"
    assert local.status(local.address(free_port)) is None


def test_teardown_goes_on_after_a_failure_and_says_what_is_left(
    aws: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    given("01", "02")

    def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteRole")

    (role,) = [r for r in inventory(aws) if r.kind == "IAM role" and r.chapter == "01"]
    broken = dataclasses.replace(role, delete=refuse)
    everything = [broken if each == role else each for each in inventory(aws)]
    left = deletion.tear_down(everything)
    assert {str(found.resource) for found in left} == {str(role)}
    assert "could not be deleted" in capsys.readouterr().err
    assert resources(aws) == {"roles": 1, "role policies": 1}


def test_teardown_of_a_half_made_set_up_works(aws: Session) -> None:
    given("01", "02", "03")
    aws.client("lambda").delete_function(FunctionName=names().take_order)
    assert teardown.tear_down(aws) == []
    assert resources(aws) == {}


@pytest.mark.slow
def test_learners_on_one_account_do_not_meet(aws: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for learner in ("ana", "bo"):
        monkeypatch.setenv("LAB_PREFIX", learner)
        run_chapters(*SET_UP_AND_VERIFY)
    assert resources(aws)["functions"] == 6
    assert teardown.tear_down(aws) == []  # bo's
    monkeypatch.setenv("LAB_PREFIX", "ana")
    assert len(teardown.list_ours(aws)) == len(inventory(aws))
    run_chapters("06")


def tagless(aws: Session, kind: str) -> None:
    n = names()
    key = {"AttributeName": "id"}
    make: dict[str, Any] = {
        "SQS queue": lambda: aws.client("sqs").create_queue(QueueName=n.queue),
        "IAM role": lambda: aws.client("iam").create_role(
            RoleName=n.role(n.record_order, "us-east-1"), AssumeRolePolicyDocument=json.dumps(TRUST)
        ),
        "SNS topic": lambda: aws.client("sns").create_topic(Name=n.topic),
        "log group": lambda: aws.client("logs").create_log_group(
            logGroupName=n.log_group(n.take_order)
        ),
        "REST API": lambda: aws.client("apigateway").create_rest_api(name=n.api),
        "usage plan": lambda: aws.client("apigateway").create_usage_plan(name=n.usage_plan),
        "API key": lambda: aws.client("apigateway").create_api_key(name=n.api_key),
        "DynamoDB table": lambda: aws.client("dynamodb").create_table(
            TableName=n.table,
            KeySchema=[{**key, "KeyType": "HASH"}],
            AttributeDefinitions=[{**key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        ),
    }
    make[kind]()


@pytest.mark.parametrize(
    "kind",
    [
        "SQS queue", "IAM role", "SNS topic", "log group", "REST API", "usage plan", "API key",
        "DynamoDB table",
    ],
)  # fmt: skip
def test_what_bears_our_name_without_our_tag_stops_a_chapter_before_it_makes_anything(
    aws: Session, kind: str
) -> None:
    tagless(aws, kind)
    before = resources(aws)
    with pytest.raises(NotOursError, match=f"{kind}.*LAB_PREFIX"):
        run_chapters("01", "02")
    assert resources(aws) == before
    result = run_script("scripts/04_record_orders.py")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert resources(aws) == before


def test_the_whole_chain_over_http(aws: Session) -> None:
    """POST orders as the shop does; each ends as one item and one mail."""
    given(*COURSE.set_up)
    api = aws.client("apigateway")
    api_id = api.get_rest_apis()["items"][0]["id"]
    key = api.get_api_keys(includeValues=True)["items"][0]["value"]
    url = lab.invoke_url(aws, api_id, "prod", "/orders")

    def post(order: Any) -> tuple[int, Any]:
        answer = http.request("POST", url, json=order, headers={"x-api-key": key})
        return answer.status, answer.json()

    for i in range(20):
        assert post({"product": f"tea {i} 🍵", "quantity": i + 1, "order_id": f"o-{i}"})[0] == 202
    assert post({"product": "tea 0 🍵", "quantity": 1, "order_id": "o-0"})[0] == 202  # again
    status, answer = post({"product": "tea", "quantity": 0})
    assert status == 400
    assert "quantity" in answer["message"]
    assert "quantity: whole number" in answer["expected"]  # API Gateway's answer, not ours
    assert http.request("POST", url, json={"product": "tea", "quantity": 1}).status == 403

    table = aws.resource("dynamodb").Table(names().table)
    # Those of the chapters' tests were on the queue before the chain was connected.
    wanted = {f"o-{i}" for i in range(20)} | {
        "chapter-01",
        "chapter-02",
        "chapter-02-shop",
        "console-test-1",
    }

    def arrived() -> dict[str, Any] | None:
        items = {item["order_id"]: item for item in table.scan()["Items"]}
        return items if wanted <= items.keys() else None

    items = wait_until(arrived, "all orders are in the table", timeout=90)
    for i in range(20):
        item = items[f"o-{i}"]
        assert (item["product"], item["quantity"]) == (f"tea {i} 🍵", i + 1)
        hops = [item[f"{hop}_epoch_ms"] for hop in ("received", "queued", "notified", "recorded")]
        assert hops == sorted(hops)
    assert items.keys() == wanted
    assert "(order o-19)" in lab.show_mail(aws, TOPIC, "fulfillment@example.com", "order o-19")
    by_date = table.query(
        IndexName="by-date",
        KeyConditionExpression="order_date = :day",
        ExpressionAttributeValues={":day": items["o-0"]["order_date"]},
        ScanIndexForward=False,
    )["Items"]
    assert len(by_date) >= 20
    assert [i["posted_epoch"] for i in by_date] == sorted(
        (i["posted_epoch"] for i in by_date), reverse=True
    )


def delete_queue(aws: Session) -> None:
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=names().queue)["QueueUrl"])


def mails_to_stakeholders(aws: Session) -> int:
    box = inbox(aws)
    assert box is not None
    return sum(mail["Subject"] == "The order queue was missing" for mail in mails(box))


@pytest.mark.slow
def test_an_order_without_a_queue_gets_one_like_that_of_chapter_00_and_stakeholders_hear_of_it(
    aws: Session,
) -> None:
    given("01", "02", "03")
    before = resources(aws)
    delete_queue(aws)
    for _ in range(2):
        assert post(aws, product="tea", quantity=1, order_id="mine") == 202
    assert all(not finding.wrong for finding in examine(aws, "01"))  # settings and tags
    wait_until(lambda: mails_to_stakeholders(aws), "the mail is here", timeout=90)
    run_chapters("01", "02", "03")  # create_queue finds it
    assert resources(aws) == before
    assert mails_to_stakeholders(aws) == 1


def delete_stakeholders_topic(aws: Session) -> None:
    aws.client("sns").delete_topic(TopicArn=f"{TOPIC}-stakeholders")


def take_permission_to_tell(aws: Session) -> None:
    iam, role = aws.client("iam"), {"RoleName": "take_order-role-us-east-1"}
    found = iam.get_role_policy(**role, PolicyName="take-order")["PolicyDocument"]
    found["Statement"] = [s for s in found["Statement"] if s["Action"] != "sns:Publish"]
    iam.put_role_policy(**role, PolicyName="take-order", PolicyDocument=json.dumps(found))


@pytest.mark.slow
@pytest.mark.parametrize("break_it", [delete_stakeholders_topic, take_permission_to_tell])
def test_an_order_is_taken_also_when_stakeholders_cannot_be_told(
    aws: Session, break_it: Callable[[Session], None]
) -> None:
    given("01", "02", "03")
    break_it(aws)
    delete_queue(aws)
    assert post(aws, product="tea", quantity=1, order_id="mine") == 202
    said = [line.says["status"] for line in function_logs.of_order(aws, "mine")]
    assert said == ["QUEUED", "STAKEHOLDERS_NOT_TOLD"]
    assert mails_to_stakeholders(aws) == 0


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [("01",), ("01", "03"), ("04",)])
def test_a_function_that_never_passes_its_test_is_quoted(
    aws: Session, monkeypatch: pytest.MonkeyPatch, numbers: tuple[str, ...]
) -> None:
    given(*numbers[:-1])
    monkeypatch.setattr(lab, "package", lambda stem: zip_of("import tea", f"{stem}.py"))
    monkeypatch.setattr(lab, "wait_until", partial(wait_at_once, wait_until))
    with pytest.raises(WaitTimeoutError, match=r"passes its test.*No module named 'tea'"):
        run_chapters(numbers[-1])


def test_no_log_names_a_customer(aws: Session) -> None:
    given(*COURSE.set_up)
    customer = "ana@example.com"
    assert post(aws, product="tea", quantity=1, order_id="a", customer_email=customer) == 202
    table = aws.resource("dynamodb").Table(names().table)
    there = partial(table.get_item, Key={"order_id": "a"})
    wait_until(lambda: there().get("Item"), "the order is recorded", timeout=90)
    lines = function_logs.lines(aws)
    assert {"QUEUED", "RECORDED"} <= {line.says.get("status") for line in lines}
    assert [line for line in lines if customer in line.text] == []


# -- Every call that makes something is undone by the inventory ----------------------------------


def test_the_inventory_undoes_every_call_that_makes_something(
    calls_made: set[str], aws: Session
) -> None:
    run_chapters(*SET_UP_AND_VERIFY)
    run_chapters(*SET_UP_AND_VERIFY)
    mutating = {name for name in calls_made if not READS.match(name)}
    assert mutating == set(UNDONE_BY)
    assert set(UNDONE_BY.values()) == {resource.kind for resource in inventory(aws)}


# -- The form of a chapter ------------------------------------------------------------------------


def cells(path: Path) -> Iterator[str]:
    """The cells with code, without the solution, which a learner does not see."""
    for cell in path.read_text("utf-8").split("\n# %%")[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" not in head and "solution" not in head:
            yield body.strip()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_cell_has_15_lines_at_most_and_names_no_target(path: Path) -> None:
    for cell in cells(path):
        assert len(cell.splitlines()) <= 15, cell
        assert not re.search(r"endpoint_url|127\.0\.0\.1|localhost|LAB_TARGET|target ==", cell)
        ast.parse(cell)


def test_roles_may_do_what_aws_facts_allow_and_no_more(aws: Session) -> None:
    given(*COURSE.set_up)
    iam = aws.client("iam")
    allowed = {}
    for role in iam.list_roles()["Roles"]:
        policy_names = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy_names[0])
        statements = document["PolicyDocument"]["Statement"]
        actions = [
            s["Action"] if isinstance(s["Action"], list) else [s["Action"]] for s in statements
        ]
        allowed[role["RoleName"]] = {action for group in actions for action in group}
        assert all("*" not in s["Resource"].removesuffix(":*") for s in statements)
        trust = role["AssumeRolePolicyDocument"]["Statement"]
        assert [s["Principal"] for s in trust] == [{"Service": "lambda.amazonaws.com"}]
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert allowed == {
        "take_order-role-us-east-1": {
            "sqs:CreateQueue",
            "sqs:TagQueue",
            "sqs:GetQueueUrl",
            "sqs:SendMessage",
            "sns:Publish",
        }
        | logs,
        "notify_fulfillment-role-us-east-1": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sns:Publish",
        }
        | logs,
        "record_order-role-us-east-1": {"dynamodb:PutItem", "sqs:SendMessage"} | logs,
    }


def test_the_local_cloud_is_started_when_it_is_not_up(free_port: int) -> None:
    with environment(LAB_PORT=str(free_port)):
        assert local.status(local.address(free_port)) is None
        try:
            assert lab.account_id(lab.session()) == "123456789012"
            assert local.status(local.address(free_port)) is not None
        finally:
            local.stop(local.address(free_port))
