"""`lab class`: users, keys and chains for a roster, how far all are, and nothing left of it."""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError
from click.testing import CliRunner

from lab.aws import session as sessions
from lab.aws.rates import names_for
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.classroom.process import STOPPED, Ended, last_words, processes
from lab.classroom.standing import WRONG, Memory, Standing
from lab.classroom.user import PATH, AccessKey, User
from lab.commands import main
from lab.course import COURSE, learner_calls
from lab.course.names import Names
from lab.course.resources import inventory_of
from lab.errors import NotOursError
from lab.here.folders import ROOT
from lab.here.own_cloud import environment
from localcloud.host import private
from tests.support.chapters import resources, run_chapters, status
from tests.support.processes import Completed, run_lab, run_script
from tests.support.roles import allow

ACCOUNT = "123456789012"
NAMES = ("ana", "bo", "cy")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a roster of three, in which the instructor works."""
    monkeypatch.chdir(tmp_path)
    lines = "".join(f"{name},{name}@example.com\n" for name in NAMES)
    (tmp_path / "roster.csv").write_text(f"name,email\n{lines}", "utf-8")
    return tmp_path


def run(command: str, *arguments: str, status: int = 0) -> Completed:
    result = run_lab("class", command, "roster.csv", *arguments)
    assert result.returncode == status, result.stdout + result.stderr
    return result


def as_json(command: str, *arguments: str, status: int = 0) -> Any:
    """What a script gets: standard output holds the JSON and nothing else."""
    return json.loads(run(command, *arguments, "--json", status=status).stdout)


def variables(room: Path, name: str) -> dict[str, str]:
    """What a shell has after it has read a learner's file."""
    script = f"set -a; . ./class/{name}.env; env -0"
    found = subprocess.run(["sh", "-c", script], cwd=room, capture_output=True, check=True).stdout
    pairs = (part.partition("=") for part in found.decode().split("\0") if part)
    return {key: value for key, _, value in pairs if key.startswith(("AWS_", "LAB_"))}


