"""The `lab` command: the local cloud, set-up in one go, logs and mail."""

from __future__ import annotations

import json
import sys
import time

import click
from botocore.exceptions import BotoCoreError, ClientError

from lab import chapters, local, settings
from lab.errors import LabError, TargetError
from lab.inbox import inbox, mails
from lab.names import names
from lab.session import session


class _Group(click.Group):
    """Shows errors that a user can mend as one line."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (LabError, ClientError, BotoCoreError) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the tutorial's local cloud and its chapters.

    Settings come from the environment: LAB_TARGET (local or aws), LAB_PREFIX, LAB_EMAIL,
    LAB_PORT, AWS_REGION, AWS_ENDPOINT_URL.
    """


@main.command()
def start() -> None:
    """Start the local cloud in the background, unless it runs."""
    print(f"Local cloud ready at {local.start(settings.load().port)}")


@main.command()
def stop() -> None:
    """Stop the local cloud; what it holds is gone."""
    url = local.address(settings.load().port)
    print("Stopped." if local.stop(url) else f"No local cloud runs at {url}.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def status(as_json: bool) -> None:
    """Say whether the local cloud runs, and what is in it. Exit status 1 if it does not."""
    url = local.address(settings.load().port)
    found = local.status(url)
    if found is None:
        print(f"No local cloud runs at {url}. Start one with `lab start`.", file=sys.stderr)
        sys.exit(1)
    if as_json:
        print(json.dumps(found))
        return
    for name in ("address", "pid", "mailbox"):
        print(f"{name:10} {found[name]}")
    print(f"{'workers':10} {len(found['workers'])}")
    print(f"{'functions':10} {', '.join(found['functions']) or 'none'}")


@main.command()
def reset() -> None:
    """Make the local cloud forget everything, without stopping it."""
    local.reset(local.address(settings.load().port))
    print("Forgot everything.")


@main.command()
@click.argument("function", required=False)
@click.option("--cloud", is_flag=True, help="What the local cloud itself had to say.")
def logs(function: str | None, cloud: bool) -> None:
    """Print the logs of FUNCTION, or of the tutorial's three functions."""
    if cloud:
        path = local.log_path(settings.load().port)
        if not path.exists():
            raise TargetError(f"There is no {path}: no local cloud was started here.")
        print(path.read_text(errors="replace"), end="")
        return
    client = session(start=False).client("logs")
    ours = {name.removeprefix(settings.load().prefix): name for name in names().functions}
    wanted = [ours.get(function, function)] if function else names().functions
    groups = [names().log_group(name) for name in wanted]
    found = []
    for group in groups:
        try:
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=group)
            found += [(e["timestamp"], group, e["message"]) for p in pages for e in p["events"]]
        except client.exceptions.ResourceNotFoundException:
            print(f"There is no log group {group}.", file=sys.stderr)
    for stamp, group, message in sorted(found, key=lambda event: event[0]):
        clock = time.strftime("%H:%M:%S", time.gmtime(stamp / 1000))
        print(f"{clock}.{stamp % 1000:03d} {group.rsplit('/', 1)[-1]}: {message.rstrip()}")
    if not found:
        sys.exit(1)


@main.command()
def mail() -> None:
    """Print the mail in the local cloud's mailbox, oldest first."""
    box = inbox(session(start=False))
    if box is None:
        raise TargetError("There is no local mailbox: the mail went to its real recipient.")
    for message in mails(box):
        print(f"{message['Date']}  To: {message['To']}  {message['Subject']}\n")
        print(message.get_content())


@main.command()
def up() -> None:
    """Set up the whole pipeline: chapters 00 to 03. `python teardown.py` is the reverse."""
    settings.load()  # a wrong one is reported before anything is printed
    for number in chapters.SET_UP:
        path = chapters.chapters()[number]
        print(f"== {chapters.title(path)}")
        chapters.run(path)


@main.command()
def demo() -> None:
    """Run the whole tutorial on a local cloud of its own, then tear it down."""
    from lab.demo import demo as run_demo

    sys.exit(1 if run_demo() else 0)
