"""`lab explain`: every error in its table is the one that really comes."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.auth
import nbformat
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import lab
from lab.aws import guard
from lab.aws.session import Session
from lab.classroom import credentials, roster
from lab.commands import main
from lab.course import COURSE, facade, function_logs
from lab.engine import exercises, explain
from lab.here import last_error, local, settings
from lab.here.folders import ROOT
from lab.here.lock import set_up_lock
from lab.here.own_cloud import environment
from localcloud.host import private, start_key
from tests.support import http
from tests.support.chapters import given, run_chapters
from tests.support.events import event
from tests.support.explanations import EXPLANATIONS, name_for
from tests.support.functions import TRUST, invoke, make_function, make_role, zip_of
from tests.support.mistakes import MISTAKES
from tests.support.processes import run_lab, run_script
from tests.support.roles import (
    allow,
    as_role,
    denied,
    make_record_order_without_its_dead_letters,
    make_trigger_without,
    take_away,
)
from tests.support.sessions import make_session

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
ECHO = "def handler(event, context):\n    return event\n"
HINT = "What does it mean? Run: lab explain"
HINT_IN_A_CELL = HINT.replace("lab explain", "!lab explain")


# -- What can happen without AWS is made to happen ---------------------------------------------


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return local.address(int(found.getsockname()[1]))


def on_aws(**variables: str) -> Any:
    """The settings of somebody who works on AWS and has configured nothing."""
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return environment(
        LAB_TARGET="aws", AWS_EC2_METADATA_DISABLED="true", **{**nothing, **variables}
    )


def not_ours(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    COURSE.find("01").run()


def another_account(aws: Session) -> None:
    caller = guard.Caller("arn", "123456789012", "", "default", "us-east-1", "AWS's own")
    guard.refuse_another(caller, ["111122223333"], None, input)


def refused(aws: Session) -> None:
    given(*COURSE.set_up)
    break_take_order(aws, "def handler(event, context):\n    raise ValueError\n")
    COURSE.find("06").run()


def second_set_up(aws: Session) -> None:
    with set_up_lock():
        result = run_lab("up")
    raise RuntimeError(result.stderr)


def twice(aws: Session) -> None:
    given("01", "02")
    aws.client("apigateway").create_api_key(name="Orders-shop-key", tags=lab.tags())
    run_chapters("02")


def silent(_: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = local.address(int(listener.getsockname()[1]))
        config = Config(read_timeout=0.1, retries={"max_attempts": 0})
        make_session(address).client("sqs", config=config).list_queues()


def port_taken(aws: Session) -> None:
    with contextlib.closing(
        socket.socket()
    ) as taken:  # it does not listen, so nothing seems to be there
        taken.bind(("127.0.0.1", 0))
        local.start(int(taken.getsockname()[1]))


def clock_off(aws: Session) -> None:
    earlier = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: earlier)
        aws.client("sqs").list_queues()


def key_file_spoiled(aws: Session) -> None:
    assert aws.endpoint_url is not None
    key = local.key_at(aws.endpoint_url)
    assert key is not None
    path = start_key.path_of(key.port)
    text = path.read_text()
    path.write_text("tea")
    try:
        lab.session()
    finally:
        private.write(path, text)


def old_keys(aws: Session) -> None:
    keys = {"aws_access_key_id": "LOCALOFANOTHERSTART2", "aws_secret_access_key": "x"}
    Session(aws.endpoint_url, **keys, region_name="us-east-1").client("sqs").list_queues()


def of_another_user(aws: Session) -> None:
    assert aws.endpoint_url is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "key_at", lambda url: None)
        patch.setattr(start_key, "user_id", lambda: -1)
        local.refuse_another_users.cache_clear()
        local.refuse_another_users(aws.endpoint_url)


def no_roster(aws: Session) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "roster.csv")
        path.write_text("name,email\nJosé,jose@example.com\n", "utf-8")
        roster.read(path)


def no_private_file(aws: Session) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ana.env")
        path.write_text("AWS_ACCESS_KEY_ID=a\n", "utf-8")
        path.chmod(0o644)
        credentials.known_key(path)


def no_credentials(aws: Session) -> None:
    with on_aws(AWS_REGION="us-east-1"):
        lab.session()


def no_profile(aws: Session) -> None:
    with on_aws(AWS_REGION="us-east-1", AWS_PROFILE="tutorial"):
        lab.session()


def no_region(aws: Session) -> None:
    with on_aws():
        lab.session()


def no_local_cloud(aws: Session) -> None:
    once = Config(retries={"total_max_attempts": 1})
    lab.session().client("sqs", endpoint_url=free_address(), config=once).list_queues()


def no_target(aws: Session) -> str:
    with environment(LAB_PORT=free_address().rpartition(":")[2]):
        return run_lab("logs", "--cloud").stderr


def no_role(aws: Session) -> None:
    arn = "arn:aws:iam::123456789012:role/missing"
    package = {"ZipFile": zip_of(ECHO)}
    aws.client("lambda").create_function(
        FunctionName="f", Role=arn, Handler="app.handler", Runtime=lab.RUNTIME, Code=package
    )


def function_exists(aws: Session) -> None:
    for _ in range(2):
        make_function(aws, "f", ECHO)


def permission_exists(aws: Session) -> None:
    make_function(aws, "f", ECHO)
    for _ in range(2):
        aws.client("lambda").add_permission(
            FunctionName="f", StatementId="a", Action="lambda:InvokeFunction", Principal="*"
        )


def make_trigger(aws: Session, timeout: int) -> None:
    make_function(aws, "f", ECHO, Timeout=timeout)
    aws.client("sqs").create_queue(QueueName="q")
    for _ in range(2):
        aws.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)


def trigger_without_a_queue(aws: Session) -> None:
    make_function(aws, "f", ECHO)
    aws.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)


def queue_exists(aws: Session) -> None:
    for seconds in ("30", "31"):
        attributes = {"VisibilityTimeout": seconds}
        aws.client("sqs").create_queue(QueueName="q", Attributes=attributes)


def table_exists(aws: Session) -> None:
    for _ in range(2):
        aws.client("dynamodb").create_table(
            TableName="tea",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def no_table(aws: Session) -> None:
    aws.client("dynamodb").put_item(TableName="Orders", Item={"order_id": {"S": "a"}})


def no_topic(aws: Session) -> None:
    entries = [{"Id": "1", "Message": "tea"}]
    arn = "arn:aws:sns:us-east-1:123456789012:Orders"
    aws.client("sns").publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)


def too_slow(aws: Session) -> str:
    source = "import time\ndef handler(event, context):\n    time.sleep(5)\n"
    make_function(aws, "f", source, Timeout=1)
    return json.dumps(invoke(aws, "f")["Payload"])


def not_loadable(aws: Session) -> str:
    make_function(aws, "f", "import order_book\n")
    return json.dumps(invoke(aws, "f")["Payload"])


def no_variable(aws: Session) -> str:
    aws.client("lambda").create_function(
        FunctionName="f",
        Role=make_role(aws),
        Handler="notify_fulfillment.lambda_handler",
        Runtime=lab.RUNTIME,
        Timeout=15,
        Code={"ZipFile": lab.package("notify_fulfillment")},
    )
    return json.dumps(invoke(aws, "f", event("notify_fulfillment"))["Payload"])


def other_content(aws: Session) -> str:
    given("04")
    other = event("record_order")
    message = json.loads(other["Records"][0]["Sns"]["Message"])
    other["Records"][0]["Sns"]["Message"] = json.dumps({**message, "quantity": 99})
    return json.dumps(invoke(aws, "record_order", other)["Payload"])


class Shop:
    """Chapter 02's API, and posting to it as the shop does."""

    def __init__(self, aws: Session) -> None:
        given("01", "02")
        self.api = aws.client("apigateway")
        self.id = self.api.get_rest_apis()["items"][0]["id"]
        self.url = lab.invoke_url(aws, self.id, "prod", "/orders")
        self.key = self.api.get_api_keys(includeValues=True)["items"][0]["value"]

    def post(self, path: str = "", quantity: int = 1, key: str | None = None) -> str:
        """The answer, as chapter 06 prints it."""
        order = {"product": "tea", "quantity": quantity}
        headers = {"x-api-key": key or self.key}
        answer = http.request("POST", self.url + path, json=order, headers=headers)
        return f"{answer.status} {answer.data.decode()}"

    def plan(self, **limits: Any) -> None:
        """Let the key that is used from now on belong to a plan with these limits."""
        stages = [{"apiId": self.id, "stage": "prod"}]
        plan = self.api.create_usage_plan(name="tight", apiStages=stages, **limits)
        key = self.api.create_api_key(name="tight", enabled=True)
        self.api.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        self.key = key["value"]


