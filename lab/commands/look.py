"""Commands that look into the chain: logs, mail, dead letters, and what an error means."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import click

from lab.aws.session import session
from lab.commands.cloud import settings_for_local
from lab.commands.numbers import WholeNumber
from lab.course import COURSE, function_logs
from lab.course import dead_letters as stuck
from lab.course.inbox import about_order, inbox, newest
from lab.course.names import names
from lab.engine import explain as explanations
from lab.engine.display import printable
from lab.errors import TargetError
from lab.here import last_error, local

_F = TypeVar("_F", bound=Callable[..., Any])
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def _last(count: int, what: str) -> Callable[[_F], _F]:
    """The option that says how many to show, so that the screen is not flooded."""
    return click.option(
        "--last",
        type=WholeNumber(min=1),
        default=count,
        show_default=True,
        metavar="N",
        help=f"Only the last N {what}.",
    )


@click.command()
@click.argument("function", required=False)
@click.option("--order", metavar="ID", help="Only what the functions logged of this order.")
@click.option("--cloud", is_flag=True, help="What the local cloud itself wrote.")
@_last(1000, "lines")
@_as_json
def logs(function: str | None, order: str | None, cloud: bool, last: int, as_json: bool) -> None:
    """Print the logs of FUNCTION, or of the tutorial's three functions, in order of time."""
    if cloud:
        if function or order or as_json:
            raise click.UsageError(
                "--cloud is plain text, and not about functions: leave out FUNCTION, --order and "
                "--json."
            )
        print(*map(printable, _cloud_log().splitlines()[-last:]), sep="\n")
        return
    aws = session(start=False)
    ours = {names().stem(name): name for name in names().functions}
    wanted = (ours.get(function, function),) if function else names().functions
    found = (
        function_logs.of_order(aws, order, wanted)[-last:]
        if order
        else function_logs.last_lines(aws, wanted, last, quietly=False)
    )
    if as_json:
        print(json.dumps([asdict(line) for line in found]))
    else:
        _print_lines(found)
    if len(found) == last:
        print(f"These are the last {last} lines; --last shows more.", file=sys.stderr)
    if not found:
        _say_that_nothing_was_logged(wanted, order)
        sys.exit(1)


def _print_lines(lines: Sequence[function_logs.Line]) -> None:
    for line in lines:
        clock = time.strftime("%H:%M:%S", time.gmtime(line.epoch_ms / 1000))
        print(f"{clock}.{line.epoch_ms % 1000:03d} {line.function}: {printable(line.text)}")


def _say_that_nothing_was_logged(functions: Sequence[str], order: str | None) -> None:
    about = f" of order {order!r}" if order else ""
    print(f"Nothing was logged{about} by {', '.join(functions)}.", file=sys.stderr)
    if not set(functions) <= set(names().functions):
        print(f"The tutorial's functions are {', '.join(names().functions)}.", file=sys.stderr)


def _cloud_log() -> str:
    """What the local cloud wrote to its log. Raises TargetError if it was not started here."""
    chosen = settings_for_local()
    key = local.key_at(chosen.endpoint_url) if chosen.endpoint_url else None
    path = Path(key.log) if key and key.log else local.log_path(chosen.port)
    if (chosen.endpoint_url and not (key and key.log)) or not path.exists():
        raise TargetError(f"There is no {path}: no local cloud was started here.")
    return path.read_text("utf-8", errors="replace")


@click.command(name="dead-letters")
@_as_json
def dead_letters(as_json: bool) -> None:
    """List the orders that are stuck in a dead-letter queue, and why. Only looks.

    Exit status 0 if there is none, 1 if something is stuck.
    """
    found = stuck.dead_letters(session(start=False))
    if as_json:
        print(json.dumps([asdict(letter) for letter in found], default=str))
    elif found:
        stuck.show(found)
    else:
        print("No dead letters.")
    sys.exit(1 if found else 0)