def session_of(room: Path, name: str) -> Session:
    found = variables(room, name)
    return Session(
        found["AWS_ENDPOINT_URL"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        region_name=found["AWS_REGION"],
    )


def users(aws: Session) -> dict[str, list[str]]:
    """The ids of the keys of each user."""
    iam = aws.client("iam")
    names = [user["UserName"] for user in iam.list_users()["Users"]]
    return {
        name: [k["AccessKeyId"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
        for name in names
    }


def policies(aws: Session) -> list[str]:
    found = aws.client("iam").list_policies(Scope="Local")["Policies"]
    return [policy["PolicyName"] for policy in found]


def there(aws: Session, name: str) -> list[str]:
    """The kinds of a learner's things that are there."""
    made = inventory_of(aws, Names(f"{name}-"))
    return [each.kind for each in made if each.find_all()]


@pytest.mark.long
def test_a_class_is_set_up_looked_at_and_cleared(aws: Session, room: Path) -> None:
    aws.client("sqs").create_queue(QueueName="ana-CustomerOrders-of-others")
    aws.client("iam").create_user(UserName="teacher")
    everything = len(inventory_of(aws, Names("ana-")))
    said = run("up", "--with-chain").stdout
    assert "3 learners in the local cloud at" in said
    assert "that takes 15 s at least (CreateDeployment, one in 5 s, for the whole account)" in said
    assert said.endswith(
        "3 of 3 done. Give each learner their file in class; its first line says how.\n"
    )
    assert [len(there(aws, name)) for name in NAMES] == [everything] * 3
    secrets = [variables(room, name)["AWS_SECRET_ACCESS_KEY"] for name in NAMES]
    assert not any(secret in said for secret in secrets)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (room / "class").iterdir()] == [0o600] * 3

    grid = run("status").stdout.splitlines()
    assert grid[0].split() == ["learner", *(c.number for c in COURSE.here[:-1]), "stuck"]
    marks = ["ok" if c.number in COURSE.set_up else "-" for c in COURSE.here[:-1]]
    assert [line.split() for line in grid[1:]] == [[name, *marks] for name in NAMES]

    listed = run("down", "--dry-run").stdout
    ours = f"{everything} of the chain, IAM policy ana-learner, IAM user ana-learner"
    assert f"  ana                  {ours}, class{os.sep}ana.env\n" in listed
    assert [each["problem"] for each in as_json("down", "--yes")["learners"]] == ["", "", ""]
    assert resources(aws) == {"queues": 1}
    assert (users(aws), policies(aws)) == ({"teacher": []}, [])
    assert list((room / "class").iterdir()) == []


@pytest.mark.slow
def test_a_learner_can_do_all_chapters_and_cannot_touch_what_another_has(
    aws: Session, room: Path
) -> None:
    run("up")
    run_as(room, "bo", "up")
    run_as(room, "ana", "up")
    script = f"scripts/{COURSE.find('verify').script.name}"
    with environment(**variables(room, "ana")):
        done = run_script(script)
        assert (done.returncode, "Stored the item" in done.stdout) == (0, True), done.stderr
    ana, theirs = session_of(room, "ana"), Names("bo-")
    for attempt in attempts(ana, theirs):
        with pytest.raises(ClientError) as caught:
            attempt()
        assert re.search(r"Denied|AuthorizationError", caught.value.response["Error"]["Code"])
    run_as(room, "ana", "down", "--yes")
    assert there(aws, "ana") == []
    assert run_as(room, "bo", "check", COURSE.set_up[-1]).returncode == 0


def attempts(ana: Session, theirs: Names) -> list[Callable[[], object]]:
    """To read, change and delete things of another learner."""
    here = f"us-east-1:{ACCOUNT}"
    url = f"{ana.endpoint_url}/{ACCOUNT}/{theirs.queue}"
    role = theirs.role(theirs.take_order, "us-east-1")
    sqs, sns, iam = ana.client("sqs"), ana.client("sns"), ana.client("iam")
    dynamodb, lambda_, logs = ana.client("dynamodb"), ana.client("lambda"), ana.client("logs")
    topic = f"arn:aws:sns:{here}:{theirs.topic}"
    return [
        lambda: sqs.receive_message(QueueUrl=url),
        lambda: sqs.send_message(QueueUrl=url, MessageBody="tea"),
        lambda: sqs.delete_queue(QueueUrl=url),
        lambda: sns.publish(TopicArn=topic, Message="tea"),
        lambda: sns.delete_topic(TopicArn=topic),
        lambda: dynamodb.scan(TableName=theirs.table),
        lambda: dynamodb.delete_table(TableName=theirs.table),
        lambda: lambda_.get_function(FunctionName=theirs.take_order),
        lambda: lambda_.invoke(FunctionName=theirs.take_order),
        lambda: lambda_.delete_function(FunctionName=theirs.take_order),
        lambda: logs.filter_log_events(logGroupName=theirs.log_group(theirs.take_order)),
        lambda: logs.delete_log_group(logGroupName=theirs.log_group(theirs.take_order)),
        lambda: iam.get_role(RoleName=role),
        lambda: iam.delete_role(RoleName=role),
        lambda: iam.create_access_key(UserName=theirs.user),
        lambda: iam.create_user(UserName="another"),
    ]


def run_as(room: Path, name: str, *arguments: str) -> Completed:
    """Run `lab` as a learner who has read their file."""
    with environment(**variables(room, name)):
        result = run_lab(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def test_a_key_stays_with_its_file_and_is_replaced_without(aws: Session, room: Path) -> None:
    run("up")
    before = users(aws)
    assert all(len(keys) == 1 for keys in before.values())
    run("up")
    assert users(aws) == before
    (room / "class" / "ana.env").unlink()
    path = room / "class" / "bo.env"
    path.write_text(re.sub("(SECRET_ACCESS_KEY)=.*", r"\1=", path.read_text("utf-8")), "utf-8")
    aws.client("iam").create_access_key(UserName="cy-learner")  # a second one, of nobody's file
    run("up")
    after = users(aws)
    assert after["cy-learner"] == before["cy-learner"]
    for name in ("ana", "bo"):
        (key,) = after[f"{name}-learner"]
        assert key not in before[f"{name}-learner"]
        assert key == variables(room, name)["AWS_ACCESS_KEY_ID"]
        assert session_of(room, name).client("sts").get_caller_identity()["Arn"].endswith(
            f":user{PATH}{name}-learner"
        )  # fmt: skip


def test_a_changed_address_gets_into_the_file_with_the_same_key(aws: Session, room: Path) -> None:
    run("up")
    before = variables(room, "ana")
    roster = room / "roster.csv"
    roster.write_text(roster.read_text("utf-8").replace("ana@", "a'n$a@"), "utf-8")
    run("up")
    assert variables(room, "ana") == {**before, "LAB_EMAIL": "a'n$a@example.com"}


@pytest.mark.slow
def test_one_who_fails_is_named_and_the_others_are_done(aws: Session, room: Path) -> None:
    aws.client("sqs").create_queue(QueueName="bo-CustomerOrders")
    aws.client("iam").create_user(UserName="cy-learner")
    (room / "class").mkdir()
    result = run("up", "--with-chain", status=1)
    assert "1 of 3 done." in result.stdout
    lines = result.stderr.splitlines()
    assert any(line.startswith("bo: NotOursError: Not made by this tutorial") for line in lines)
    assert any(line.startswith("cy: NotOursError: Not made by this tutorial") for line in lines)
    assert len(there(aws, "ana")) == len(inventory_of(aws, Names("ana-")))
    assert [each["problem"] for each in as_json("down", "--yes")["learners"]] == [""] * 3
    assert (users(aws), resources(aws)) == ({"cy-learner": []}, {"queues": 1})


def test_a_policy_of_an_older_edition_is_brought_up_to_date(aws: Session, room: Path) -> None:
    iam, user = aws.client("iam"), User(aws, Names("ana-"), ACCOUNT)
    key = user.make(None)
    arn = f"arn:aws:iam::{ACCOUNT}:policy{PATH}ana-learner"
    wanted = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    older = json.dumps({"Version": "2012-10-17", "Statement": [allow("sqs:ListQueues")]})
    for _ in range(4):  # AWS keeps five at most
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=older, SetAsDefault=True)
    assert user.make(key) == key
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    (default,) = (each["VersionId"] for each in versions if each["IsDefaultVersion"])
    found = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"]
    assert (found, len(versions)) == (wanted, 5)
    assert user.delete() == []
    assert policies(aws) == []


def test_what_iam_does_not_know_yet_is_asked_again(aws: Session, room: Path) -> None:
    user = User(aws, Names("ana-"), ACCOUNT)
    refused: list[str] = []

    def refuse(model: Any, **_: Any) -> Any:
        if refused.count(model.name) == 2:
            return None
        refused.append(model.name)
        error = {"Error": {"Code": "NoSuchEntity", "Message": "not yet"}, "ResponseMetadata": {}}
        headers: Any = {}
        return AWSResponse("", 404, headers, None), error

    names = ("AttachUserPolicy", "CreateAccessKey")
    for name in names:
        user._iam.meta.events.register(f"before-call.iam.{name}", refuse, unique_id=name)
    key = user.make(None)
    for name in names:
        user._iam.meta.events.unregister(f"before-call.iam.{name}", unique_id=name)
    assert users(aws) == {"ana-learner": [key.id]}
    assert refused == ["AttachUserPolicy"] * 2 + ["CreateAccessKey"] * 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ""),
        ("Killed\n", "Killed"),
        ("From: a\nNotOursError: b\n", "NotOursError: b"),
        ("ClientError: a\nWhat does it mean? Run: lab explain\n", "ClientError: a"),
        ("The SQS queue q could not be deleted: a.\nSee the reasons above, and run it again.\n",
         "The SQS queue q could not be deleted: a."),
    ],
)  # fmt: skip
def test_the_reason_is_found_in_what_a_command_wrote(text: str, why: str) -> None:
    assert last_words(text) == why


