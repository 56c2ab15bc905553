"""Checks, catching up, going back, and exercises: they name what is wrong, and the fix works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.commands import chapters, main
from lab.course import COURSE, orders
from lab.course.facade import examine
from lab.course.names import names
from lab.course.resources import inventory
from lab.engine import catch_up, cells, exercises
from lab.engine.checks import MISSING, Finding, has_begun, is_right, report
from lab.engine.course import Chapter
from lab.errors import MissingStepError, UnknownChapterError
from lab.here import own_cloud
from tests.support.chapters import READS, TOPIC, given, resources, run_chapters, second_trigger
from tests.support.sessions import forget_sessions, make_session


def findings(aws: Session) -> dict[str, list[Finding]]:
    """What is wrong in the chapters that set up."""
    found = {number: examine(aws, number) for number in COURSE.set_up}
    return {number: [f for f in each if f.wrong] for number, each in found.items()}


def run_cells(number: str, upto: int) -> None:
    """Run the code cells of a chapter from the first to the one at this position."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells.cells(COURSE.find(number)):
        if cell.is_code and cell.position <= upto and "active-ipynb" not in cell.tags:
            exec(compile(cell.source, cell.id, "exec"), namespace)


def fix(wrong: dict[str, list[Finding]]) -> None:
    """Do what the findings say: run the cells that they name, with those above them."""
    for number, found in wrong.items():
        if any(f"`lab reset {number}`" in finding.fix for finding in found):
            chapter = COURSE.find(number)
            gone = catch_up.undone_by(COURSE, chapter)
            assert catch_up.undo(COURSE, lab.session(), gone).left == []
            for dependent in COURSE.with_dependents(chapter):
                if dependent.number in COURSE.set_up:
                    dependent.run()
            continue
        for finding in list(found):
            if code := re.match(r"In a cell: `(.+?)`", finding.fix):
                exec(code[1], {"lab": lab})
            elif other := re.match(r"Run chapter (\d\d) again", finding.fix):
                COURSE.find(other[1]).run()
            else:
                continue
            found.remove(finding)
        for finding in found:
            assert f" of {COURSE.find(number).notebook.name}, under" in finding.fix
        named = [re.findall(r"(?:cell|up to) (\d+)", finding.fix) for finding in found]
        run_cells(number, max((int(position) for each in named for position in each), default=0))


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# -- Catching up --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", [*(pytest.param(n, marks=pytest.mark.long) for n in COURSE.numbers[:5]), "07"]
)
def test_goto_brings_an_empty_target_to_the_start_of_any_chapter(aws: Session, number: str) -> None:
    chapter = COURSE.find(number)
    catch_up.go_to(COURSE, aws, chapter)
    for earlier in COURSE.before(chapter):
        found = examine(aws, earlier.number)
        assert found and is_right(found), report(earlier, found)
    for later in COURSE.chapters:
        if number <= later.number < COURSE.last:
            assert not has_begun(examine(aws, later.number))


