"""The `lab` command: the local cloud, the chapters and how far one is, logs and mail."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from lab import errors
from lab.aws import client_env
from lab.aws.session import session
from lab.course import chapters, function_logs, movement
from lab.course.inbox import inbox, mails
from lab.course.names import names
from lab.engine.display import printable
from lab.errors import NoCloudError, TargetError
from lab.here import last_error, local, settings
from lab.here.lock import set_up_lock
from lab.here.settings import Settings


class _Group(click.Group):
    """Shows errors that a user can mend as one line."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except errors.MENDABLE as error:
            print(*errors.report(error), sep="\n", file=sys.stderr)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the tutorial's local cloud and its chapters.

    Settings come from the environment: LAB_TARGET (local or aws), LAB_PREFIX, LAB_EMAIL,
    LAB_PORT, AWS_REGION, AWS_ENDPOINT_URL.
    """


def _settings_for_local() -> Settings:
    """The settings. Raises TargetError where AWS is in use."""
    chosen = settings.load()
    if chosen.target == "aws":
        command = click.get_current_context().info_name
        raise TargetError(
            f"LAB_TARGET is aws; `lab {command}` is for the local cloud. Unset LAB_TARGET first."
        )
    return chosen


def _local_cloud() -> str | None:
    """The address of the local cloud that is in use, if it was named or runs."""
    chosen = _settings_for_local()
    if chosen.endpoint_url is not None:
        local.refuse_another_users(chosen.endpoint_url)
        return chosen.endpoint_url
    key = local.find(chosen.port)
    return None if key is None else key.address


def _shown(url: str) -> str:
    """An address as it may be shown: somebody may have put a password into it."""
    return printable(last_error.without_secrets(url))


def _none_runs(url: str | None) -> str:
    return (
        f"No local cloud runs at {_shown(url)}." if url else "No local cloud runs for this folder."
    )


@main.command()
def start() -> None:
    """Start the local cloud in the background, unless it runs."""
    chosen = _settings_for_local()
    url = chosen.endpoint_url and _local_cloud()
    if url is None:
        url = local.start(chosen.port).address
    elif local.status(url) is None:  # another cloud would not be the one in use
        raise TargetError(
            f"No local cloud answers at {_shown(url)}, which AWS_ENDPOINT_URL names; unset it to "
            "start one."
        )
    print(f"Local cloud ready at {_shown(url)}")


@main.command()
def stop() -> None:
    """Stop the local cloud; what it holds is gone."""
    url = _local_cloud()
    if url is not None:
        local.refuse_another_folders(url)
    print("Stopped." if url and local.stop(url) else _none_runs(url))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def status(as_json: bool) -> None:
    """Say whether the local cloud runs, and what is in it. Exit status 1 if it does not."""
    url = _local_cloud()
    found = local.status(url) if url else None
    if found is None:
        print(f"{_none_runs(url)} Start one with `lab start`.", file=sys.stderr)
        sys.exit(1)
    if as_json:
        print(json.dumps(found))
        return
    for name in ("address", "user", "folder", "pid", "mailbox"):
        print(f"{name:10} {printable(str(found.get(name)))}")
    if found["speed"] != 1:
        print(f"{'speed':10} {found['speed']:g} times as fast as on AWS, the waits")
    print(f"{'workers':10} {len(found['workers'])}")
    print(f"{'functions':10} {printable(', '.join(found['functions'])) or 'none'}")
    for trigger in found["event_sources"]:
        print(f"{'trigger':10} {movement.in_words(trigger)}")
    for loss in found["lost"]["last"][:1]:
        newest = printable(f"{loss['what']}: {loss['why']}")
        print(f"{'lost':10} {found['lost']['total']}, the newest: {newest}")
    if found["restarts"]:
        print(f"{'restarts':10} {found['restarts']}; `lab logs --cloud` says of what, and why")


@main.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(client_env.FORMATS),
    default=client_env.FORMATS[0],
    show_default=True,
    help="For which shell, or as JSON, or as a profile for ~/.aws/config.",
)
def env(form: str) -> None:
    """Print what any AWS client needs to use the local cloud: address, keys and region.

    In a terminal: eval "$(lab env)". What is printed opens the cloud to anyone who reads it.
    """
    chosen = _settings_for_local()
    url = _local_cloud()
    key = local.key_at(url) if url else None
    if key is None:
        raise TargetError(f"{_none_runs(url)} Start one with `lab start`, then try again.")
    print(client_env.render(key, chosen.region or "us-east-1", form), end="")


@main.command()
@click.argument("chapter", required=False)
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
def reset(chapter: str | None, yes: bool) -> None:
    """Undo CHAPTER and what builds on it.

    Without CHAPTER the local cloud forgets everything, which it asks about first.
    """
    if chapter is None:
        _forget_everything(yes)
        return
    from lab.engine import catch_up

    numbers = catch_up.undone_by(chapters.find(chapter))
    if settings.load().target == "aws" and not yes:
        click.confirm(f"Delete what chapters {', '.join(numbers)} made on AWS?", abort=True)
    left = catch_up.undo(session(start=False), numbers)
    print(f"Undid {', '.join(numbers)}; {len(left)} left")
    sys.exit(1 if left else 0)


def _forget_everything(yes: bool) -> None:
    url = _local_cloud()
    if url is None:
        raise NoCloudError(f"{_none_runs(url)} Start one with `lab start`.")
    local.refuse_another_folders(url)
    if not yes:
        click.confirm(f"Delete everything in the local cloud at {_shown(url)}?", abort=True)
    with set_up_lock():
        local.reset(url)
    print("Forgot everything.")


@main.command()
@click.argument("function", required=False)
@click.option("--order", metavar="ID", help="Only what the functions logged of this order.")
@click.option("--cloud", is_flag=True, help="What the local cloud itself had to say.")
def logs(function: str | None, order: str | None, cloud: bool) -> None:
    """Print the logs of FUNCTION, or of the tutorial's three functions, in order of time."""
    if cloud:
        if function or order:
            raise click.UsageError(
                "--cloud is not about functions: leave out FUNCTION and --order."
            )
        print(printable(_cloud_log()), end="")
        return
    aws = session(start=False)
    ours = {name.removeprefix(settings.load().prefix): name for name in names().functions}
    wanted = (ours.get(function, function),) if function else names().functions
    found = (
        function_logs.of_order(aws, order, wanted) if order else function_logs.lines(aws, wanted)
    )
    for line in found:
        clock = time.strftime("%H:%M:%S", time.gmtime(line.epoch_ms / 1000))
        print(f"{clock}.{line.epoch_ms % 1000:03d} {line.function}: {printable(line.text)}")
    if not found:
        _say_that_nothing_was_logged(wanted, order)
        sys.exit(1)