def test_a_user_of_others_is_left_alone(aws: Session, room: Path) -> None:
    aws.client("iam").create_user(UserName="ana-learner")
    user = User(aws, Names("ana-"), ACCOUNT)
    key = aws.client("iam").create_access_key(UserName="ana-learner")["AccessKey"]
    with pytest.raises(NotOursError):
        user.make(None)
    user.lock_out()
    assert user.delete() == []
    assert users(aws) == {"ana-learner": [key["AccessKeyId"]]}


@pytest.mark.slow
def test_an_interrupt_stops_what_runs_and_starts_no_more(aws: Session, room: Path) -> None:
    ended: list[Ended] = []
    with processes(aws, keep_to_rates=False) as running:
        thread = threading.Thread(target=lambda: ended.append(running.run("ana-", "", "up")))
        thread.start()
        wait_until(lambda: there(aws, "ana"), "the first thing is there")
        running.stop()
        thread.join()
    assert ended[0].status in (STOPPED, -signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL)
    assert len(there(aws, "ana")) < len(inventory_of(aws, Names("ana-")))
    assert running.run("ana-", "", "up").status == STOPPED
    with pytest.raises(KeyboardInterrupt), processes(aws, keep_to_rates=False) as interrupted:
        raise KeyboardInterrupt
    assert interrupted.run("ana-", "", "up").status == STOPPED


