"""What is stuck in the dead-letter queues: it is found, explained, left alone, and sent back."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.commands import main
from lab.course import COURSE
from lab.course.dead_letters import DeadLetter, Redriven, show
from lab.course.names import names
from lab.errors import LabError, NotOursError
from tests.support.chain import CHAPTERS_OWN
from tests.support.chapters import given, run_chapters
from tests.support.counts import Counts, counts
from tests.support.functions import invoke, make_function

TIMES = {"received_epoch_ms": 1, "queued_epoch_ms": 2}


@pytest.fixture
def chain(aws: Session) -> Session:
    given(*COURSE.set_up)
    wait_until(lambda: len(items(aws)) == CHAPTERS_OWN, "the chapters' orders are recorded")
    return aws


def order(order_id: str = "mine", **other: Any) -> dict[str, Any]:
    return {"product": "tea", "quantity": 3, "order_id": order_id, **TIMES, **other}


def url(aws: Session, name: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def send(aws: Session, body: Any, queue: str = "") -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    aws.client("sqs").send_message(QueueUrl=url(aws, queue or names().queue), MessageBody=text)


def held(aws: Session, queue: str) -> Counts:
    """What the queue of this name holds."""
    return counts(aws.client("sqs"), url(aws, queue))


def stuck(aws: Session, queue: str) -> DeadLetter:
    """The dead letter of a queue, once it is there and alone."""
    wait_until(lambda: held(aws, queue) == (1, 0, 0), f"an order is in {queue}", timeout=90)
    (letter,) = lab.dead_letters(aws)
    assert letter.queue == queue
    return letter


def items(aws: Session) -> dict[str, Any]:
    found = aws.resource("dynamodb").Table(names().table).scan()["Items"]
    return {item["order_id"]: item for item in found}


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# -- Looking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [(), ("04",)])
def test_where_nothing_is_stuck_it_says_so(aws: Session, made: tuple[str, ...]) -> None:
    run_chapters(*made)
    result = run_lab("dead-letters")
    assert (result.exit_code, result.stdout) == (0, "No dead letters.\n")
    assert json.loads(run_lab("dead-letters", "--json").stdout) == []
    assert run_lab("redrive").stdout == "No dead letters.\n"


def test_what_lambda_put_aside_comes_with_the_error_that_lambda_noted(chain: Session) -> None:
    for quantity in (1, 2):
        send(chain, order("twice", quantity=quantity))
    letter = stuck(chain, names().function_dead_letters)
    assert (letter.order_id, letter.product, letter.tried) == ("twice", "tea", None)
    assert letter.quantity in (1, 2)
    assert letter.why == "order twice exists already, with another quantity"


@pytest.mark.parametrize(
    ("body", "order_id", "said"),
    [
        ("no order", None, "UNREADABLE by notify_fulfillment: JSONDecodeError("),
        ({"order_id": "mine"}, "mine", "UNREADABLE by notify_fulfillment: KeyError('quantity')"),
        (order(product="x" * 262_144), "mine", "NOT_PUBLISHED by notify_fulfillment: 5"),
    ],
)
def test_what_the_queue_put_aside_comes_with_what_was_logged_last(
    chain: Session, body: Any, order_id: str | None, said: str
) -> None:
    sqs = chain.client("sqs")
    at_once = {"VisibilityTimeout": "0"}
    sqs.set_queue_attributes(QueueUrl=url(chain, names().queue), Attributes=at_once)
    send(chain, body)
    letter = stuck(chain, names().queue_dead_letters)
    assert (letter.order_id, letter.tried) == (order_id, 5)
    assert letter.why.startswith(said)


def test_an_order_that_was_sent_there_anew_comes_with_what_was_logged_of_its_id(
    chain: Session,
) -> None:
    bad = {"messageId": "m", "body": json.dumps({"order_id": "mine"})}
    assert invoke(chain, names().notify_fulfillment, {"Records": [bad]})["StatusCode"] == 200
    send(chain, bad["body"], names().queue_dead_letters)
    letter = stuck(chain, names().queue_dead_letters)
    assert letter.why == "UNREADABLE by notify_fulfillment: KeyError('quantity')"


def test_what_sns_put_aside_comes_with_its_order(chain: Session) -> None:
    chain.client("lambda").delete_function(FunctionName=names().record_order)
    send(chain, order())
    letter = stuck(chain, names().topic_dead_letters)
    assert (letter.order_id, letter.product, letter.quantity) == ("mine", "tea", 3)
    assert letter.why.startswith("SNS could not call record_order")


@pytest.mark.slow
@pytest.mark.parametrize(
    "body", ["", "tea", "7", "[]", '{"order_id": ["a"]}', '{"Records": []}', '{"Message": "["}']
)
def test_what_is_no_order_is_listed_all_the_same(aws: Session, body: str) -> None:
    given("01", "02")
    send(aws, body or " ", names().queue_dead_letters)
    (letter,) = lab.dead_letters(aws)
    assert (letter.order_id, letter.product, letter.quantity) == (None, None, None)
    assert letter.why.startswith("No error was logged")
    assert "cannot" in run_lab("dead-letters").stdout


@pytest.mark.slow
def test_looking_leaves_hundreds_as_they_are(aws: Session, calls_made: set[str]) -> None:
    given("04")
    queue = names().function_dead_letters
    for start in range(0, 250, 10):
        entries = [
            {"Id": str(n), "MessageBody": json.dumps(order(f"o-{n}"))}
            for n in range(start, start + 10)
        ]
        aws.client("sqs").send_message_batch(QueueUrl=url(aws, queue), Entries=entries)
    calls_made.clear()
    for _ in range(2):
        letters = lab.dead_letters(aws)
        assert {letter.order_id for letter in letters} == {f"o-{n}" for n in range(250)}
        assert len(letters) == 250
        assert held(aws, queue) == (250, 0, 0)
    assert [letter.since for letter in letters] == sorted(letter.since for letter in letters)
    looks = ("Get", "List", "Receive", "ChangeMessageVisibility", "Filter")
    assert {name for name in calls_made if not name.startswith(looks)} == set()


def test_the_dead_letters_of_somebody_else_are_left_alone(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName=names().queue_dead_letters, tags={"team": "shop"})
    send(aws, order(), names().queue_dead_letters)
    for act in (lab.dead_letters, lab.redrive):
        with pytest.raises(NotOursError, match=f"SQS queue {names().queue_dead_letters}"):
            act(aws)
    assert held(aws, names().queue_dead_letters) == (1, 0, 0)


def test_a_pipe_gets_each_dead_letter_in_one_line(aws: Session) -> None:
    given("01", "02")
    send(aws, order("a-rather-long-id-" + "x" * 40), names().queue_dead_letters)
    (line,) = [each for each in run_lab("dead-letters").stdout.splitlines() if "tea" in each]
    assert "a-rather-long-id-" + "x" * 40 in line
    assert "No error was logged: the function did not run, or did not finish." in line


def test_a_terminal_gets_those_that_failed_alike_together_and_their_reason_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    since = datetime(2026, 11, 28, 5, 19, 52, tzinfo=UTC)
    ids = [f"chapter-08-257f40c4-permission-{number}" for number in range(3)]
    denied = [
        DeadLetter("q", "m", each, "tea", 1, since, None, "Not allowed. " * 20) for each in ids
    ]
    show([*denied, DeadLetter("q", "m", None, None, None, since, 5, "It is no JSON")])
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "q: 3"
    assert [said.count(each) for each in (*ids, "It is no JSON", "q: 1")] == [1] * 5
    assert said.replace("\n", " ").count("Not allowed.") == 20
    assert max(map(len, said.splitlines())) <= 80


def test_looking_shows_the_messages_again_when_it_breaks_off(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("04")
    queue = names().function_dead_letters
    for number in range(12):
        send(aws, order(f"o-{number}"), queue)

    class BreaksOff:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __call__(self, _: int) -> None:
            raise KeyboardInterrupt

    # By its name lab.dead_letters is the function.
    monkeypatch.setattr(sys.modules["lab.course.dead_letters"], "counter", lambda *_: BreaksOff())
    with pytest.raises(KeyboardInterrupt):
        lab.dead_letters(aws)
    assert held(aws, queue) == (12, 0, 0)


def test_the_command_shows_a_table_or_json_and_fails(aws: Session) -> None:
    given("04")
    send(aws, order("[red]mine"), names().function_dead_letters)
    table = run_lab("dead-letters")
    assert table.exit_code == 1
    for shown in ("[red]mine", "3 x tea", "since (UTC)"):
        assert shown in table.stdout
    result = run_lab("dead-letters", "--json")
    assert result.exit_code == 1
    (letter,) = json.loads(result.stdout)
    assert (letter["order_id"], letter["product"], letter["quantity"]) == ("[red]mine", "tea", 3)
    assert letter["queue"] == "record_order-dead-letters"
    assert "Exit status 0 if there is none, 1 if something is stuck" in " ".join(
        run_lab("dead-letters", "--help").stdout.split()
    )


def test_logs_of_one_order_are_those_of_all_functions_in_order_of_time(chain: Session) -> None:
    for order_id in ("mine", "mine-2"):
        send(chain, order(order_id))
    wait_until(lambda: {"mine", "mine-2"} <= items(chain).keys(), "they are stored", timeout=90)

    def both() -> list[str] | None:
        result = run_lab("logs", "--order", "mine")
        return result.stdout.splitlines() if "PUBLISHED" in result.stdout else None

    lines = wait_until(both, "notify_fulfillment has logged it", timeout=90)
    assert [line.split()[1] for line in lines] in (
        ["notify_fulfillment:", "record_order:"],
        ["record_order:", "notify_fulfillment:"],  # which may be done first
    )
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert all('"order_id": "mine"' in line for line in lines)
    assert run_lab("logs", "--order", "nobody's").exit_code == 1


# -- Sending back ------------------------------------------------------------------------------


def test_what_the_queue_put_aside_goes_back_to_it_and_is_recorded(chain: Session) -> None:
    for number in range(12):
        send(chain, order(f"o-{number}"), names().queue_dead_letters)
    assert {letter.order_id for letter in lab.dead_letters(chain)} == {
        f"o-{number}" for number in range(12)
    }
    result = run_lab("redrive", "CustomerOrders-dead-letters")
    assert (result.exit_code, result.stdout) == (0, "Sent 12 orders back to CustomerOrders.\n")
    wanted = {f"o-{number}" for number in range(12)}
    wait_until(lambda: wanted <= items(chain).keys(), "the orders are recorded", timeout=90)
    assert run_lab("redrive").stdout == "No dead letters.\n"


def test_what_lambda_put_aside_is_recorded_when_it_is_sent_back(chain: Session) -> None:
    role = names().role(names().record_order, "us-east-1")
    chain.client("iam").delete_role_policy(RoleName=role, PolicyName="record-order")
    policy = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:us-east-1:123456789012:{names().function_dead_letters}",
    }
    chain.client("iam").put_role_policy(
        RoleName=role,
        PolicyName="record-order",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
    )
    send(chain, order())
    assert "dynamodb:PutItem" in stuck(chain, names().function_dead_letters).why
    run_chapters("04")
    result = run_lab("redrive", "record_order-dead-letters")
    assert (result.exit_code, result.stdout) == (0, "Sent 1 order back to record_order.\n")
    wait_until(lambda: "mine" in items(chain), "the order is recorded", timeout=90)
    assert lab.dead_letters(chain) == []


@pytest.mark.slow
def test_what_sns_put_aside_is_recorded_when_it_is_sent_back(chain: Session) -> None:
    chain.client("lambda").delete_function(FunctionName=names().record_order)
    send(chain, order())
    stuck(chain, names().topic_dead_letters)
    run_chapters("04", "05")
    assert lab.redrive(chain, names().topic_dead_letters) == [
        Redriven(names().topic_dead_letters, "record_order", 1)
    ]
    item = wait_until(lambda: items(chain).get("mine"), "the order is recorded", timeout=90)
    assert item["product"] == "tea"
    assert lab.dead_letters(chain) == []


class CancelledTask:
    """SQS, as it answers when somebody cancels a move."""

    def start_message_move_task(self, **_: str) -> None: ...

    def list_message_move_tasks(self, **_: Any) -> Any:
        return {"Results": [{"Status": "CANCELLED", "ApproximateNumberOfMessagesMoved": 1}]}


def test_a_move_that_did_not_end_well_is_an_error(
    chain: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Session.client

    def client(session: Session, service: str, **options: Any) -> Any:
        real = made(session, service, **options)
        if service == "sqs":
            fake = CancelledTask()
            real.start_message_move_task = fake.start_message_move_task
            real.list_message_move_tasks = fake.list_message_move_tasks
        return real

    monkeypatch.setattr(Session, "client", client)
    (redriven,) = lab.redrive(chain, names().queue_dead_letters)
    assert "were moved (CANCELLED): SQS does not say why" in redriven.problem


def test_what_is_no_event_is_left_and_the_others_are_sent_back(chain: Session) -> None:
    queue = names().function_dead_letters
    good = json.loads(lab.event("record_order"))
    bodies: list[Any] = ["tea", [], {"order_id": "mine"}, good]
    for body in bodies:
        send(chain, body, queue)
    result = run_lab("redrive", queue)
    assert result.stdout.splitlines() == [
        "Sent 1 order back to record_order.",
        f"Left 3 in {queue}, which no function can take.",
    ]
    assert held(chain, queue) == (3, 0, 0)


def test_an_event_that_is_too_large_does_not_keep_back_the_others(chain: Session) -> None:
    queue = names().topic_dead_letters
    send(chain, {"Message": json.dumps(order("first"))}, queue)
    send(chain, json.dumps({"Message": "é" * 400_000}, ensure_ascii=False), queue)
    send(chain, {"Message": json.dumps(order("last"))}, queue)
    result = run_lab("redrive", queue)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "Sent 2 orders back to record_order.",
        f"Left 1 in {queue}.",
    ]
    assert "RequestTooLargeException" in result.stderr
    assert held(chain, queue) == (1, 0, 0)


def test_what_concerns_every_message_is_met_once_and_what_was_sent_is_counted(
    chain: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = names().function_dead_letters
    for _ in range(4):
        send(chain, lab.event("record_order"), queue)
    made, invoked = Session.client, []

    def client(session: Session, service: str, **options: Any) -> Any:
        real = made(session, service, **options)
        if service == "lambda":

            def invoke_until_throttled(**call: Any) -> Any:
                invoked.append(call)
                if len(invoked) > 1:
                    raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")

            real.invoke = invoke_until_throttled
        return real

    monkeypatch.setattr(Session, "client", client)
    (redriven,) = lab.redrive(chain, queue)
    assert (redriven.sent, redriven.left, len(invoked)) == (1, 3, 2)
    assert "TooManyRequestsException" in redriven.problem
    assert held(chain, queue) == (3, 0, 0)


def test_nothing_is_deleted_while_the_function_is_gone(chain: Session) -> None:
    queue = names().function_dead_letters
    send(chain, lab.event("record_order"), queue)
    chain.client("lambda").delete_function(FunctionName=names().record_order)
    result = run_lab("redrive", queue)
    assert result.exit_code == 1
    assert "Function not found" in result.stderr
    assert held(chain, queue) == (1, 0, 0)


def test_a_queue_that_holds_no_dead_letters_is_not_redriven(aws: Session) -> None:
    with pytest.raises(LabError, match=r"no dead-letter queue 'Orders'\. There are: none yet"):
        lab.redrive(aws, "Orders")
    run_chapters("04")
    with pytest.raises(LabError, match="There are: record_order-dead-letters"):
        lab.redrive(aws, "CustomerOrders")


def test_a_queue_that_cannot_be_redriven_does_not_keep_back_the_others(chain: Session) -> None:
    aws = chain
    send(aws, lab.event("record_order"), names().function_dead_letters)
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=url(aws, names().queue))  # nothing to send back to
    result = run_lab("redrive")
    assert result.exit_code == 1
    assert "Could not send back all of CustomerOrders-dead-letters: " in result.stderr
    assert "Sent 1 order back to record_order." in result.stdout
    assert held(aws, names().function_dead_letters) == (0, 0, 0)


@pytest.mark.parametrize("foreign", ["\ud800", "\x1b", "\x9b", "\x07", "\r"])
def test_what_a_terminal_obeys_or_cannot_show_is_shown_as_a_question_mark(
    aws: Session, foreign: str
) -> None:
    given("01", "02")
    body = json.dumps({"product": f"bad {foreign}[2J", "quantity": 1, "order_id": "half"})
    send(aws, body, names().queue_dead_letters)
    result = run_lab("dead-letters")
    assert isinstance(result.exception, SystemExit)
    assert "bad ?[2J" in result.stdout


@pytest.mark.slow
def test_logs_and_mail_do_not_move_the_cursor(aws: Session) -> None:
    given("01", "02", "03")
    make_function(aws, "rude", "def handler(event, context): print('bad \\x1b[2J')")
    invoke(aws, "rude")
    topic = aws.client("sns").create_topic(Name=names().topic)["TopicArn"]
    aws.client("sns").publish(TopicArn=topic, Message="bad \x1b[2J\ttea\n\u202eline")
    wait_until(lambda: "bad ?[2J\ttea\n?line" in run_lab("mail").stdout, "the mail is here")
    said = run_lab("logs", "rude").stdout
    assert "bad ?[2J\n" in said
    assert "\x1b" not in said + run_lab("mail").stdout