@pytest.mark.long
def test_goto_brings_it_to_the_last_chapter_and_the_exercise_of_05_is_an_exercise(
    aws: Session, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in one, since chapter 07 takes its time."""
    forget_sessions(monkeypatch)  # a cell has them show their calls
    catch_up.go_to(COURSE, aws, COURSE.find("07"))
    unsolved_then_solved(aws, "07")
    capsys.readouterr()
    catch_up.go_to(COURSE, aws, COURSE.find("10"))
    ran = re.findall(r"^== (\d\d) .*(?<!stands already)$", capsys.readouterr().out, re.M)
    assert ran == []
    for chapter in COURSE.before(COURSE.find("10")):
        assert is_right(examine(aws, chapter.number))
    assert not has_begun(examine(aws, "08"))  # nobody breaks anything on the way


@pytest.mark.slow
def test_goto_again_runs_nothing_again(aws: Session, capsys: pytest.CaptureFixture[str]) -> None:
    catch_up.go_to(COURSE, aws, COURSE.find("05"))
    there = resources(aws)
    capsys.readouterr()
    catch_up.go_to(COURSE, aws, COURSE.find("05"))
    assert capsys.readouterr().out.splitlines() == [
        "== 01 Take orders: stands already",
        "== 02 Front door: stands already",
        "== 03 Notify fulfillment: stands already",
        "== 04 Record orders: stands already",
    ]
    assert resources(aws) == there


@pytest.mark.long
@pytest.mark.parametrize("number", COURSE.set_up)
def test_whatever_is_deleted_is_named_with_the_cell_that_makes_it_again(
    aws: Session, number: str
) -> None:
    given(*COURSE.set_up)
    there = resources(aws)
    for resource in (r for r in inventory(aws) if r.chapter == number):
        (found_id,) = resource.find_all()
        resource.delete(found_id)
        wrong = findings(aws)
        (finding,) = [f for f in wrong[number] if f.what == str(resource)]
        assert finding.wrong == MISSING
        assert finding.why
        cell = cells.tagged(COURSE.find(number), resource.cell)
        assert f"code cell {cell.position} of {COURSE.find(number).notebook.name}" in (finding.fix)
        fix(wrong)
        fix(findings(aws))  # a trigger rests while there is no topic: the next check says so
        assert not any(findings(aws).values()), resource
    # A permission for an API that is gone stays, as on AWS; moto keeps a deleted key in its plan.
    now = resources(aws)
    for leftover in ("permissions", "plan keys"):
        assert now.pop(leftover) >= there.pop(leftover)
    assert now == there


@pytest.mark.slow
def test_lab_check_names_what_was_deleted_and_its_cell(aws: Session) -> None:
    assert run_lab("goto", "6").exit_code == 0
    complete = run_lab("check")
    assert complete.exit_code == 0, complete.stdout
    assert re.search(r"^05 Connect: (\d+) of \1 right\.$", complete.stdout, re.M)
    assert "06 Verify: not begun." in complete.stdout
    aws.client("dynamodb").delete_table(TableName="Orders")
    result = run_lab("check")
    assert result.exit_code == 1
    position = cells.tagged(COURSE.find("04"), "table").position
    assert "  WRONG  DynamoDB table Orders: missing.\n" in result.stdout
    assert f"Run code cell {position} of 04_record_orders.ipynb" in result.stdout


# -- What is set wrong --------------------------------------------------------------------------


def _queue_url(aws: Session, name: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def _set_queue(name: str, **attributes: str) -> Callable[[Session], object]:
    return lambda aws: aws.client("sqs").set_queue_attributes(
        QueueUrl=_queue_url(aws, name), Attributes=attributes
    )


def _configure(name: str, **configuration: Any) -> Callable[[Session], object]:
    return lambda aws: aws.client("lambda").update_function_configuration(
        FunctionName=name, **configuration
    )


def _policy(role: str, policy: str, *actions: str) -> Callable[[Session], object]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return lambda aws: aws.client("iam").put_role_policy(
        RoleName=f"{role}-role-us-east-1", PolicyName=policy, PolicyDocument=document
    )


def _api(aws: Session) -> tuple[Any, str, str]:
    api = aws.client("apigateway")
    api_id = api.get_rest_apis()["items"][0]["id"]
    found = api.get_resources(restApiId=api_id)["items"]
    return api, api_id, next(r["id"] for r in found if r["path"] == "/orders")


def _delete_method(aws: Session) -> None:
    api, api_id, resource_id = _api(aws)
    api.delete_method(restApiId=api_id, resourceId=resource_id, httpMethod="POST")


def _ask_for_no_key(aws: Session) -> None:
    api, api_id, resource_id = _api(aws)
    method = {"restApiId": api_id, "resourceId": resource_id, "httpMethod": "POST"}
    api.delete_method(**method)
    api.put_method(**method, authorizationType="NONE", apiKeyRequired=False)


def _delete_integration(aws: Session) -> None:
    api, api_id, resource_id = _api(aws)
    api.delete_integration(restApiId=api_id, resourceId=resource_id, httpMethod="POST")


def _delete_orders(aws: Session) -> None:
    api, api_id, resource_id = _api(aws)
    api.delete_resource(restApiId=api_id, resourceId=resource_id)


def _delete_stage(aws: Session) -> None:
    api, api_id, _ = _api(aws)
    api.delete_stage(restApiId=api_id, stageName="prod")


def _delete_gateway_response(aws: Session) -> None:
    api, api_id, _ = _api(aws)
    api.delete_gateway_response(restApiId=api_id, responseType="BAD_REQUEST_BODY")


def _delete_model(aws: Session) -> None:
    """With the method that names it: on its own it cannot be deleted."""
    api, api_id, resource_id = _api(aws)
    api.delete_method(restApiId=api_id, resourceId=resource_id, httpMethod="POST")
    api.delete_model(restApiId=api_id, modelName="Order")


def _put_another_model(aws: Session) -> None:
    """As somebody who took the API over from an older tutorial."""
    api, api_id, _ = _api(aws)
    patch = {"op": "replace", "path": "/schema", "value": "{}"}
    api.update_model(restApiId=api_id, modelName="Order", patchOperations=[patch])


def _forget_the_attributes_of_the_queue(aws: Session) -> None:
    client = aws.client("lambda")
    found = client.get_function_configuration(FunctionName="take_order")["Environment"]
    other = {"QUEUE_ATTRIBUTES": json.dumps({"VisibilityTimeout": "30"})}
    client.update_function_configuration(
        FunctionName="take_order", Environment={"Variables": {**found["Variables"], **other}}
    )


def _delete_validator(aws: Session) -> None:
    api, api_id, _ = _api(aws)
    (validator,) = api.get_request_validators(restApiId=api_id)["items"]
    api.delete_request_validator(restApiId=api_id, requestValidatorId=validator["id"])


def _remove_api_permission(aws: Session) -> None:
    _, api_id, _ = _api(aws)
    aws.client("lambda").remove_permission(
        FunctionName="take_order", StatementId=f"orders-api-{api_id}"
    )


def _take_stage_out_of_plan(aws: Session) -> None:
    api, api_id, _ = _api(aws)
    operation = {"op": "remove", "path": "/apiStages", "value": f"{api_id}:prod"}
    api.update_usage_plan(
        usagePlanId=api.get_usage_plans()["items"][0]["id"], patchOperations=[operation]
    )


def _take_key_out_of_plan(aws: Session) -> None:
    api, _, _ = _api(aws)
    plan_id = api.get_usage_plans()["items"][0]["id"]
    (key,) = api.get_usage_plan_keys(usagePlanId=plan_id)["items"]
    api.delete_usage_plan_key(usagePlanId=plan_id, keyId=key["id"])


def _keep_logs_for_ever(aws: Session) -> None:
    aws.client("logs").delete_retention_policy(logGroupName="/aws/lambda/take_order")


def _trust_everybody(aws: Session) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    aws.client("iam").update_assume_role_policy(
        RoleName="take_order-role-us-east-1",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def _deploy_other_code(aws: Session) -> None:
    aws.client("lambda").update_function_code(
        FunctionName="take_order", ZipFile=lab.package("record_order")
    )


def _subscriptions(aws: Session, protocol: str) -> list[str]:
    found = aws.client("sns").list_subscriptions()["Subscriptions"]
    return [s["SubscriptionArn"] for s in found if s["Protocol"] == protocol]


def _unsubscribe_email(aws: Session) -> None:
    for arn in _subscriptions(aws, "email"):
        if arn.startswith(f"{TOPIC}:"):
            aws.client("sns").unsubscribe(SubscriptionArn=arn)


def _leave_email_pending(aws: Session) -> None:
    _unsubscribe_email(aws)
    aws.client("sns").subscribe(
        TopicArn=TOPIC, Protocol="email", Endpoint="fulfillment@example.com"
    )


def _drop_redrive(aws: Session) -> None:
    (arn,) = _subscriptions(aws, "lambda")
    aws.client("sns").set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=""
    )


def _let_another_topic_in(aws: Session) -> None:
    client = aws.client("lambda")
    client.remove_permission(FunctionName="record_order", StatementId="orders-topic")
    client.add_permission(
        FunctionName="record_order",
        StatementId="orders-topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
    )


def _set_trigger(**settings: Any) -> Callable[[Session], object]:
    def change(aws: Session) -> None:
        client = aws.client("lambda")
        (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], **settings)

    return change


def _throttle(function: str) -> Callable[[Session], object]:
    def change(aws: Session) -> None:
        aws.client("lambda").put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=0
        )

    return change


def _delete_function(aws: Session) -> None:
    aws.client("lambda").delete_function(FunctionName="notify_fulfillment")


SET_WRONG: list[tuple[str, str, Callable[[Session], object], str]] = [
    ("01", "The settings of CustomerOrders", _set_queue("CustomerOrders", VisibilityTimeout="30"),
     "expected VisibilityTimeout 90, found 30"),
    ("01", "The settings of CustomerOrders", _set_queue("CustomerOrders", RedrivePolicy=""),
     "expected RedrivePolicy {"),
    ("01", "The retention of /aws/lambda/take_order", _keep_logs_for_ever,
     "expected 14 days, found forever"),
    ("01", "Who may assume take_order-role-us-east-1", _trust_everybody, "expected Principal {"),
    ("01", "What take_order-role-us-east-1 may do", _policy("take_order", "take-order", "sqs:*"),
     "it may do too much: sqs:* on *"),
    ("01", "The configuration of take_order", _configure("take_order", Timeout=3),
     "expected Timeout 15, found 3"),
    ("01", "The configuration of take_order", _configure("take_order", Handler="slow.handler"),
     "expected Handler take_order.lambda_handler, found slow.handler"),
    ("01", "The configuration of take_order",
     _configure("take_order", Environment={"Variables": {}}),
     "expected QUEUE_NAME CustomerOrders, found null"),
    ("01", "The configuration of take_order", _forget_the_attributes_of_the_queue,
     'found {"VisibilityTimeout": "30"}'),
    ("01", "The configuration of take_order", _deploy_other_code,
     "its code is not lambdas/take_order.py"),
    ("01", "Room for take_order to run", _throttle("take_order"),
     "expected a reserved concurrency of none, or more than 0, found 0"),
    ("02", "The resource /orders", _delete_orders, MISSING),
    ("02", "The model Order", _delete_model, MISSING),
    ("02", "The model Order", _put_another_model, "}, found {}"),
    ("02", "The request validator", _delete_validator, MISSING),
    ("02", "The answer to a malformed order", _delete_gateway_response,
     "expected defaultResponse false, found true"),
    ("02", "The method POST /orders", _delete_method, MISSING),
    ("02", "The method POST /orders", _ask_for_no_key, "expected apiKeyRequired true, found false"),
    ("02", "The integration of POST /orders with take_order", _delete_integration, MISSING),
    ("02", "The permission of Orders to invoke take_order", _remove_api_permission, MISSING),
    ("02", "The stage prod", _delete_stage, MISSING),
    ("02", "The stage in Orders-shop-plan", _take_stage_out_of_plan,
     "expected stage Orders:prod, found none"),
    ("02", "The key in Orders-shop-plan", _take_key_out_of_plan,
     "expected key Orders-shop-key, found none"),
    ("03", "The subscription of an e-mail address to Orders", _unsubscribe_email, MISSING),
    ("03", "The subscription of an e-mail address to Orders", _leave_email_pending,
     "expected state confirmed, found pending"),
    ("03", "What notify_fulfillment-role-us-east-1 may do",
     _policy("notify_fulfillment", "notify-fulfillment", "sns:Publish"),
     "it may do too little: it lacks logs:CreateLogStream on arn:aws:logs:"),
    ("03", "The configuration of notify_fulfillment",
     _configure("notify_fulfillment", Environment={"Variables": {"TOPIC_ARN": "x"}}),
     "expected TOPIC_ARN arn:aws:sns:us-east-1:123456789012:Orders, found x"),
    ("04", "The configuration of record_order",
     _configure("record_order", DeadLetterConfig={"TargetArn": ""}), "expected DeadLetterConfig {"),
    ("05", "The settings of the permission of Orders", _let_another_topic_in,
     "expected SourceArn arn:aws:sns:us-east-1:123456789012:Orders, found null"),
    ("05", "The policy of Orders-dead-letters", _set_queue("Orders-dead-letters", Policy=""),
     MISSING),
    ("05", "The dead-letter queue of the subscription of record_order", _drop_redrive, MISSING),
    ("05", "The settings of the trigger of notify_fulfillment", _set_trigger(Enabled=False),
     "expected enabled true, found false"),
    ("05", "The settings of the trigger of notify_fulfillment", _set_trigger(BatchSize=1),
     "expected BatchSize 10, found 1"),
    ("05", "The settings of the trigger of notify_fulfillment",
     _set_trigger(FunctionResponseTypes=[]),
     'expected FunctionResponseTypes ["ReportBatchItemFailures"], found []'),
    ("05", "The settings of the trigger of notify_fulfillment",
     _set_trigger(FilterCriteria={"Filters": [{"Pattern": '{"body": ["tea"]}'}]}),
     'found a filter that somebody added, {"body": ["tea"]}'),
    ("05", "The only trigger of CustomerOrders, and of our functions",
     second_trigger, "found another one, from CustomerOrders to experiment"),
    ("05", "The function of the trigger, notify_fulfillment", _delete_function,
     "expected an active function, found none"),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("number", COURSE.set_up)
def test_whatever_is_set_wrong_is_named_and_its_cell_sets_it_right(
    aws: Session, number: str
) -> None:
    given(*COURSE.set_up)
    for _, what, break_it, said in (case for case in SET_WRONG if case[0] == number):
        break_it(aws)
        wrong = [finding for finding in examine(aws, number) if finding.wrong]
        about = [finding for finding in wrong if finding.what == what]
        assert len(about) == 1, (what, wrong)
        assert said in about[0].wrong
        fix({number: wrong})
        assert is_right(examine(aws, number)), what
    assert not any(findings(aws).values())


def test_every_expectation_has_been_seen_failing(aws: Session) -> None:
    """Those about a resource fail when it is deleted; each of the others has its case above."""
    given(*COURSE.set_up)
    described = {what for _, what, _, _ in SET_WRONG}
    described |= {str(resource) for resource in inventory(aws)}
    described |= {"Orders move from CustomerOrders", "Nothing was lost"}  # test_movement.py
    alike = re.compile(r"(retention of|Who may assume|What|configuration of|Room for) ")
    kinds = {m[1] for what in described if (m := alike.search(what))}
    for number in COURSE.set_up:
        for finding in examine(aws, number):
            same_kind = alike.search(finding.what)
            assert finding.what in described or (same_kind and same_kind[1] in kinds), finding.what


def test_a_stranger_of_our_name_is_told_from_ours(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    (finding,) = [f for f in examine(aws, "01") if f.what == "SQS queue CustomerOrders"]
    assert finding.wrong == "expected one with our tags, found one without them"
    assert "LAB_PREFIX" in finding.fix


def test_a_check_only_looks(aws: Session, calls_made: set[str]) -> None:
    given(*COURSE.set_up, "06")
    calls_made.clear()
    for number in COURSE.numbers:
        examine(make_session(aws.endpoint_url or ""), number)  # its clients are new
    assert len(calls_made) > 20
    assert {name for name in calls_made if not READS.match(name)} == set()


def test_dead_letters_are_a_finding_of_chapter_04(aws: Session) -> None:
    given(*COURSE.set_up, "06")
    assert is_right(examine(aws, "06"))
    url = _queue_url(aws, names().function_dead_letters)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="an order")
    (wrong,) = [f for f in examine(aws, "06") if f.wrong]
    assert (wrong.what, wrong.wrong) == (
        "Dead-letter queue record_order-dead-letters",
        "expected 0 messages, found 1",
    )
    assert "`lab dead-letters`" in wrong.fix and "`lab redrive`" in wrong.fix
    assert "cell" not in wrong.fix  # the one that finds them only counts


# -- Going back -----------------------------------------------------------------------------------


def test_nothing_more_is_broken_where_something_is_broken_already(aws: Session) -> None:
    given(*COURSE.set_up)
    lab.insist(*COURSE.set_up)
    role = names().role(names().record_order, "us-east-1")
    aws.client("iam").delete_role_policy(RoleName=role, PolicyName="record-order")
    with pytest.raises(MissingStepError, match="run chapters 01 to 05 again"):
        run_chapters("08")
    assert lab.dead_letters(aws) == []


@pytest.mark.slow
def test_reset_undoes_a_chapter_and_what_builds_on_it(aws: Session) -> None:
    given(*COURSE.set_up, "06")
    for says in (
        "Undid 04, 05, 06, 07, 08, 09; 0 left",
        "There was nothing of 04, 05, 06, 07, 08, 09 to undo.",
    ):
        result = run_lab("reset", "4")
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, says)
        assert is_right(examine(aws, "01"))
        assert is_right(examine(aws, "03"))
        for number in ("04", "05", "06"):
            assert not has_begun(examine(aws, number))
    assert resources(aws)["subscriptions"] == 2  # by e-mail, which are chapter 03's
    catch_up.go_to(COURSE, aws, COURSE.find("06"))
    assert not any(findings(aws).values())


def test_a_chapter_that_is_not_begun_says_how_to_begin(aws: Session) -> None:
    given("01")
    *_, last = run_lab("check", "05").stdout.splitlines()
    assert last == (
        "05 Connect is not begun: `lab goto 05` makes what it builds on; then run it from its "
        "first cell."
    )
    *_, last = run_lab("check", "04").stdout.splitlines()
    assert last == "04 Record orders is not begun: run it from its first cell."
    assert "not begun" not in run_lab("check", "01").stdout


def test_reset_undoes_orders_too_where_a_chapter_made_nothing_else(aws: Session) -> None:
    given("04")
    table = aws.resource("dynamodb").Table(names().table)
    table.put_item(Item={"order_id": "chapter-06-mine"})
    assert run_lab("reset", "06").stdout.splitlines() == [
        "Deleted what chapter 06 ordered from the table: 1.",
        "Undid 06; 0 left",
    ]
    assert run_lab("reset", "06").stdout == "There was nothing of 06 to undo.\n"


@pytest.mark.slow
def test_reset_of_05_takes_the_chain_apart_and_keeps_its_ends(aws: Session) -> None:
    given(*COURSE.set_up)
    assert catch_up.undo(COURSE, aws, catch_up.undone_by(COURSE, COURSE.find("05"))).left == []
    assert {n: bool(f) for n, f in findings(aws).items()} == {
        "01": False, "02": False, "03": False, "04": False, "05": True,
    }  # fmt: skip
    assert "mappings" not in resources(aws)
    run_chapters("05", "06")


def test_reset_forgets_the_orders_of_a_chapter_and_no_others(aws: Session) -> None:
    given(*COURSE.set_up)
    table = aws.resource("dynamodb").Table("Orders")
    for order_id in ("chapter-06-1", "exercise-06", "chapter-07-1", "mine"):
        table.put_item(Item={"order_id": order_id})
    result = run_lab("reset", "06")
    assert result.exit_code == 0, result.stderr
    left = {item["order_id"] for item in table.scan()["Items"]}
    assert {"chapter-07-1", "mine"} <= left
    assert not left & {"chapter-06-1", "exercise-06"}


def test_orders_are_found_on_every_page(aws: Session) -> None:
    given("04")
    table = aws.resource("dynamodb").Table("Orders")
    with table.batch_writer() as batch:
        for number in range(30):  # 30 items of 100 kB are several pages of 1 MB
            batch.put_item(Item={"order_id": f"chapter-07-{number}", "product": "x" * 100_000})
    assert len(list(orders.recorded(aws, "chapter-07-"))) == 30
    assert orders.forget(aws, "chapter-07-1") == 11
    assert orders.forget(aws, "chapter-07-1") == 0


# -- Wrong input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["12", "99", "tea", "", "-1", "003"])
@pytest.mark.parametrize("command", ["check", "goto", "hint", "reset"])
def test_a_number_that_is_no_chapter_lists_the_chapters(command: str, number: str) -> None:
    result = run_lab(command, "--", number)
    assert result.exit_code == 1, result.output
    assert "UnknownChapterError: There is no chapter" in result.stderr
    for chapter in COURSE.chapters:
        assert f"  {chapter.title}" in result.stderr
    assert result.stdout == ""


def test_chapters_are_found_with_and_without_the_zero() -> None:
    assert COURSE.find("5") is COURSE.find("05")
    with pytest.raises(UnknownChapterError):
        COURSE.find("three")


def test_check_as_json_is_for_scripts(aws: Session) -> None:
    given("04")
    result = run_lab("check", "04", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["04"] and all(finding["wrong"] == "" for finding in found["04"])
    assert run_lab("check", "03", "--json").exit_code == 1


def test_on_aws_reset_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TARGET", "aws")
    monkeypatch.setattr(chapters, "session", lambda **_: pytest.fail("it went on"))
    result = CliRunner().invoke(main, ["reset", "04"], input="n\n")
    assert result.exit_code == 1
    assert "Delete what chapters 04, 05, 06, 07, 08, 09 made on AWS?" in result.output


# -- Exercises ------------------------------------------------------------------------------------


def unsolved_then_solved(aws: Session, number: str) -> None:
    """Run a chapter as a learner does: the exercise is not solved; with its solution it is."""
    chapter = COURSE.find(number)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells.cells(chapter):
        if not cell.is_code:
            continue
        here = lab.session() if chapter.in_own_cloud else aws
        if "solution" in cell.tags:
            assert exercises.missing(here, chapter), f"exercise {number} is solved already"
        exec(compile(cell.source, cell.id, "exec"), namespace)
        if "solution" in cell.tags:
            wait_until(partial(is_solved, here, chapter), "it is solved", timeout=90)
    own_cloud.leave_own_cloud()


def is_solved(aws: Session, chapter: Chapter) -> bool:
    return not exercises.missing(aws, chapter)


@pytest.fixture
def orders_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "orders.jsonl"
    monkeypatch.setattr(orders, "ORDERS_FILE", path)
    monkeypatch.setattr(lab, "ORDERS_FILE", path)
    return path


@pytest.mark.long
def test_every_exercise_fails_unsolved_and_passes_solved(
    aws: Session, orders_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_sessions(monkeypatch)  # a cell has them show their calls
    for number in COURSE.numbers:
        if number != "07":
            unsolved_then_solved(aws, number)
    assert len(orders_file.read_text("utf-8").splitlines()) >= 3


@pytest.mark.parametrize("number", [n for n in COURSE.numbers if n not in ("00", "06", "07", "10")])
def test_an_exercise_before_its_chapter_says_what_to_run(aws: Session, number: str) -> None:
    assert "run the cells above first" in exercises.missing(aws, COURSE.find(number))


def test_the_sender_of_exercise_03_shows_in_the_mail(aws: Session) -> None:
    given("01", "02", "03")
    aws.client("sns").set_topic_attributes(
        TopicArn=TOPIC, AttributeName="DisplayName", AttributeValue="Tea shop"
    )
    aws.client("sns").publish(TopicArn=TOPIC, Message="for the tea shop")
    mail = lab.show_mail(aws, TOPIC, "fulfillment@example.com", "for the tea shop")
    assert "From: Tea shop <no-reply@sns.amazonaws.com>\n" in mail


@pytest.mark.parametrize("number", COURSE.numbers)
def test_hints_come_one_at_a_time(number: str) -> None:
    hints = COURSE.find(number).exercise.hints
    assert len(hints) >= 2
    for which, hint in enumerate(hints, 1):
        result = run_lab("hint", number, str(which))
        assert result.exit_code == 0
        assert hint in result.output
        assert not any(other in result.output for other in hints if other != hint)
        if which < len(hints):
            assert f"lab hint {number} {which + 1}" in result.output
        else:
            assert COURSE.find(number).script.name in result.output


def test_every_chapter_has_an_exercise() -> None:
    assert all(chapter.exercise.hints for chapter in COURSE.chapters)