def test_each_process_gets_credentials_that_are_still_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role's credentials last an hour, and boto3 gets new ones; so must who comes later."""
    monkeypatch.setenv("LAB_TARGET", "aws")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    aws = Session(None, region_name="us-east-1")
    refreshed: list[str] = []

    def refresh() -> dict[str, str]:
        refreshed.append(f"key-{len(refreshed)}")
        # Good still, and so short that boto3 gets new ones each time.
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)
        return {
            "access_key": refreshed[-1],
            "secret_key": "s",
            "token": "t",
            "expiry_time": expires.isoformat(),
        }

    found = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    monkeypatch.setattr(aws, "get_credentials", lambda: found)
    given: list[str] = []

    def note(_: list[str], *, env: dict[str, str], **__: Any) -> Any:
        given.append(env["AWS_ACCESS_KEY_ID"])
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "Popen", note)
    for name in ("ana-", "bo-"):
        with (
            pytest.raises(FileNotFoundError),
            processes(aws, keep_to_rates=False) as running,
        ):
            running.run(name, "", "check")
    assert len(set(given)) == 2


def refusing(aws: Session, operation: str, code: str, since: int) -> Callable[[], None]:
    """From the call of that number on, AWS answers an operation of IAM's ("*" for all) with this
    error. Returns what ends that."""
    calls: list[str] = []

    def refuse(model: Any, **_: Any) -> Any:
        calls.append(model.name)
        if len(calls) <= since:
            return None
        error = {"Error": {"Code": code, "Message": "as AWS says"}, "ResponseMetadata": {}}
        headers: Any = {}
        return AWSResponse("", 409, headers, None), error

    event = f"before-call.iam.{operation}"
    aws.events.register(event, refuse, unique_id=code)
    return lambda: aws.events.unregister(event, unique_id=code)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "code", "since"),
    [("CreateUser", "LimitExceeded", 2), ("*", "ExpiredToken", 8)],
)
def test_a_quota_or_credentials_that_run_out_leave_nothing_half_known(
    aws: Session, room: Path, operation: str, code: str, since: int
) -> None:
    """The others are named with the reason, and a second run completes them, or clears them."""
    sessions._made_up.cache_clear()
    working = refusing(sessions.session(), operation, code, since)
    up = CliRunner().invoke(main, ["class", "up", "roster.csv", "--side-by-side", "1"])
    working()
    sessions._made_up.cache_clear()  # clients keep what was registered
    assert up.exit_code == 1
    done = int(re.findall(r"^(\d) of 3 done\.", up.stdout, re.M)[0])
    assert done < 3
    failed = [line for line in up.stderr.splitlines() if f"({code}) when calling" in line]
    assert [line.partition(":")[0] for line in failed] == [*NAMES[done:]]
    if code == "LimitExceeded":
        assert [each["problem"] for each in as_json("status")] == ["", "", ""]
    else:
        run("up")
        assert sorted(users(aws)) == [f"{name}-learner" for name in NAMES]
    run("down", "--yes")
    assert (users(aws), policies(aws)) == ({}, [])