def break_take_order(aws: Session, source: str) -> None:
    lambda_ = aws.client("lambda")
    lambda_.update_function_code(FunctionName="take_order", ZipFile=zip_of(source))
    lambda_.update_function_configuration(FunctionName="take_order", Handler="app.handler")


def throttled(aws: Session) -> str:
    shop = Shop(aws)
    shop.plan(throttle={"rateLimit": 0.1, "burstLimit": 1})
    return [shop.post() for _ in range(2)][-1]


def quota_used_up(aws: Session) -> str:
    shop = Shop(aws)
    shop.plan(quota={"limit": 1, "period": "DAY"})
    return [shop.post() for _ in range(2)][-1]


def answer_500(aws: Session) -> str:
    shop = Shop(aws)
    aws.client("lambda").delete_function(FunctionName="take_order")
    return shop.post()


def answer_502(aws: Session) -> str:
    shop = Shop(aws)
    break_take_order(aws, "def handler(event, context):\n    raise ValueError\n")
    return shop.post()


def answer_504(aws: Session) -> str:
    shop = Shop(aws)
    break_take_order(aws, "import time\ndef handler(event, context):\n    time.sleep(3)\n")
    resources = shop.api.get_resources(restApiId=shop.id)["items"]
    ids = {
        "restApiId": shop.id,
        "resourceId": next(r["id"] for r in resources if r["path"] == "/orders"),
        "httpMethod": "POST",
    }
    found = shop.api.get_integration(**ids)
    shop.api.put_integration(
        **ids,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=found["uri"],
        timeoutInMillis=100,
    )
    shop.api.create_deployment(restApiId=shop.id, stageName="prod")
    return shop.post()


