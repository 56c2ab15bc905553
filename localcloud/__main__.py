"""`python -m localcloud`: run a local cloud in the foreground."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

DEFAULT_PORT = 4510


def _smtp(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Check HOST[:PORT] before anything is started."""
    if value is not None and not re.fullmatch(r"[^:\s]+(:[1-9]\d{0,4})?", value):
        raise click.BadParameter(f"{value!r} is not of the form HOST[:PORT].")
    return value


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--port",
    default=DEFAULT_PORT,
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port on 127.0.0.1; 0 takes any that is free.",
)
@click.option(
    "--mailbox",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Maildir for e-mail; a temporary one unless given.",
)
@click.option(
    "--smtp",
    callback=_smtp,
    metavar="HOST[:PORT]",
    help="Send e-mail through this server instead of keeping it.",
)
@click.option(
    "--concurrency",
    default=10,
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Invocations that may run at one time; more wait.",
)
@click.option(
    "--retry-delay",
    default=1.0,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Wait before an asynchronous invocation is retried (a minute on AWS).",
)
@click.option(
    "--role-delay",
    default=0.0,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long a new role is unknown to Lambda (some seconds on AWS).",
)
@click.option(
    "--speed",
    default=1.0,
    type=click.FloatRange(1, 1000),
    metavar="N",
    help="How many times as fast AWS's waits pass, such as visibility timeouts.",
)
@click.option(
    "--queue-name-delay",
    default=0.0,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Wait before the name of a deleted queue can be used again (60 on AWS).",
)
@click.option(
    "--runtime-client",
    "client",
    default="native",
    type=click.Choice(["native", "python"]),
    help="The Lambda runtime client; 'python' where there is no native one.",
)
@click.option("--until-stdin-ends", is_flag=True, hidden=True)
def main(port: int, **options: Any) -> None:
    """Run AWS on this machine: Lambda, API Gateway, SQS, SNS, DynamoDB, IAM and Logs.

    Prints the address once it is ready. Point any AWS client at it (--endpoint-url or
    AWS_ENDPOINT_URL), with whatever credentials. State lives as long as the process.
    """
    # Where Jupyter is installed, jsonschema takes seconds over a grammar of IRIs as it is imported,
    # twice as long as all the rest. None in its place makes it go without; nothing here needs it.
    missing: Any = None
    sys.modules.setdefault("rfc3987_syntax", missing)
    from localcloud.server import Options, listen, serve  # slow to import; --help is not

    def ready(address: str) -> None:
        print(f"Local cloud ready at http://{address}", flush=True)

    try:
        server_socket = listen(port)
    except OSError as error:
        _fail(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror or error}. Stop what runs there, "
            "or choose another port with --port (0 takes any that is free; for the lab command and "
            "the chapters, set LAB_PORT)."
        )
    try:
        serve(Options(**options), server_socket, ready)
    except OSError as error:
        _fail(f"{error}. If it is the mailbox, choose another directory with --mailbox.")


def _fail(message: str) -> NoReturn:
    print(f"localcloud: {message}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m localcloud")
