"""Chapter 06: one order, followed from the API to the table."""

from __future__ import annotations

from collections.abc import Iterator

import boto3

from lab.course import function_logs
from lab.course.looking import look_at, no_dead_letters, orders_arrived
from lab.course.orders import stored
from lab.engine.course import Chapter, Exercise, Expectation


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look, arrived = look_at(aws), "An order of this chapter in the table"
    yield orders_arrived(look, CHAPTER.order_prefix, arrived, 1)
    yield from no_dead_letters(look, "left-behind", arrived)


def _own_order(aws: boto3.Session) -> str:
    look, wanted = look_at(aws), "exercise-06"
    item = stored(aws, wanted)
    if not item:
        return f"There is no order {wanted} in {look.names.table} (it may take a moment)."
    found = item["quantity"]
    if int(found) < 2:
        return (
            f"Expected a quantity of at least 2, found {found}. Use `lab reset 06`, and try again."
        )
    function = look.names.take_order
    lines = function_logs.of_order(aws, wanted, (function,), quietly=True)
    posted = sum(line.says.get("status") == "QUEUED" for line in lines)
    if posted >= 2:
        return ""
    return (
        f"Expected two lines QUEUED with the id {wanted} in the log of {function}, found {posted}: "
        "the shop posts its order a second time (the line may take a moment)."
    )


CHAPTER = Chapter(
    stem="06_verify",
    builds="one order, followed from the API to the table",
    article="Step 4",
    builds_on=("01", "02", "03", "04", "05"),
    orders=1,
    expects=_expects,
    exercise=Exercise(
        _own_order,
        hints=(
            "The cell that posts an order has all that you need: an order, a URL, a header.",
            "An impatient shop sends the very same order again: a loop around the request.",
            'The order is {"product": ..., "quantity": 2, "order_id": "exercise-06"}.',
        ),
    ),
)
