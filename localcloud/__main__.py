"""`python -m localcloud`: run a local cloud in the foreground.

It restarts itself with only the environment variables that it needs. Functions run as the same
user, and could read the variables that it started with for as long as it lives.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from localcloud.host.number import Number

# What Python, system libraries, temporary and private folders, and Windows need.
_NEEDED = re.compile(
    "PATH|HOME|USER|LOGNAME|TMPDIR|TEMP|TMP|TZ|LANG|LANGUAGE|LC_.*|XDG_.*_(HOME|DIR)|PYTHON.*|"
    "VIRTUAL_ENV|LD_LIBRARY_PATH|DYLD_.*|SYSTEMROOT|SYSTEMDRIVE|WINDIR|USERPROFILE|APPDATA|"
    "LOCALAPPDATA|PATHEXT|COMSPEC|NUMBER_OF_PROCESSORS|PROCESSOR_.*|COVERAGE_.*",
    re.IGNORECASE,
)
_A_WEEK = 7 * 86_400  # in seconds


def _smtp(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Check HOST[:PORT] before anything is started."""
    if value is None:
        return None
    given = re.fullmatch(r"[^:\s]+(?::([1-9][0-9]{0,4}))?", value)
    if given is None or int(given[1] or 0) > 65_535:
        raise click.BadParameter(f"expected HOST[:PORT], found {value!r}.")
    return value


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port on 127.0.0.1; 0 takes any free one. By default it follows from user and folder; if "
    "that one is taken, the next free one.",
)
@click.option(
    "--mailbox",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Maildir for e-mail; by default a temporary one.",
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
    help="Invocations that may run at the same time; others wait.",
)
@click.option(
    "--retry-delay",
    default=60.0,
    type=Number(0, _A_WEEK),
    metavar="SECONDS",
    help="Wait before an asynchronous invocation is retried, as long as on AWS.",
)
@click.option(
    "--change-delay",
    default=0.03,
    type=Number(0, _A_WEEK),
    metavar="SECONDS",
    help="How long a change of a function or a trigger takes (some seconds on AWS).",
)
@click.option(
    "--role-delay",
    default=0.0,
    type=Number(0, _A_WEEK),
    metavar="SECONDS",
    help="How long a new role is unknown to Lambda (some seconds on AWS).",
)
@click.option(
    "--speed",
    default=1.0,
    type=Number(1, 1000),
    metavar="N",
    help="Make AWS's waits, such as visibility timeouts, pass N times as fast.",
)
@click.option(
    "--queue-name-delay",
    default=0.0,
    type=Number(0, _A_WEEK),
    metavar="SECONDS",
    help="Wait before the name of a deleted queue can be used again (60 on AWS).",
)
@click.option(
    "--like-aws",
    is_flag=True,
    help="Take as long as AWS does until a change is known everywhere, and answer no more calls a "
    "second: as a first run on AWS meets it. What you set with another option stays.",
)
@click.option(
    "--runtime-client",
    "client",
    default="native",
    type=click.Choice(["native", "python"]),
    help="The Lambda runtime client; 'python' where there is no native one.",
)
@click.option(
    "--auth",
    default="on",
    type=click.Choice(["on", "off"]),
    help="'off' accepts any credentials, from any program on this machine.",
)
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the output to this file, once the port is taken.",
)
@click.option("--until-stdin-ends", is_flag=True, hidden=True)
@click.pass_context
def main(context: click.Context, /, port: int | None, auth: str, **options: Any) -> None:
    """Run AWS on this machine: Lambda, API Gateway, SQS, SNS, DynamoDB, IAM and Logs.

    Prints the address once it is ready. Sign requests with the keys that this start makes;
    `lab env` prints them, with everything else that an AWS client needs. The state is gone when
    the process ends.
    """
    # With Jupyter installed, importing jsonschema spends seconds on a grammar of IRIs, twice as
    # long as all the rest. None in its place makes jsonschema skip it; nothing here needs it.
    missing: Any = None
    sys.modules.setdefault("rfc3987_syntax", missing)
    from localcloud.host import start_key

    try:
        from localcloud.cloud import Options  # slow to import, and --help need not wait
        from localcloud.server import listen, serve
    except ImportError as error:  # most likely moto lacks what we replace in it
        _fail(str(error))

    if options["like_aws"]:
        options |= _as_on_aws(context)

    def ready(address: str) -> None:
        print(f"Local cloud ready at http://{address}", flush=True)
        if auth == "off":
            print("It accepts any credentials, from every program on this machine.", flush=True)

    ports = start_key.ports(Path.cwd()) if port is None else range(port, port + 1)
    try:
        server_socket = listen(ports)
    except OSError as error:
        _fail(
            f"cannot listen on 127.0.0.1:{ports[-1]}: {error.strerror or error}. Stop what runs "
            "there, or choose another port with --port (0 takes any free one; for the lab command "
            "and the chapters, set LAB_PORT)."
        )
    try:
        serve(Options(auth=auth == "on", **options), server_socket, ready)
    except OSError as error:
        _fail(
            f"{error}. It needs a private folder for its keys below your home directory, and a "
            "place for mail; choose another place with --mailbox."
        )


def _as_on_aws(context: click.Context) -> dict[str, float]:
    """AWS's waits in place of those that nobody set."""
    from localcloud.like_aws import LAGS

    of_aws = {"role_delay": "role", "change_delay": "change", "queue_name_delay": "queue name"}
    unset = context.get_parameter_source
    return {
        option: LAGS[lag].seconds
        for option, lag in of_aws.items()
        if unset(option) is ParameterSource.DEFAULT
    }


def _begin_again_without_secrets() -> None:
    """Restart in this process with only the needed variables, if there are others."""
    needed = {name: value for name, value in os.environ.items() if _NEEDED.fullmatch(name)}
    if len(needed) == len(os.environ):
        return
    if os.name == "posix":  # elsewhere execve starts another process
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], needed)
    for name in os.environ.keys() - needed.keys():
        del os.environ[name]


def _fail(message: str) -> NoReturn:
    print(f"localcloud: {message}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    _begin_again_without_secrets()
    main(prog_name="python -m localcloud")
