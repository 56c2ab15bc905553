"""The notebooks' kernel has a name of its own: on a server where many Jupyters meet, "Python 3" may
be a Python without this project."""

from __future__ import annotations

import sys

NAME = "chain-lambda-functions"
_SHOWN = "Chain Lambda functions"


def install() -> None:
    """Let this environment's Jupyter find its own Python under that name."""
    from ipykernel import kernelspec  # not where only scripts are run

    kernelspec.install(prefix=sys.prefix, kernel_name=NAME, display_name=_SHOWN)


def spec() -> dict[str, str]:
    """What a notebook says of the kernel that it wants."""
    return {"display_name": _SHOWN, "language": "python", "name": NAME}
