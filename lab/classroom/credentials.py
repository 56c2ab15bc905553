"""The file with which a learner works: prefix, address, account and an access key.

It is shell and nothing else, so that a learner can read it and load it. Only its owner may read it,
and it is never printed.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import boto3

from lab.classroom.roster import Learner
from lab.classroom.user import AccessKey
from lab.errors import ClassroomError
from localcloud.host import private

_USE = """\
# For {name} only. In the tutorial's folder, before anything else: set -a; . {path}; set +a
"""


def path_of(folder: Path, learner: Learner) -> Path:
    return folder / f"{learner.name}.env"


def known_key(path: Path) -> str | None:
    """The id of the access key in a file that also has its secret; None if there is none. Raises
    ClassroomError for a file that others may read or that cannot be used."""
    try:
        found = _values(private.read(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    has_secret = bool(found.get("AWS_SECRET_ACCESS_KEY"))
    return found.get("AWS_ACCESS_KEY_ID") or None if has_secret else None


def write(path: Path, learner: Learner, aws: boto3.Session, account: str, key: AccessKey) -> None:
    """Write the file with mode 600. Raises ClassroomError."""
    endpoint_url = getattr(aws, "endpoint_url", None)
    values = {
        "LAB_TARGET": "aws",
        "LAB_PREFIX": learner.name,
        "LAB_EMAIL": learner.email,
        "LAB_ACCOUNT": account,
        "AWS_REGION": aws.region_name,
        "AWS_DEFAULT_REGION": aws.region_name,
        "AWS_ACCESS_KEY_ID": key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}),
    }
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in values.items()]
    head = _USE.format(name=learner.name, path=shlex.quote(f"./{path.name}"))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private.write(path, head + "".join(lines))
    except OSError as error:
        raise _unusable(path, error) from None


def forget(path: Path) -> None:
    """Delete the file, whose key is gone. Raises ClassroomError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(path, error) from None


def _values(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


def _unusable(path: Path, error: OSError) -> ClassroomError:
    return ClassroomError(f"{path} cannot be used: {error.strerror}. Correct that, or delete it.")