@pytest.mark.slow
def test_a_learner_who_deleted_half_of_theirs_is_shown_completed_and_cleared(
    aws: Session, room: Path
) -> None:
    (room / "roster.csv").write_text("name,email\nana,ana@example.com\n", "utf-8")
    run("up", "--with-chain")
    everything = inventory_of(aws, Names("ana-"))

    def delete_half() -> None:
        wait_until(lambda: status(str(aws.endpoint_url))["is_idle"], "no order is on its way")
        # Of the subscription, too: a retry comes within 50 ms here, so a chapter's order would be
        # given up before its role is back. A learner's has a minute.
        kinds = (
            "REST API", "IAM role", "SQS queue", "DynamoDB table", "event source mapping",
            "subscription",
        )  # fmt: skip
        for resource in reversed([each for each in everything if each.kind in kinds]):
            for found in resource.find_all():
                resource.delete(found)

    delete_half()
    (standing,) = as_json("status")
    assert standing["stuck"] and standing["on"]
    run("up", "--with-chain")
    assert len(there(aws, "ana")) == len(everything)
    delete_half()
    aws.client("iam").delete_access_key(
        UserName="ana-learner", AccessKeyId=users(aws)["ana-learner"][0]
    )
    run("down", "--yes")
    assert (resources(aws), users(aws), policies(aws)) == ({}, {}, [])


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="there is no such signal")
def test_an_interrupted_class_is_completed_or_cleared(aws: Session, room: Path) -> None:
    for command in (("up", "--with-chain"), ("down", "--yes")):
        interrupt_up(aws)
        run(*command)
        for name in NAMES:
            full = command[0] == "up"
            assert len(there(aws, name)) == (len(inventory_of(aws, Names(f"{name}-"))) * full)
        run("down", "--yes")
        assert (resources(aws), users(aws)) == ({}, {})


def interrupt_up(aws: Session) -> None:
    """Press Ctrl-C when the first chain is under way."""
    command = [sys.executable, "-m", "lab", "class", "up", str(Path("roster.csv").resolve())]
    process = subprocess.Popen(
        [*command, "--with-chain", "--folder", str(Path("class").resolve())],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    functions = aws.client("lambda").list_functions
    wait_until(lambda: functions()["Functions"], "the first function is there", timeout=60)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    assert (
        sum(len(there(aws, name)) == len(inventory_of(aws, Names(f"{name}-"))) for name in NAMES)
        < 3
    )


@pytest.mark.slow
def test_who_is_stuck_where_and_on_what(aws: Session, room: Path) -> None:
    run("up")
    first = COURSE.set_up[0]
    with environment(**variables(room, "ana")):
        script = f"scripts/{COURSE.find(first).script.name}"
        assert run_script(script).returncode == 0
    aws.client("sqs").set_queue_attributes(
        QueueUrl=f"{aws.endpoint_url}/{ACCOUNT}/ana-CustomerOrders",
        Attributes={"VisibilityTimeout": "5"},
    )
    ana, bo, _ = as_json("status")
    assert (ana["stuck"], ana["chapters"][first]) == (first, "wrong")
    assert ana["on"].startswith("SQS queue ana-CustomerOrders") or "ana-CustomerOrders" in ana["on"]
    assert (bo["stuck"], bo["chapters"][first]) == ("", "not begun")
    line = run("status").stdout.splitlines()[1]
    assert re.search(rf"^ana +WRONG .* in {first} since \d\d:\d\d: ", line)
    assert as_json("status")[0]["since"] == ana["since"]


@pytest.mark.skipif(os.name != "posix", reason="there is no pseudo-terminal")
@pytest.mark.slow
def test_a_terminal_follows_the_class_until_ctrl_c(aws: Session, room: Path) -> None:
    from tests.support.terminal import on_a_terminal

    (room / "roster.csv").write_text("name,email\nana,ana@example.com\n", "utf-8")
    roster = str(room / "roster.csv")
    with on_a_terminal("class", "status", roster, "--watch", "--interval", "1") as (process, read):
        wait_until(lambda: re.search(r"ana +-", read()), "it shows that nothing is begun")
        aws.client("sqs").create_queue(QueueName="ana-CustomerOrders", tags=Names("ana-").tags)
        wait_until(lambda: re.search(r"ana +WRONG", read()), "it shows what is begun")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None, "it ends")
        assert process.returncode == 0
        assert "Traceback" not in read()