@click.command()
@click.argument("queue", required=False, default="")
@_as_json
def redrive(queue: str, as_json: bool) -> None:
    """Send dead letters back: those of QUEUE, or all.

    Those of the queue of orders are moved to it. For those of SNS and Lambda the function
    record_order is called again.
    """
    found = stuck.redrive(session(start=False), queue)
    if as_json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        _say_what_was_sent_back(found)
    sys.exit(any(each.problem for each in found))


def _say_what_was_sent_back(found: Sequence[stuck.Redriven]) -> None:
    for each in found:
        orders = f"{each.sent} order{'s' * (each.sent != 1)}"
        if each.sent:
            print(f"Sent {orders} back to {each.to}.")
        if each.left:
            why = "." if each.problem else ", which no function can take."
            print(f"Left {each.left} in {each.queue}{why}")
        if each.problem:
            problem = printable(each.problem)
            print(f"Could not send back all of {each.queue}: {problem}", file=sys.stderr)
    if not any(each.sent or each.left or each.problem for each in found):
        print("No dead letters.")


@click.command()
@click.option("--order", metavar="ID", help="Only the mail about this order.")
@_last(20, "mails")
@_as_json
def mail(order: str | None, last: int, as_json: bool) -> None:
    """Print the mail in the local cloud's mailbox, the newest at the end.

    Exit status 0 if there is some, 1 if there is none.
    """
    box = inbox(session(start=False))
    if box is None:
        raise TargetError(
            "There is no local mailbox. AWS, and a local cloud that sends mail out, deliver to the "
            "recipient's own. Is AWS_ENDPOINT_URL set, and nothing answers there? Then unset it."
        )
    found = about_order(box, order)[-last:] if order else newest(box, last)[::-1]
    if as_json:
        print(json.dumps([_as_dict(message) for message in found]))
    else:
        _print_mails(found)
    if not found:
        about = f" about the order {order!r}" if order else ""
        print(f"No mail{about} yet.", file=sys.stderr)
    if not order and (older := len(box) - len(found)) > 0:
        print(f"{older} older mails are not shown; --last shows more.", file=sys.stderr)
    sys.exit(0 if found else 1)


def _print_mails(found: Sequence[EmailMessage]) -> None:
    for message in found:
        head = f"{message['Date']}  To: {message['To']}  {message['Subject']}"
        print(printable(f"{head}\n\n{message.get_content()}"))


def _as_dict(message: EmailMessage) -> dict[str, str]:
    head = {name.lower(): str(message[name]) for name in ("Date", "From", "To", "Subject")}
    return {**head, "text": str(message.get_content())}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("text", nargs=-1)
@click.option("--list", "as_list", is_flag=True, help="List the errors that are known.")
@_as_json
def explain(text: tuple[str, ...], as_list: bool, as_json: bool) -> None:
    """Say what an error means, where it happens and how to fix it.

    TEXT is the error, or - for standard input; without it, the last one that a chapter met.
    """
    entries = explanations.load(COURSE.errors)
    if as_list:
        listed = [entry.name for entry in entries]
        print(json.dumps(listed) if as_json else "\n".join(listed))
        return
    piped = text == ("-",) or not (text or sys.stdin.isatty())
    error = sys.stdin.buffer.read().decode("utf-8", "replace") if piped else " ".join(text)
    if not error.strip():
        error = last_error.recall() or ""
        if error and not as_json:
            print(f"The last error was: {printable(error)}\n")
    if not error:
        print("No chapter has met an error yet. Paste one: lab explain 'TEXT'", file=sys.stderr)
        sys.exit(1)
    found = explanations.explain(entries, error, local=os.environ.get("LAB_TARGET") != "aws")
    if found is None:
        print(
            f"We do not know this error. Look in {explanations.PAGE}, or at `lab logs`.",
            file=sys.stderr,
        )
        sys.exit(1)
    if as_json:
        parts = {part: getattr(found, part) for part in ("name", "means", "where", "cure")}
        print(json.dumps({"error": error, **parts}))
        return
    wide = explanations.terminal_width() if sys.stdout.isatty() else None
    print(explanations.describe(found, wide))


COMMANDS = (logs, dead_letters, redrive, mail, explain)