def _say_that_nothing_was_logged(functions: Sequence[str], order: str | None) -> None:
    about = f" of order {order!r}" if order else ""
    print(f"Nothing was logged{about} by {', '.join(functions)}.", file=sys.stderr)
    if not set(functions) <= set(names().functions):
        print(f"The tutorial's functions are {', '.join(names().functions)}.", file=sys.stderr)


def _cloud_log() -> str:
    """What the local cloud wrote to its log. Raises TargetError if it was not started here."""
    chosen = _settings_for_local()
    key = local.key_at(chosen.endpoint_url) if chosen.endpoint_url else None
    path = Path(key.log) if key and key.log else local.log_path(chosen.port)
    if (chosen.endpoint_url and not (key and key.log)) or not path.exists():
        raise TargetError(f"There is no {path}: no local cloud was started here.")
    return path.read_text("utf-8", errors="replace")


@main.command(name="dead-letters")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def dead_letters(as_json: bool) -> None:
    """List the orders that are stuck in a dead-letter queue, and why. Only looks.

    Exit status 0 if there is none, 1 if something is stuck.
    """
    from lab.course.dead_letters import dead_letters as look
    from lab.course.dead_letters import show

    found = look(session(start=False))
    if as_json:
        print(json.dumps([asdict(letter) for letter in found], default=str))
    elif found:
        show(found)
    else:
        print("No dead letters.")
    sys.exit(1 if found else 0)


@main.command()
@click.argument("queue", required=False, default="")
def redrive(queue: str) -> None:
    """Send dead letters back: those of QUEUE, or all.

    Those of the queue of orders are moved to it. With those of SNS and Lambda the function
    record_order is invoked again.
    """
    from lab.course.dead_letters import redrive as send_back

    found = send_back(session(start=False), queue)
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
    sys.exit(any(each.problem for each in found))