def pending(aws: Session) -> str:
    sns = aws.client("sns")
    arn = sns.create_topic(Name="Orders")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="ana@example.com")
    return str(sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"])


def other_python(aws: Session) -> str:
    found = subprocess.run(  # isolated, and without what is installed
        [sys.executable, "-I", "-S", str(COURSE.find("01").script)],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stderr


def no_redrive_policy(aws: Session) -> None:
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="q")
    sqs.start_message_move_task(SourceArn="arn:aws:sqs:us-east-1:123456789012:q")


def role_exists(aws: Session) -> None:
    for _ in range(2):
        aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))


READER = """
import boto3

def lambda_handler(event, context):
    boto3.client("dynamodb").scan(TableName="Orders")
"""


def asks_for_too_much(aws: Session) -> str:
    given("04")
    reader = aws.client("lambda").update_function_code(
        FunctionName="record_order", ZipFile=zip_of(READER, "record_order.py")
    )
    error = invoke(aws, reader["FunctionName"])["Payload"]
    return f"{error['errorType']}: {error['errorMessage']}"


def not_told(aws: Session) -> str:
    given("01", "02")
    take_away(aws, "take_order", "sns:Publish")
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"])
    assert json.loads(invoke(aws, "take_order", event("take_order"))["Payload"]["body"])
    (line,) = [
        line
        for line in function_logs.of_order(aws, "console-test-1")
        if line.says["status"] == "STAKEHOLDERS_NOT_TOLD"
    ]
    return str(line.says["error"])