@pytest.mark.slow
def test_down_by_age_spares_the_young(aws: Session, room: Path) -> None:
    run("up")
    result = run("down", "--yes", "--older-than", "1")
    assert "Nobody's seat is old enough." in result.stdout
    assert result.stderr.count("stays: made 20") == 3
    assert len(users(aws)) == 3
    run("down", "--yes", "--older-than", "0")
    assert users(aws) == {}


@pytest.mark.slow
def test_a_sweep_finds_everyone_and_spares_what_is_not_ours(aws: Session, room: Path) -> None:
    run("up")
    run_as(room, "ana", "up")
    run_chapters(COURSE.set_up[0])
    aws.client("sqs").create_queue(QueueName="shop-CustomerOrders")
    listed = run_lab("down", "--everyone", "--dry-run").stdout
    assert re.search("^  ana +25 things: API key, DynamoDB table, ", listed, re.M), listed
    assert re.search(r"^  bo +2 things: IAM policy, IAM user$", listed, re.M)
    assert re.search(r"^  only +\d+ things: ", listed, re.M)
    assert "shop" not in listed
    asked = CliRunner().invoke(main, ["down", "--everyone"], input="n\n")
    assert (asked.exit_code, len(users(aws))) == (1, 3)
    swept = run_lab("down", "--everyone", "--yes")
    assert (swept.returncode, swept.stdout.splitlines()[-1]) == (0, "4 of 4 done. 0 left")
    assert (resources(aws), users(aws), policies(aws)) == ({"queues": 1}, {}, [])


def test_a_bad_roster_is_said_with_its_line_and_nothing_is_made(aws: Session, room: Path) -> None:
    (room / "roster.csv").write_text("name,email\nana,ana@example.com\n1st,a@example.com\n")
    for command in ("up", "status", "down", "cost"):
        result = run(command, status=1)
        assert result.stderr.startswith("RosterError: roster.csv, line 3: name is '1st'")
    assert users(aws) == {}


@pytest.mark.parametrize("head", ['"name,email', "name," + "x" * 200_000 + ",email"])
def test_a_head_that_is_no_csv_is_said_too(room: Path, head: str) -> None:
    (room / "roster.csv").write_text(f"{head}\nana,ana@example.com\n")
    result = run("cost", status=1)
    assert re.match(r"RosterError: roster\.csv, line \d is no CSV: ", result.stderr)


@pytest.mark.parametrize("number", ["nan", "inf", "1e300", "-1"])
def test_a_number_that_cannot_be_is_a_wrong_option(room: Path, number: str) -> None:
    for arguments in (("cost", "--hours"), ("down", "--older-than"), ("status", "--interval")):
        result = run(*arguments, number, status=2)
        assert f"Invalid value for '{arguments[1]}'" in result.stderr


