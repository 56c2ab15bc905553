"""Set-up, one order and teardown as a scripter has them: on a cloud that is like AWS, and on AWS.

On AWS only with `pytest --aws`, and with LAB_ACCOUNT and LAB_EMAIL set: everything gets the prefix
`pytest-`, and what is left of an earlier run goes first. Nobody opens SNS's mail there, so the
subscription by e-mail stays pending; that is the one thing which may be wrong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab.here.folders import ROOT
from lab.here.own_cloud import own_cloud
from tests.support.users import VARIABLES

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
_PREFIX = "pytest-"
_ORDER = """
import json, lab, urllib3
aws = lab.session()
url, key = lab.way_in(aws)
order = {"product": "tea", "quantity": 2, "order_id": "end-to-end"}
def post():
    return urllib3.request("POST", url, json=order, headers=key, timeout=30).status == 202
lab.wait_until(post, "the order is taken", timeout=120)
table = aws.resource("dynamodb").Table(lab.names().table)
def item():
    return table.get_item(Key={"order_id": "end-to-end"}, ConsistentRead=True).get("Item")
found = lab.wait_until(item, "it is recorded", timeout=300)
print(json.dumps({"product": found["product"], "quantity": int(found["quantity"])}))
"""


@pytest.fixture(params=["like AWS", "AWS"])
def variables(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What points a command at the cloud."""
    users = {name: value for name, value in VARIABLES.items() if name != "AWS_ENDPOINT_URL"}
    if request.param == "AWS":
        if not request.config.getoption("--aws"):
            pytest.skip("touches a real account; asked for with --aws")
        missing = [name for name in ("LAB_ACCOUNT", "LAB_EMAIL") if not users.get(name)]
        assert not missing, f"set {' and '.join(missing)} for --aws"
        yield {**users, "LAB_TARGET": "aws", "LAB_PREFIX": _PREFIX}
        return
    plain = {n: v for n, v in users.items() if not n.startswith(("LAB_", "AWS_"))}
    with own_cloud("--like-aws", "--speed", "20") as (address, _):
        own = {"AWS_ENDPOINT_URL": address, "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
        yield {**plain, **own, "LAB_PREFIX": _PREFIX}


def run(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)


def test_an_order_goes_all_the_way_and_nothing_is_left(variables: dict[str, str]) -> None:
    before = run(variables, "-m", "lab", "down", "--yes")
    assert before.returncode == 0, before.stderr
    try:
        up = run(variables, "-m", "lab", "up", "--json")
        wrong = [finding["what"] for finding in json.loads(up.stdout)["wrong"]]
        assert [each for each in wrong if "e-mail" not in each] == [], up.stderr
        ordered = run(variables, "-c", _ORDER)
        assert ordered.returncode == 0, ordered.stderr
        assert json.loads(ordered.stdout) == {"product": "tea", "quantity": 2}
    finally:
        down = run(variables, "-m", "lab", "down", "--yes", "--json")
    assert down.returncode == 0 and json.loads(down.stdout)["left"] == [], down.stderr
    again = run(variables, "-m", "lab", "down", "--dry-run", "--json")
    assert json.loads(again.stdout)["to_delete"] == []


def test_aws_is_not_touched_unless_asked(request: pytest.FixtureRequest) -> None:
    assert request.config.getoption("--aws") or "LAB_TARGET" not in os.environ
