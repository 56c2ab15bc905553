"""Where the orders are that a chapter waits for in vain, and why: what each hop logged of them
last, in which queue they lie, and what is wrong with the chain.

It is asked once, when a wait has ended, so it may take its seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import boto3

from lab.course import dead_letters as stuck
from lab.course import function_logs
from lab.course.function_logs import Line
from lab.engine import checks
from lab.engine.course import Course

_MOST = 3  # orders that are told of
_LONGEST = 200  # characters of an error
_DENIED = r"is not authorized to perform: (\S+)"
_OF_AWS = r"An error occurred \((?:AWS\.SimpleQueueService\.)?(\w+?)(?:Exception)?\) when calling"


def last_seen(course: Course, aws: boto3.Session, beginning: str) -> str:
    """Lines on the orders whose ids begin so, and on what is wrong in the chapters that set up."""
    told = [*_orders(aws, beginning), *_wrong(course, aws)]
    return "\n".join(told)


def _orders(aws: boto3.Session, beginning: str) -> Iterator[str]:
    lines = function_logs.beginning_with(aws, beginning)
    letters = {letter.order_id: letter for letter in stuck.dead_letters(aws)}
    ids = list(dict.fromkeys(str(line.says["order_id"]) for line in lines))
    ids += [i for i in letters if i and i.startswith(beginning) and i not in ids]
    if not ids:
        yield f"No function has logged anything of an order {beginning}."
    # The ones that are not through come first.
    through = {line.says["order_id"] for line in lines if _is_stored(line)}
    for order_id in sorted(ids, key=lambda each: each in through)[:_MOST]:
        hops = ", ".join(_hops(line for line in lines if line.says["order_id"] == order_id))
        lies = f"; it lies in {letters[order_id].queue}" if order_id in letters else ""
        yield f"Order {order_id} was last seen: {hops or 'nowhere in the logs'}{lies}."
    if len(ids) > _MOST:
        yield f"And {len(ids) - _MOST} more orders."


def _is_stored(line: Line) -> bool:
    return line.says.get("status") in ("RECORDED", "ALREADY_RECORDED")


def _hops(lines: Iterator[Line]) -> Iterator[str]:
    """What each hop said last: "record_order NOT_RECORDED: AccessDenied dynamodb:PutItem"."""
    last = {line.function: line.says for line in lines}
    for function, says in last.items():
        error = f": {in_short(str(says['error']))}" if says.get("error") else ""
        yield f"{function} {says.get('status')}{error}"


def in_short(error: str) -> str:
    """An error of AWS's as its code, and the action that it denies, else its message."""
    code = re.search(_OF_AWS, error)
    denied = re.search(_DENIED, error)
    if code and denied:
        return f"{code[1]} {denied[1]}"
    if code:
        _, _, message = error.partition(" operation: ")
        error = f"{code[1]}: {message}".rstrip("')\" ")
    return error[:_LONGEST]


def _wrong(course: Course, aws: boto3.Session) -> Iterator[str]:
    """What `lab check` finds wrong in the chapters that set up, and the cell that fixes it."""
    for number in course.set_up:
        chapter = course.find(number)
        for finding in checks.examine(course, aws, chapter):
            if finding.wrong:
                yield f"{chapter.title}: {finding.what}: {finding.wrong}. {finding.fix}"
