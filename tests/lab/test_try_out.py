"""The functions that a learner writes: what is right is believed, what only looks right is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import lab
from lab.aws import packaging
from lab.commands import main
from lab.course import try_out
from lab.engine import own_functions
from lab.here import own_cloud
from tests.support import clouds

SEND = "sqs.send_message(QueueUrl=find_queue(), MessageBody=json.dumps(order))"
TAKE = f"""
    try:
        order = parse(event["body"])
    except ValueError as error:
        field, must = error.args
        return reply(400, {{"message": f"{{field}}: {{must}}"}})
    order["received_epoch_ms"] = event["requestContext"]["requestTimeEpoch"]
    order["queued_epoch_ms"] = time.time_ns() // 1_000_000
    {SEND}
    return reply(202, {{"order_id": order["order_id"], "status": "QUEUED"}})
"""
NOTIFY = """
    entries, failures = [], []
    for record in event["Records"]:
        try:
            entries.append(entry(record["messageId"], record["body"]))
        except (ValueError, KeyError, TypeError):
            failures.append(record["messageId"])
    if entries:
        topic = os.environ["TOPIC_ARN"]
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        failures += [failed["Id"] for failed in answer["Failed"]]
    return {"batchItemFailures": [{"itemIdentifier": failed} for failed in failures]}
"""
CONDITION = 'ConditionExpression="attribute_not_exists(order_id)",'
RAISE = 'raise ValueError("There is another order with this id.")'
RECORD = f"""
    for record in event["Records"]:
        new = item(record["Sns"])
        try:
            table.put_item(
                Item=new, {CONDITION} ReturnValuesOnConditionCheckFailure="ALL_OLD"
            )
        except AlreadyThere as error:
            old = error.response["Item"]
            if any(str(*old[name].values()) != str(new[name]) for name in CONTENT):
                {RAISE}
"""
RIGHT = {"take_order": TAKE, "notify_fulfillment": NOTIFY, "record_order": RECORD}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(own_functions, "WORK", tmp_path / "work")
    monkeypatch.setattr(own_cloud, "own_cloud", clouds.own_cloud)  # it starts ten times as fast
    return tmp_path / "work"


def write(folder: Path, stem: str, handler: str) -> None:
    """The learner's file: the stub with this in place of its last line."""
    before, line, _ = packaging.stub(stem).partition("    raise NotImplementedError")
    assert line
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.py").write_text(before + handler.lstrip("\n"), "utf-8")


def wrong(stem: str) -> list[str]:
    """What is wrong of what is tried, by the words for it."""
    return [each.what for each in try_out.try_out(stem) if each.problem]


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# -- Answers -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("stem", RIGHT)
def test_a_right_answer_is_right_in_all(folder: Path, stem: str) -> None:
    write(folder, stem, RIGHT[stem])
    assert wrong(stem) == []
    said = run_lab("try", stem)
    assert said.exit_code == 0 and "WRONG" not in said.stdout


@pytest.mark.slow
@pytest.mark.parametrize("stem", RIGHT)
def test_a_function_that_always_fails_has_nothing_right(folder: Path, stem: str) -> None:
    write(folder, stem, "    return 1 / 0\n")
    found = try_out.try_out(stem)
    assert all(each.problem for each in found)
    line = len((folder / f"{stem}.py").read_text("utf-8").splitlines())
    assert f"ZeroDivisionError: division by zero (line {line})" in found[0].problem


@pytest.mark.slow
@pytest.mark.parametrize("stem", RIGHT)
def test_a_function_that_does_nothing_has_nothing_right(folder: Path, stem: str) -> None:
    write(folder, stem, "    return None\n")
    assert all(each.problem for each in try_out.try_out(stem))


NEVER_202 = "When the queue cannot be reached, there is no 202"
TAKES = "An order is answered 202, and is on the queue"
GIVES_ID = "An order without an id gets one of its own"
NO_JSON = "What is no JSON is answered 400"
ONE_BAD = "One bad message is the only failure; the others are published"
ALL_BAD = "Where all messages are bad, all are failures"
ONE_NOT_TAKEN = "When SNS takes all but one, that one fails"
NOTHING_TAKEN = "When SNS takes nothing, no order counts as done"
ONCE = "An order that comes twice is one item"
KEEPS = "Another order with the same id fails, and the first stays"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stem", "old", "new", "still"),
    [
        # It promises what it has not done.
        ("take_order", SEND, "pass", [TAKES, GIVES_ID, NEVER_202]),
        ("take_order", SEND, f"try: {SEND}\n    except Exception: pass", [NEVER_202]),
        # It works for orders, and has no answer for what is none.
        ("take_order", "except ValueError", "except ZeroDivisionError", ["400", "400", NO_JSON]),
        ("take_order", '"status": "QUEUED"', '"state": "QUEUED"', [TAKES]),
        ("take_order", 'order["queued_epoch_ms"]', 'order["queued"]', [TAKES]),
        ("take_order", "// 1_000_000", "// 1_000_000_000", [TAKES]),
        ("take_order", 'f"{field}: {must}"', "str(error)", ["400", "400", NO_JSON]),
        # One bad message fails them all, or is forgotten.
        ("notify_fulfillment", 'failures.append(record["messageId"])', "pass", [ONE_BAD, ALL_BAD]),
        ("notify_fulfillment", "    if entries:", "    if True:", [ALL_BAD]),
        ("notify_fulfillment", "itemIdentifier", "Id", [ONE_BAD, ALL_BAD, ONE_NOT_TAKEN]),
        ("notify_fulfillment", "answer = sns", "answer = {'Failed': []} or sns", "not published"),
        # It does not look at what SNS says of each entry.
        ("notify_fulfillment", "failures += [", "ignored = [", [ONE_NOT_TAKEN]),
        # It writes over the first order, or lets the second one pass.
        ("record_order", CONDITION, "", [KEEPS]),
        ("record_order", RAISE, "pass", [KEEPS]),
        ("record_order", "if any(", "if True or any(", [ONCE]),
    ],
)  # fmt: skip
def test_what_is_half_right_is_told_what_is_missing(
    folder: Path, stem: str, old: str, new: str, still: list[str] | str
) -> None:
    assert old in RIGHT[stem]
    write(folder, stem, RIGHT[stem].replace(old, new))
    found = wrong(stem)
    if isinstance(still, str):
        assert len(found) >= 2
    else:
        assert len(found) == len(still)
        assert all(each in what for each, what in zip(still, found, strict=True))