@pytest.mark.parametrize(
    "text",
    ["[]", "null", '{"ana": 5}', '{"ana": []}', '{"ana": ["01", "x", "then"]}',
     '{"ana": ["01", "x", null]}', '{"ana": ["01", "x", 1e300]}', "{"],
)  # fmt: skip
def test_a_memory_that_is_spoiled_counts_as_none(text: str) -> None:
    memory = Memory("123456789012", f"spoiled by {text}")
    ana = Standing("ana", {"01": WRONG}, "01", "x")
    (first,) = memory.since([ana], now=1000.0)
    (same,) = memory.since([ana], now=2000.0)
    assert (first.since, same.since) == (1000.0, 1000.0)
    private.write(memory._path(), text)
    (again,) = memory.since([ana], now=3000.0)
    assert again.since == 3000.0


def test_down_asks_and_a_no_deletes_nothing(aws: Session, room: Path) -> None:
    run("up")
    result = CliRunner().invoke(main, ["class", "down", "roster.csv"], input="n\n")
    assert (result.exit_code, len(users(aws))) == (1, 3)
    assert "Delete all that is theirs of 3 learners in the local cloud at" in result.output
    assert run("down", "--json", status=2).stdout == ""


def test_a_file_that_others_may_read_is_that_learners_problem(aws: Session, room: Path) -> None:
    run("up")
    (room / "class" / "bo.env").chmod(0o644)
    result = run("up", status=1)
    assert f"bo: ClassroomError: class{os.sep}bo.env cannot be used" in result.stderr
    assert "2 of 3 done." in result.stdout


def test_a_key_never_shows_its_secret() -> None:
    assert "wJal" not in repr(AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI"))


def test_what_a_workshop_costs(room: Path) -> None:
    """By hand: 3 x 100 orders, 2 hours. API 300 x 3.5e-6 = 0.00105; Lambda 900 x 2e-7 = 0.00018 and
    22.5 GB-s x 1.33334e-5 = 0.00030000; SQS 900 x 4e-7 = 0.00036 and 3 x 2 x 900 polls x 4e-7 =
    0.00216; SNS 300 x 5e-7 = 0.00015 and 300 mails x 2e-5 = 0.006; DynamoDB 600 x 6.25e-7 =
    0.000375; Logs 0.0012 GB x 0.5 = 0.0006."""
    said = as_json("cost", "--orders", "100", "--hours", "2")
    assert said["dollars"] == pytest.approx(0.011175, abs=1e-6)
    assert (said["learners"], said["orders"], said["hours"]) == (3, 100, 2)
    mails = next(each for each in said["items"] if "e-mails" in each["what"])
    assert (mails["count"], mails["dollars"]) == (300, 0.006)
    shown = run("cost", "--orders", "100", "--hours", "2").stdout
    assert "3 learners, 100 orders each, 2 hours. us-east-1, November 2026, no free tier." in shown
    assert shown.endswith("In all: $0.02\n")


def test_the_calls_that_have_a_rate_are_as_they_were_counted(aws: Session) -> None:
    sessions._made_up.cache_clear()
    made: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        made[event_name.partition(".")[2]] += 1

    sessions.session().events.register("request-created", count, unique_id="count")
    for counted, arguments in (
        (learner_calls.SET_UP, ["up"]),
        (learner_calls.TEARDOWN, ["down", "--yes"]),
    ):
        made.clear()
        assert CliRunner().invoke(main, arguments).exit_code == 0
        for name, expected in counted.items():
            service, _, operation = name.partition(".")
            if operation != "*":
                assert made[name] == expected, name
                continue
            of_service = [n for n in made if names_for(*n.split(".", 1))[:1] == (service,)]
            others = sum(made[n] for n in of_service if n not in counted)
            assert 0.8 * expected <= others <= expected, (name, others)


@pytest.mark.long
def test_a_learner_can_run_every_chapter(aws: Session, room: Path) -> None:
    run("up")
    for chapter in COURSE.here[:-1]:
        with environment(**variables(room, "ana")):
            done = run_script(f"scripts/{chapter.script.name}")
        assert done.returncode == 0, done.stdout + done.stderr
    assert all(each in ("right",) for each in as_json("status")[0]["chapters"].values())
