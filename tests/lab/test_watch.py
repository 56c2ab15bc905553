"""`lab watch` shows what each hop has to do: once in a pipe, live on a terminal, until Ctrl-C."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import pytest
from click.testing import CliRunner, Result

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.commands import main
from lab.course import COURSE
from lab.course.figures import Figures, figures
from lab.course.names import names
from lab.here import local
from lab.here.own_cloud import environment
from tests.support.chain import CHAPTERS_OWN
from tests.support.chapters import READS, given, post, status
from tests.support.clouds import own_cloud
from tests.support.functions import invoke
from tests.support.terminal import on_a_terminal

CHAIN = [
    *("function take_order", "queue CustomerOrders", "function notify_fulfillment"),
    *("topic Orders", "function record_order", "table Orders"),
]


ORDER = {"product": "tea", "quantity": 1, "order_id": "a", "received_epoch_ms": 1}


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def of(aws: Session, hop: str) -> Figures:
    return next(each for each in figures(aws) if each.hop == hop)


def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing tells more than AWS does."""
    monkeypatch.setattr(local, "status", lambda _: None)


# -- The figures -------------------------------------------------------------------------------


def test_each_hop_stands_in_the_order_of_the_chain(aws: Session) -> None:
    given(*COURSE.set_up)
    assert [each.hop for each in figures(aws)] == [*CHAIN, "mailbox"]


def test_what_waits_is_in_hand_or_is_stored_is_counted(aws: Session) -> None:
    given("01", "02")
    assert post(aws, product="tea", quantity=1) == 202
    url = aws.client("sqs").get_queue_url(QueueName=names().queue)["QueueUrl"]
    aws.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=60)
    queue = of(aws, "queue CustomerOrders")
    assert (queue.waiting, queue.in_flight, queue.dead_letters) == (CHAPTERS_OWN, 1, 0)
    assert queue.oldest_seconds is not None and queue.oldest_seconds >= 0


def test_dead_letters_stand_at_the_hop_that_could_not_pass_them_on(aws: Session) -> None:
    given(*COURSE.set_up)
    n, sqs = names(), aws.client("sqs")
    for count, name in enumerate(n.dead_letters, 1):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        for _ in range(count):
            sqs.send_message(QueueUrl=url, MessageBody="tea")
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)  # also one that somebody reads
    hops = ("queue CustomerOrders", "topic Orders", "function record_order")
    assert [of(aws, hop).dead_letters for hop in hops] == [1, 2, 3]


def test_the_table_and_the_mailbox_say_what_is_stored(aws: Session) -> None:
    given("01", "02", "03", "04")
    assert of(aws, "table Orders").stored == 1
    before = of(aws, "mailbox").stored
    event = {"Records": [{"messageId": "m", "body": json.dumps(ORDER)}]}
    assert invoke(aws, names().notify_fulfillment, event)["StatusCode"] == 200
    wait_until(lambda: of(aws, "mailbox").stored == (before or 0) + 1, "the mail is here")


def test_a_function_says_what_the_cloud_counts_of_it(
    aws: Session, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("01", "02")
    told = status(cloud)
    (function,) = told["services"]["lambda"]["functions"]
    function |= {"invocations": 7, "errors": 2, "waiting": 3, "under_way": [{}, {}]}
    monkeypatch.setattr("lab.course.figures.cloud_status", lambda _: told)
    assert of(aws, "function take_order") == Figures(
        "function take_order", waiting=3, in_flight=2, invocations=7, errors=2
    )


def test_on_aws_it_says_what_aws_tells(aws: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    given(*COURSE.set_up)
    wait_until(
        lambda: of(aws, "table Orders").stored == CHAPTERS_OWN, "the chapters' orders are recorded"
    )
    on_aws(monkeypatch)
    assert [each.hop for each in figures(aws)] == CHAIN
    assert of(aws, "queue CustomerOrders") == Figures(
        "queue CustomerOrders", waiting=0, in_flight=0, dead_letters=0
    )
    assert of(aws, "table Orders") == Figures("table Orders", stored=CHAPTERS_OWN)
    assert of(aws, "function record_order") == Figures("function record_order", dead_letters=0)


def test_on_aws_what_is_not_there_has_no_line(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_aws(monkeypatch)
    assert figures(aws) == []


def test_looking_changes_nothing(aws: Session, calls_made: set[str]) -> None:
    given(*COURSE.set_up)
    calls_made.clear()
    figures(aws)
    assert {name for name in calls_made if not READS.match(name)} == set()


# -- The command -------------------------------------------------------------------------------


@pytest.mark.parametrize("once", [(), ("--once",)])
def test_a_pipe_gets_a_line_for_each_hop_once(aws: Session, once: tuple[str, ...]) -> None:
    given("01", "02")
    result = run_lab("watch", *once)
    assert result.exit_code == 0
    head, *lines = result.stdout.splitlines()
    assert head.split("  ")[0] == "hop"
    for column in ("waiting", "in flight", "oldest", "invocations", "errors", "stored"):
        assert column in head
    assert [line.split("  ")[0] for line in lines] == [*CHAIN[:2], "mailbox"]
    queue = lines[1].split()
    assert (queue[2], queue[3], queue[-1]) == (f"{CHAPTERS_OWN}", "0", "0")


def test_json_has_the_same(aws: Session) -> None:
    given("01", "02")
    found = json.loads(run_lab("watch", "--json").stdout)
    assert [each["hop"] for each in found] == [*CHAIN[:2], "mailbox"]
    assert found[1].keys() == Figures("").__dict__.keys()
    assert (found[1]["waiting"], found[1]["stored"]) == (CHAPTERS_OWN, None)


def test_an_empty_cloud_says_what_to_do(aws: Session) -> None:
    assert "`lab up`" in run_lab("watch").stdout
    assert json.loads(run_lab("watch", "--json").stdout) == []


def test_where_no_cloud_runs_it_says_so(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PORT", str(free_port))
    result = run_lab("watch")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No local cloud runs for this folder. Start one with `lab start`." in result.stderr


def test_a_terminal_follows_the_chain_until_ctrl_c(aws: Session) -> None:
    given("01", "02")
    with on_a_terminal("watch", "--interval", "0.2") as (process, read):
        wait_until(lambda: f"{CHAPTERS_OWN}        0" in read(), "it shows the chapters' orders")
        assert post(aws, product="tea", quantity=1) == 202
        wait_until(lambda: f"{CHAPTERS_OWN + 1}        0" in read(), "it shows one more")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None, "it ends")
        assert process.returncode == 0
        assert "Traceback" not in read() and "Abort" not in read()
        assert read().rstrip().endswith("\x1b[?25h")  # the cursor is there again


def test_a_terminal_says_when_the_cloud_is_gone_and_goes_on(free_port: int) -> None:
    """The cloud is stopped and started again, as somebody does beside it."""
    port = str(free_port)
    with ExitStack() as stack, environment(LAB_PORT=port):
        stack.enter_context(own_cloud("--port", port))
        _, read = stack.enter_context(on_a_terminal("watch", "--interval", "0.2"))
        wait_until(lambda: "Nothing of the chain" in read(), "it shows that there is nothing")
        local.stop(local.address(free_port))
        wait_until(lambda: "No local cloud runs" in read(), "it says that the cloud is gone")
        before = len(read())
        stack.enter_context(own_cloud("--port", port))
        wait_until(
            lambda: "Nothing of the chain" in read()[before:].rpartition("No local cloud")[2],
            "it shows the new cloud",
        )