# What brings the error of each entry about: it raises it, or returns what the learner sees.
CAUSES: dict[str, Callable[[Session], object]] = {
    **MISTAKES,
    "NotOursError: one of our names is taken": not_ours,
    "AccountError: it is not the account that was named": another_account,
    "MissingStepError: an earlier chapter is not right": lambda aws: lab.insist("01"),
    "MissingStepError: an earlier chapter has not been run": lambda aws: COURSE.find("05").run(),
    "SettingsError: a setting has a value that cannot work": lambda aws: settings.load(
        {"LAB_PORT": "tea"}
    ),
    "RosterError: the roster of a class cannot work": no_roster,
    "ClassroomError: a learner's file cannot be used": no_private_file,
    "AccessDenied: take_order may not use the queue": lambda aws: denied(
        aws, "take_order", "sqs:SendMessage"
    ),
    "The queue of a trigger does not exist": trigger_without_a_queue,
    "The role of notify_fulfillment may not read the queue": lambda aws: make_trigger_without(
        aws, "ReceiveMessage"
    ),
    "AccessDenied: notify_fulfillment may not publish": lambda aws: denied(
        aws, "notify_fulfillment", "sns:Publish"
    ),
    "AccessDenied: record_order may not write to the table": lambda aws: denied(
        aws, "record_order", "dynamodb:PutItem"
    ),
    "The role of record_order may not use its dead-letter queue": (
        make_record_order_without_its_dead_letters
    ),
    "AccessDenied: take_order may not tell stakeholders": not_told,
    "AccessDenied: a function does more than its role allows": asks_for_too_much,
    "AccessDenied: your own credentials may not do this": lambda aws: (
        as_role(aws, allow("iam:GetRole")).client("sqs").create_queue(QueueName="mine")
    ),
    "The local cloud does not start": port_taken,
    "The clock of this machine is wrong": clock_off,
    "The key file of the local cloud cannot be used": key_file_spoiled,
    "The keys are not those of the local cloud that runs": old_keys,
    "The local cloud there is another user's": of_another_user,
    "WaitTimeoutError: something did not happen in time": lambda aws: lab.wait_until(
        lambda: None, "the order is in the table", timeout=0.1
    ),
    "RefusedError: the order was not accepted": refused,
    "UnsolvedError: an exercise comes first": lambda aws: exercises.insist(
        aws, COURSE.find("10"), "deletes it"
    ),
    "DuplicateError: something of yours is there twice": twice,
    "LockedError: another set-up or teardown is at work": second_set_up,
    "UnknownChapterError: there is no such chapter": lambda aws: COURSE.find("12"),
    "CourseError: a file of the course lacks something": lambda aws: dataclasses.replace(
        COURSE, last="12"
    ).insist_on_being_whole(),
    "There are no credentials": no_credentials,
    "The profile does not exist": no_profile,
    "There is no region": no_region,
    "The local cloud does not answer": silent,
    "The local cloud is not running": no_local_cloud,
    "Lambda cannot assume the role yet": no_role,
    "ResourceConflictException: the function exists": function_exists,
    "ResourceConflictException: the permission exists": permission_exists,
    "ResourceConflictException: the trigger exists": lambda aws: make_trigger(aws, 30),
    "The queue's visibility timeout is too short": lambda aws: make_trigger(aws, 31),
    "QueueNameExists: the queue is there with other attributes": queue_exists,
    "ResourceInUseException: the table exists": table_exists,
    "Dead letters cannot be sent back: no queue names theirs": no_redrive_policy,
    "The queue does not exist": lambda aws: aws.client("sqs").get_queue_url(QueueName="q"),
    "The log group does not exist": lambda aws: aws.client("logs").filter_log_events(
        logGroupName="/aws/lambda/take_order"
    ),
    "The table does not exist": no_table,
    "The topic does not exist": no_topic,
    "The function does not exist": lambda aws: invoke(aws, "take_order"),
    "A function took too long": too_slow,
    "Lambda cannot load the function's code": not_loadable,
    "A function lacks an environment variable": no_variable,
    "The same order id came with another content": other_content,
    "403 Missing Authentication Token: there is no such route": lambda aws: Shop(aws).post("/x"),
    "403 Forbidden: no valid API key": lambda aws: Shop(aws).post(key="none"),
    "429 Limit Exceeded: the day's quota is used up": quota_used_up,
    "429 Too Many Requests: orders come too fast": throttled,
    "500 from the API: it may not or cannot call take_order": answer_500,
    "502 from the API: take_order failed": answer_502,
    "504 from the API: take_order was too slow": answer_504,
    "Internal server error: a 500 or a 502": lambda aws: answer_502(aws).removeprefix("502 "),
    "400 from the API: the order is malformed": lambda aws: Shop(aws).post(quantity=0),
    "The e-mail address is not confirmed": pending,
    "No module named lab: the notebook has another Python": other_python,
    "NameError: a cell before this one has not been run": lambda aws: exec(
        "sqs = aws.client('sqs')", {}
    ),
    "ParamValidationError: the call is written wrong": lambda aws: aws.client("sqs").create_queue(),
    "TargetError: the chosen cloud cannot be used": no_target,
    "A thing of that name exists already": role_exists,
    "Something does not exist": lambda aws: aws.client("iam").get_role(RoleName="r"),
}


def test_what_can_happen_without_aws_is_just_what_is_made_to_happen_here() -> None:
    assert {entry.name for entry in EXPLANATIONS if entry.local} == CAUSES.keys()


@pytest.mark.parametrize("name", CAUSES)
def test_an_error_that_really_happens_is_explained(aws: Session, name: str) -> None:
    try:
        text = CAUSES[name](aws)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    assert isinstance(text, str), "no error came"
    assert name_for(text, local=True) == name, text


