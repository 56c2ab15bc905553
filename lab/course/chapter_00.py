"""Chapter 00: the finished chain, in a cloud of its own, and one's own order in it."""

from __future__ import annotations

from collections.abc import Iterator

import boto3

from lab.course import function_logs
from lab.course.looking import look_at, orders_arrived
from lab.course.orders import stored
from lab.engine.course import Chapter, Exercise, Expectation

_WANTED = "exercise-00"


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    yield orders_arrived(
        look_at(aws), CHAPTER.order_prefix, "An order of yours in the table", 1, cell="order"
    )


def _own_order(aws: boto3.Session) -> str:
    look = look_at(aws)
    item = stored(aws, _WANTED)
    if not item:
        return f"There is no order {_WANTED} in {look.names.table} (it may take a moment)."
    found = int(item["quantity"])
    if found != 3:
        return (
            f"Expected a quantity of 3, found {found}. An order stays as it came first: run the "
            "cell that sets up the chain again, then those below it."
        )
    lines = function_logs.of_order(aws, _WANTED, (look.names.take_order,), quietly=True)
    if any(line.says.get("status") == "QUEUED" for line in lines):
        return ""
    return f"The order {_WANTED} did not come in through the API: post it to `url`."


CHAPTER = Chapter(
    stem="00_first_order",
    builds="the finished chain, and your own order in it",
    article="where it is going",
    expects=_expects,
    in_own_cloud=True,
    exercise=Exercise(
        _own_order,
        hints=(
            "The cell that posts an order has all that you need. Copy it, and change the order.",
            'The order is {"product": ..., "quantity": 3, "order_id": "exercise-00"}.',
            "`url` and `key` are those of the chain that you set up last. Did you set it up again? "
            "Then run the cell with `way_in` again, too.",
        ),
    ),
)
