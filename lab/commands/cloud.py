"""Commands for the local cloud: start and stop it, look at it, and use it from elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from lab.aws import client_env, movement
from lab.engine.display import printable
from lab.errors import NoCloudError, TargetError
from lab.here import cloud_in_words, last_error, local, settings
from lab.here.lock import set_up_lock
from lab.here.settings import Settings


def settings_for_local() -> Settings:
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
    chosen = settings_for_local()
    if chosen.endpoint_url is not None:
        local.refuse_another_users(chosen.endpoint_url)
        return chosen.endpoint_url
    key = local.find(chosen.port)
    return None if key is None else key.address


def running_cloud() -> str:
    """The address of the local cloud that is in use. Raises NoCloudError if none runs there."""
    url = _local_cloud()
    if url is None or local.status(url) is None:
        raise NoCloudError(f"{_none_runs(url)} Start one with `lab start`, then try again.")
    return url


def _shown(url: str) -> str:
    """An address that may be shown: without the password that somebody may have put into it."""
    return printable(last_error.without_secrets(url))


def _none_runs(url: str | None) -> str:
    return (
        f"No local cloud runs at {_shown(url)}." if url else "No local cloud runs for this folder."
    )


@click.command()
def start() -> None:
    """Start the local cloud in the background, unless it runs."""
    chosen = settings_for_local()
    url = chosen.endpoint_url and _local_cloud()
    if url is None:
        url = local.start(chosen.port).address
    elif local.status(url) is None:  # another cloud would not be the one in use
        raise TargetError(
            f"No local cloud answers at {_shown(url)}, which AWS_ENDPOINT_URL names; unset it to "
            "start one."
        )
    print(f"Local cloud ready at {_shown(url)}")


@click.command()
def stop() -> None:
    """Stop the local cloud; what it holds is gone."""
    url = _local_cloud()
    if url is not None:
        local.refuse_another_folders(url)
    print("Stopped; what it held is gone." if url and local.stop(url) else _none_runs(url))


@click.command()
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
    print(*_in_words(url, found), sep="\n")


def _in_words(url: str | None, found: dict[str, Any]) -> Iterator[str]:
    """What a cloud says of itself. Raises TargetError for one of another version."""
    try:
        yield cloud_in_words.printed(found)
        for trigger in found["services"]["lambda"]["event_source_mappings"]:
            yield f"{'trigger':10} {movement.in_words(trigger)}"
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TargetError(
            f"The local cloud at {_shown(url or '')} is of another version: its status makes no "
            f"sense here ({error}). `lab stop` ends it, with all that it holds; then run `lab "
            "start`."
        ) from None


@click.command()
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
    chosen = settings_for_local()
    url = _local_cloud()
    key = local.key_at(url) if url else None
    if key is None:
        raise TargetError(f"{_none_runs(url)} Start one with `lab start`, then try again.")
    print(client_env.render(key, chosen.region or "us-east-1", form), end="")


def forget_everything(yes: bool) -> None:
    """Empty the local cloud, after a question. Raises NoCloudError if none runs."""
    url = _local_cloud()
    if url is None:
        raise NoCloudError(f"{_none_runs(url)} Start one with `lab start`.")
    local.refuse_another_folders(url)
    if not yes:
        click.confirm(f"Delete everything in the local cloud at {_shown(url)}?", abort=True)
    with set_up_lock():
        local.reset(url)
    print("Forgot everything.")


COMMANDS = (start, stop, status, env)