def script(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "chapter.py"
    path.write_text("\n".join(["import lab", "aws = lab.session()", *lines]), "utf-8")
    return str(path)


NO_QUEUE = 'aws.client("sqs").get_queue_url(QueueName="nothing")'


def test_a_script_that_fails_points_to_the_explanation(cloud: str, tmp_path: Path) -> None:
    result = run_script(script(tmp_path, NO_QUEUE))
    assert result.returncode == 1
    line, hint = result.stderr.splitlines()
    assert line.startswith("QueueDoesNotExist: An error occurred")
    assert hint == HINT
    explained = subprocess.run(
        [sys.executable, "-m", "lab", "explain"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\nThe queue does not exist\n" in explained.stdout


def test_there_is_no_hint_where_there_is_nothing_to_explain(cloud: str, tmp_path: Path) -> None:
    ours = run_script(script(tmp_path, 'raise lab.LabError("Fix it.")'))
    assert ours.stderr.splitlines() == ["LabError: Fix it."]
    assert last_error.recall() == "LabError: Fix it."
    error = ClientError({"Error": {"Code": "Teapot", "Message": "short and stout"}}, "Brew")
    assert len(facade.report(error)) == 1


@contextlib.contextmanager
def kernel_variables() -> Any:
    """What a kernel keeps on disk stays in the test's own directory."""
    names = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setenv(name, tempfile.gettempdir())
        yield


def run_notebook(*cells: str, **options: Any) -> list[list[Any]]:
    """The outputs of the cells, run as a notebook of the tutorial."""
    new: Any = nbformat.v4
    notebook = new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells])
    with kernel_variables():
        NotebookClient(
            notebook,
            timeout=60,
            kernel_name="python3",
            resources={"metadata": {"path": str(ROOT)}},
            **options,
        ).execute()
    return [cell.outputs for cell in notebook.cells]


def test_in_a_notebook_an_error_that_can_be_mended_has_no_traceback(cloud: str) -> None:
    start = "import lab\naws = lab.session()"
    _, (ours,), (_, other), (theirs,) = run_notebook(
        start,
        'raise lab.LabError("Fix it.")',
        "print('tea')\n1 / 0",
        NO_QUEUE,
        allow_errors=True,
    )
    assert {ours.output_type, other.output_type, theirs.output_type} == {"error"}
    assert ours.traceback == ["LabError: Fix it."]
    assert theirs.ename == "QueueDoesNotExist"
    assert theirs.traceback == [f"{theirs.ename}: {theirs.evalue}", HINT_IN_A_CELL]
    assert any("1 / 0" in re.sub(r"\x1b\[[\d;]*m", "", line) for line in other.traceback)
    assert name_for(last_error.recall() or "") == "The queue does not exist"


@pytest.mark.long
def test_in_a_notebook_any_error_is_remembered(cloud: str) -> None:
    run_notebook("import lab", "sqs", allow_errors=True)  # a cell that was run out of its turn
    assert (
        name_for(last_error.recall() or "") == "NameError: a cell before this one has not been run"
    )


@pytest.mark.long
def test_in_a_notebook_a_cloud_that_is_gone_is_one_line(cloud: str, free_port: int) -> None:
    post = f"import urllib3\nurllib3.request('POST', 'http://127.0.0.1:{free_port}', retries=0)"
    _, (gone,) = run_notebook("import lab", post, allow_errors=True)
    assert len(gone.traceback) == 2
    assert gone.traceback[1] == HINT_IN_A_CELL


def test_an_endpoint_where_nobody_listens_is_what_the_cure_asks_about(free_port: int) -> None:
    with environment(AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port}"):
        text = f"Could not connect to the endpoint URL: {lab.session().endpoint_url}"
        found = explain.explain(EXPLANATIONS, text)
        result = CliRunner().invoke(main, ["mail"])
    assert found and "AWS_ENDPOINT_URL" in found.cure
    assert result.exit_code == 1
    assert "went to its real recipient" not in result.stderr
    assert "AWS_ENDPOINT_URL" in result.stderr


@pytest.mark.long
def test_in_a_notebook_such_an_error_still_ends_the_run(cloud: str) -> None:
    with pytest.raises(CellExecutionError, match="NonExistentQueue"):
        run_notebook("import lab\naws = lab.session()", NO_QUEUE, "print('not reached')")
