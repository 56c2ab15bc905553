"""Tries a function that the learner wrote: calls it with the console's test events, in a local
cloud of its own, and looks at what it answers and at what it did."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from lab.aws import packaging
from lab.aws.session import session
from lab.course.bench import Bench, Reply, from_json
from lab.engine import own_functions
from lab.engine.display import printable
from lab.errors import LabError
from lab.here import local, own_cloud

_MOST_PRINTED = 10  # lines of one trial
_CLEAN = "nothing-was-called-yet"  # the name of a checkpoint
# A function that always fails does nothing wrong here either; that is no merit.
_FIRST = "make it work with the first event of this list, then this can be tried"
# Stands before a handler: SNS takes all entries of a batch but the first, and says so in its reply.
_PICKY_SNS = """
import boto3

def keep_back(params, context, **_):
    entries = params["PublishBatchRequestEntries"]
    if len(entries) > 1:
        context["kept_back"] = entries[0]["Id"]
        return {**params, "PublishBatchRequestEntries": entries[1:]}

def say_so(parsed, context, **_):
    if "kept_back" in context:
        failed = {"Id": context["kept_back"], "Code": "InternalError", "SenderFault": False}
        parsed["Failed"] = [*parsed.get("Failed", []), failed]

boto3.setup_default_session()
boto3.DEFAULT_SESSION.events.register("provide-client-params.sns.PublishBatch", keep_back)
boto3.DEFAULT_SESSION.events.register("after-call.sns.PublishBatch", say_so)
from notify_fulfillment import lambda_handler
"""


# -- take_order ------------------------------------------------------------------------------------


def _takes_an_order(bench: Bench) -> str:
    reply = bench.call(packaging.event("take_order"))
    sent = {"product": "Ceylon tea, 250 g", "quantity": 3, "order_id": "console-test-1"}
    if problem := _answers(reply, 202):
        return problem
    if _body(reply) != {"order_id": sent["order_id"], "status": "QUEUED"}:
        return f"expected the order's id and the status QUEUED in the body, found {_body(reply)}"
    queued = bench.messages()
    if len(queued) != 1:
        return f"expected 1 message on the queue, found {len(queued)}"
    wanted = {**sent, "received_epoch_ms": 1680376465123}
    if problem := _holds(queued[0], wanted, "the message on the queue"):
        return problem
    return _is_time(queued[0], "queued_epoch_ms")


def _gives_an_id(bench: Bench) -> str:
    event = json.loads(packaging.event("take_order"))
    event["body"] = json.dumps({"product": "Assam tea", "quantity": 2})
    first, second = bench.call(event), bench.call(event)
    if problem := _answers(first, 202) or _answers(second, 202):
        return problem
    ids = [_body(reply).get("order_id") for reply in (first, second)]
    queued = {str(m.get("order_id")) for m in bench.messages() if _is_object(m)}
    if not all(ids) or len({*ids}) != 2 or queued != {*ids}:
        return f"expected an id of its own for each order, found {ids}, and {queued} on the queue"
    return ""


def _refuses(name: str, field: str) -> Callable[[Bench], str]:
    def look(bench: Bench) -> str:
        reply = bench.call(packaging.event(f"take_order.{name}"))
        if problem := _answers(reply, 400):
            return problem
        message = str(_body(reply).get("message", ""))
        if not re.match(rf"{field}: .{{4}}", message):
            return f'expected a message such as "{field}: must be ...", found {message!r}'
        queued = bench.messages()
        return f"expected nothing on the queue, found {queued}" if queued else ""

    return look


def _promises_nothing(bench: Bench) -> str:
    if _answers(bench.call(packaging.event("take_order")), 202):
        return _FIRST
    bench.lead_nowhere()
    reply = bench.call(packaging.event("take_order"))
    status = reply.answer.get("statusCode") if _is_object(reply.answer) else None
    if reply.error or (isinstance(status, int) and status >= 500):
        return ""
    return f"expected an error, found {reply.in_words}. The order is nowhere"


def _answers(reply: Reply, status: int) -> str:
    if reply.error:
        return f"expected status {status}, found {reply.error}"
    found = reply.answer.get("statusCode") if _is_object(reply.answer) else None
    if found != status:
        return f"expected statusCode {status}, found {reply.in_words}"
    if not isinstance(reply.answer.get("body"), str):
        return f"expected a body that is text, found {reply.in_words}"
    return ""


def _body(reply: Reply) -> dict[str, Any]:
    found = from_json(reply.answer["body"])
    return found if isinstance(found, dict) else {}


# -- notify_fulfillment ----------------------------------------------------------------------------


def _publishes_all(bench: Bench) -> str:
    return _publishes(bench, _batch("notify_fulfillment"), [])


def _reports_the_poison(bench: Bench) -> str:
    records = _batch("notify_fulfillment.one_poison")
    return _publishes(bench, records, [r["messageId"] for r in records if not _is_order(r)])


def _reports_a_batch_of_poison(bench: Bench) -> str:
    records = [r for r in _batch("notify_fulfillment.one_poison") if not _is_order(r)]
    return _publishes(bench, records, [record["messageId"] for record in records])


def _reports_what_sns_did_not_take(bench: Bench) -> str:
    if _publishes_all(bench):
        return _FIRST
    bench.lead_nowhere()
    records = _batch("notify_fulfillment")
    reply = bench.call({"Records": records})
    if reply.error or _failures(reply) == sorted(record["messageId"] for record in records):
        return ""
    return f"expected an error, or all records as failures, found {reply.in_words}"


def _reports_the_one_that_sns_did_not_take(bench: Bench) -> str:
    bench.lead_through("picky_sns")
    records = [r for r in _batch("notify_fulfillment.one_poison") if _is_order(r)]
    reply = bench.call({"Records": records})
    if (failures := _failures(reply)) is None:
        return f"expected one failure, found {reply.in_words}"
    ids = {json.loads(r["body"])["order_id"]: r["messageId"] for r in records}
    there = {m.get("order_id") for m in bench.messages() if _is_object(m)}
    wanted = sorted(message for order, message in ids.items() if order not in there)
    if failures == wanted:
        return ""
    return f"expected the failures {wanted}, which are not at the topic, found {failures}"


def _publishes(bench: Bench, records: list[Any], failures: list[str]) -> str:
    reply = bench.call({"Records": records})
    if reply.error:
        count = len(failures) or "no"
        return f"expected {count} failure{'s' * (count != 1)}, found {reply.error}"
    if _failures(reply) != sorted(failures):
        return f"expected the failures {failures}, found {reply.in_words}"
    wanted = sorted(json.loads(r["body"])["order_id"] for r in records if _is_order(r))
    found = sorted(str(m.get("order_id")) if _is_object(m) else str(m) for m in bench.messages())
    return "" if found == wanted else f"expected {wanted} at the topic, found {found}"


def _batch(name: str) -> list[Any]:
    found: list[Any] = json.loads(packaging.event(name))["Records"]
    return found


def _is_order(record: dict[str, Any]) -> bool:
    return _is_object(from_json(record["body"]))


def _failures(reply: Reply) -> list[str] | None:
    """The ids that were reported, sorted; None where the answer has no such list."""
    found = reply.answer.get("batchItemFailures") if _is_object(reply.answer) else None
    if not isinstance(found, list) or not all(map(_is_object, found)):
        return None
    return sorted(str(each.get("itemIdentifier")) for each in found)


# -- record_order ----------------------------------------------------------------------------------


def _records(bench: Bench) -> str:
    return _calls(bench, "record_order") or _has_the_order(bench)


def _records_once(bench: Bench) -> str:
    for name in ("record_order", "record_order.redelivered"):
        if problem := _calls(bench, name):
            return f"{problem} at the event {name}"
    return _has_the_order(bench)


def _keeps_the_first(bench: Bench) -> str:
    if problem := _calls(bench, "record_order"):
        return problem
    reply = bench.call(packaging.event("record_order.other_content"))
    if not reply.error:
        return f"expected an error at the other order, found {reply.in_words}"
    return _has_the_order(bench)


def _refuses_what_is_no_order(bench: Bench) -> str:
    reply = bench.call(packaging.event("record_order.no_order_id"))
    if not reply.error:
        return f"expected an error, found {reply.in_words}"
    if found := bench.items():
        return f"expected no item, found {found}"
    return _FIRST if _records(bench) else ""


def _calls(bench: Bench, name: str) -> str:
    reply = bench.call(packaging.event(name))
    return f"expected no error, found {reply.error}" if reply.error else ""


def _has_the_order(bench: Bench) -> str:
    items = bench.items()
    if len(items) != 1:
        return f"expected 1 item in the table, found {len(items)}"
    record = json.loads(packaging.event("record_order"))["Records"][0]
    order = json.loads(record["Sns"]["Message"])
    wanted = {name: order[name] for name in ("order_id", "product", "quantity")}
    return _holds(items[0], wanted, "the item")


# -- All three -------------------------------------------------------------------------------------


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _holds(found: Any, wanted: dict[str, Any], what: str) -> str:
    for name, value in wanted.items():
        there = found.get(name) if _is_object(found) else None
        if there != value:
            return f"expected {name} {value} in {what}, found {'none' if there is None else there}"
    return ""


def _is_time(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if type(value) is int and value > 1_700_000_000_000:
        return ""
    return f"expected {name} in milliseconds since 1970, found {value}"


class Tried(NamedTuple):
    """One thing that was tried: the problem in words, "" if there is none, and what was printed."""

    what: str
    problem: str
    printed: list[str]


Trial = tuple[str, Callable[[Bench], str]]
_TRIALS: dict[str, tuple[Trial, ...]] = {
    "take_order": (
        ("An order is answered 202, and is on the queue", _takes_an_order),
        ("An order without an id gets one of its own", _gives_an_id),
        ("An order without a product is answered 400", _refuses("missing_product", "product")),
        ("A quantity of true is answered 400", _refuses("boolean_quantity", "quantity")),
        ("What is no JSON is answered 400", _refuses("not_json", "body")),
        ("When the queue cannot be reached, there is no 202", _promises_nothing),
    ),
    "notify_fulfillment": (
        ("A batch of orders is published, and none is a failure", _publishes_all),
        ("One bad message is the only failure; the others are published", _reports_the_poison),
        ("Where all messages are bad, all are failures", _reports_a_batch_of_poison),
        ("When SNS takes all but one, that one fails", _reports_the_one_that_sns_did_not_take),
        ("When SNS takes nothing, no order counts as done", _reports_what_sns_did_not_take),
    ),
    "record_order": (
        ("An order becomes an item", _records),
        ("An order that comes twice is one item", _records_once),
        ("Another order with the same id fails, and the first stays", _keeps_the_first),
        ("What is no order fails, and is not recorded", _refuses_what_is_no_order),
    ),
}


def try_out(stem: str) -> list[Tried]:
    """What was tried of the learner's function. Raises LabError if that cannot work at all."""
    insist_on_being_known(stem)
    package = own_functions.package(stem, picky_sns=_PICKY_SNS)
    with own_cloud.in_own_cloud() as address:
        bench = Bench(session(), stem, package)
        local.checkpoint(address, "take", _CLEAN)
        return [_tried(address, bench, *trial) for trial in _TRIALS[stem]]


def insist_on_being_known(stem: str) -> None:
    """Raise LabError, which lists the functions, if there is none of this name."""
    if stem not in _TRIALS:
        raise LabError(f"There is no function {stem!r}. The functions are: {', '.join(_TRIALS)}.")


def _tried(address: str, bench: Bench, what: str, look: Callable[[Bench], str]) -> Tried:
    local.checkpoint(address, "restore", _CLEAN)
    bench.printed.clear()
    problem = look(bench)
    return Tried(what, problem, bench.printed[:])


def in_words(stem: str, found: list[Tried]) -> str:
    right = sum(not each.problem for each in found)
    lines = [f"Your {stem}: {right} of {len(found)} right."]
    before = ""
    for what, problem, printed in found:
        lines.append(f"  {'WRONG' if problem else 'right'}  {what}.")
        if problem:
            said = "the same" if problem == before else problem
            said = printable(f"{said[0].upper()}{said[1:]}.")
            lines.append(textwrap.indent(said, " " * 9))
            before = problem
        lines += (printable(f"         printed: {line}") for line in printed[-_MOST_PRINTED:])
    return "\n".join(lines)