@main.command()
def mail() -> None:
    """Print the mail in the local cloud's mailbox, oldest first."""
    box = inbox(session(start=False))
    if box is None:
        raise TargetError(
            "There is no local mailbox. On AWS, and from a local cloud that sends mail out, it is "
            "in the recipient's; is AWS_ENDPOINT_URL set, and nobody there? Then unset it."
        )
    found = mails(box)
    if not found:
        print("No mail yet.", file=sys.stderr)
    for message in found:
        head = f"{message['Date']}  To: {message['To']}  {message['Subject']}"
        print(printable(f"{head}\n\n{message.get_content()}"))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("text", nargs=-1)
@click.option("--list", "as_list", is_flag=True, help="List the errors that are known.")
def explain(text: tuple[str, ...], as_list: bool) -> None:
    """Say what an error means, where it happens and what mends it.

    TEXT is the error, or - for standard input; without it, the last one that a chapter met.
    """
    from lab.course import explain as explanations
    from lab.here.last_error import recall

    if as_list:
        print("\n".join(entry.name for entry in explanations.EXPLANATIONS))
        return
    piped = text == ("-",) or not (text or sys.stdin.isatty())
    error = sys.stdin.buffer.read().decode("utf-8", "replace") if piped else " ".join(text)
    if not error.strip():
        error = recall() or ""
        if error:
            print(f"The last error was: {printable(error)}\n")
    if not error:
        print("No chapter has met an error yet. Paste one: lab explain 'TEXT'", file=sys.stderr)
        sys.exit(1)
    found = explanations.explain(error, local=os.environ.get("LAB_TARGET") != "aws")
    if found is None:
        print(f"Not an error that we know. See {explanations.PAGE}, `lab logs`.", file=sys.stderr)
        sys.exit(1)
    wide = explanations.terminal_width() if sys.stdout.isatty() else None
    print(explanations.describe(found, wide))


@main.command()
@click.argument("chapter", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def check(chapter: str | None, as_json: bool) -> None:
    """Say what is right after CHAPTER, and what is wrong, why, and which cell mends it.

    Without CHAPTER: how far you are, and what is wrong in the chapters that you have begun. Only
    looks, changes nothing. Exit status 1 if something is wrong.
    """
    from lab.engine import checks

    every = list(chapters.CHAPTERS.values())
    wanted = every if chapter is None else [chapters.find(chapter)]
    aws = session(start=False)
    found = {each.number: checks.examine(aws, each.number) for each in wanted}
    if as_json:
        print(json.dumps({n: [asdict(f) for f in findings] for n, findings in found.items()}))
    elif chapter is None:
        print(checks.overview(found))
    else:
        print(*(checks.report(n, found[n], everything=True) for n in found))
    begun = [f for f in found.values() if chapter is not None or checks.has_begun(f)]
    sys.exit(0 if all(checks.is_right(findings) for findings in begun) else 1)


@main.command()
@click.argument("chapter")
def goto(chapter: str) -> None:
    """Run the chapters before CHAPTER, those that are not right yet; safe to repeat."""
    from lab.engine import catch_up

    wanted = chapters.find(chapter)
    catch_up.go_to(session(), wanted)
    print(f"Ready for {wanted.title}: scripts/{wanted.script.name}")


@main.command()
@click.argument("chapter")
@click.argument("which", type=click.IntRange(min=1), default=1)
def hint(chapter: str, which: int) -> None:
    """Print a hint for the exercise of CHAPTER, the first one or number WHICH."""
    from lab.course import exercises

    print(exercises.hint(chapter, which))


@main.command()
def up() -> None:
    """Set up the whole pipeline: chapters 00 to 03. `python teardown.py` is the reverse."""
    from lab.engine import catch_up

    session()  # what is wrong with it is reported before anything is printed
    catch_up.set_up()


@main.command()
def demo() -> None:
    """Run the whole tutorial on a local cloud of its own, then tear it down."""
    from lab.here.demo import demo as run_demo

    sys.exit(1 if run_demo() else 0)
