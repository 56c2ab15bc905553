"""What another AWS client needs to use the local cloud, as each shell (or AWS's own files) want it.

A session token or a profile of yours would come before these keys, so the shells are told to
forget those.
https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
"""

from __future__ import annotations

import json
import shlex

from localcloud.host.start_key import StartKey

FORMATS = ("sh", "fish", "powershell", "json", "profile")
_FORGOTTEN = ("AWS_SESSION_TOKEN", "AWS_PROFILE")


def variables(key: StartKey, region: str) -> dict[str, str]:
    """The environment variables that AWS's SDKs and command line tools read."""
    return {
        "AWS_ENDPOINT_URL": key.address,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def render(key: StartKey, region: str, form: str) -> str:
    """The variables as text of one of the FORMATS."""
    found = variables(key, region)
    match form:
        case "json":
            return json.dumps(found, indent=2) + "\n"
        case "profile":
            return _profile(key, region)
        case "fish":
            lines = [f"set -gx {name} {shlex.quote(value)}" for name, value in found.items()]
            lines += [f"set -e {name}" for name in _FORGOTTEN]
        case "powershell":
            lines = [f"$env:{name} = '{value}'" for name, value in found.items()]
            lines += [f"$env:{name} = $null" for name in _FORGOTTEN]
        case _:
            lines = [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
            lines.append(f"unset {' '.join(_FORGOTTEN)}")
    return "\n".join(lines) + "\n"


def _profile(key: StartKey, region: str) -> str:
    """https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html"""
    return (
        "[profile local-cloud]\n"
        f"endpoint_url = {key.address}\n"
        f"aws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
        f"region = {region}\n"
    )