def test_an_error_of_several_lines_stays_below_what_was_tried(folder: Path) -> None:
    write(folder, "take_order", TAKE.replace("json.dumps(order)", "order"))
    said = run_lab("try", "take_order").stdout.splitlines()
    assert any(line.startswith(" " * 9 + "Invalid type for parameter MessageBody") for line in said)


def test_a_handler_that_returns_nothing_is_told_so(folder: Path) -> None:
    write(folder, "take_order", "    return None\n")
    said = run_lab("try", "take_order").stdout
    assert "Expected statusCode 202, found None, as the handler returns nothing." in said


@pytest.mark.slow
def test_what_a_function_prints_is_shown_where_it_printed_it(folder: Path) -> None:
    prints = '    print("the body is", event["body"][:9])\n'
    write(folder, "take_order", prints + TAKE.replace("reply(202", "reply(201"))
    lines = run_lab("try", "take_order").stdout.splitlines()
    assert "  WRONG  An order is answered 202, and is on the queue." in lines[1]
    assert lines[3] == '         printed: the body is {"product'
    assert not any("RequestId" in line for line in lines)
    write(folder, "take_order", '    print("before")\n    raise ValueError("a reason")\n')
    found = try_out.try_out("take_order")
    assert found[0].printed == ["before"] and "a reason" in found[0].problem
    printed = json.loads(run_lab("try", "take_order", "--json").stdout)[0]["printed"]
    assert printed == ["before"]


# -- What cannot be tried ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "found no such file. `lab write record_order` makes it"),
        ("def lambda_handler(event, context:\n", "work/record_order.py, line 1: this is no Python"),
        ("x = 1\0", "work/record_order.py"),
        ("import nowhere\n", "'nowhere'. It can import what comes with Python"),
        ("def handler(event, context): pass\n", "`def lambda_handler(event, context):`"),
        ("def lambda_handler(event, context):\n    while True: pass\n", "a loop that never ends"),
        (
            "import os\ndef lambda_handler(event, context):\n    os._exit(1)\n",
            "Return an answer instead",
        ),
        ("def lambda_handler(event, context):\n    raise NotImplementedError\n", "NotImplemented"),
    ],
)
def test_what_cannot_work_at_all_is_said_once(
    folder: Path, source: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    if source is not None:
        (folder / "record_order.py").write_text(source, "utf-8")
    result = run_lab("try", "record_order")
    assert result.exit_code == 1 and "Traceback" not in result.stderr
    assert said in result.stderr and "RequestId" not in result.stderr
    lab.try_out("record_order")  # in a notebook, *Run All* goes on
    assert said in capsys.readouterr().out


def test_a_file_that_is_no_text_is_said(folder: Path) -> None:
    folder.mkdir()
    (folder / "take_order.py").write_bytes(b"\xff\xfe")
    assert "no UTF-8 text" in run_lab("try", "take_order").stderr


@pytest.mark.parametrize("command", ["write", "try"])
def test_an_unknown_function_is_told_the_known_ones(command: str) -> None:
    result = run_lab(command, "take_orders")
    assert result.exit_code == 1
    assert "take_order, notify_fulfillment, record_order" in result.stderr


# -- The learner's file ------------------------------------------------------------------------


def test_a_file_is_made_once_and_never_overwritten(folder: Path) -> None:
    assert "Made work/take_order.py for you" in run_lab("write", "take_order").stdout
    file = folder / "take_order.py"
    assert file.read_text("utf-8") == packaging.stub("take_order")
    assert "still as you got it" in run_lab("try", "take_order").stderr
    file.write_text("mine", "utf-8")
    assert "Your function is in work/take_order.py" in run_lab("write", "take_order").stdout
    assert file.read_text("utf-8") == "mine"


def test_json_says_what_was_tried_and_what_is_wrong(folder: Path) -> None:
    write(folder, "record_order", RECORD.replace(CONDITION, ""))
    result = run_lab("try", "record_order", "--json")
    assert result.exit_code == 1
    assert [each["what"] for each in json.loads(result.stdout) if each["problem"]] == [KEEPS]


def test_nothing_of_the_chain_is_touched(folder: Path, cloud: str) -> None:
    write(folder, "take_order", TAKE)
    assert wrong("take_order") == []
    assert lab.session().client("sqs").list_queues().get("QueueUrls", []) == []
