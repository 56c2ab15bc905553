"""Somebody has decided on each member of each request in use: heeded, refused or not done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

import teardown
from lab.aws.session import Session
from lab.course import COURSE
from lab.engine import checks
from lab.here.folders import ROOT
from localcloud import members, models
from localcloud.call import Call
from localcloud.http import Request
from localcloud.members import DECISIONS, decision
from tests.support.chapters import run_chapters
from tests.support.clouds import cloud_of
from tests.support.functions import make_function
from tests.support.sessions import make_session

FOLDERS = ("scripts", "lab", "lambdas")


def words_in_use() -> set[str]:
    """All words of the chapters, the lab command, the exercises and the functions."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in [*files, ROOT / "teardown.py"])
    return set(re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", text))


def operations_in_use() -> set[tuple[str, str]]:
    words = words_in_use()
    return {
        (service, operation)
        for service in DECISIONS
        for operation in get_service_model(service).operation_names
        if xform_name(operation) in words
    }


@pytest.mark.parity(
    "Each member of a request has its effect",
    kept="yes, or it is refused, or a warning in the local cloud's log says that it is not heeded; "
    "see the members of requests below",
    module="members",
)
def test_somebody_has_decided_on_each_member_of_a_request_in_use() -> None:
    used = operations_in_use()
    assert len(used) > 90
    undecided, gone = [], []
    for service, operation in sorted(used):
        found = decision(service, operation)
        there = set(models.input_members(service, operation))
        decided = found.members if found else frozenset()
        undecided += [(service, operation, name) for name in sorted(there - decided)]
        gone += [(service, operation, name) for name in sorted(decided - there)]
    assert undecided == [], "decide on them in localcloud/members.py"
    assert gone == [], "AWS has no such members any more"


def test_a_decision_is_about_an_operation_in_use_and_made_once() -> None:
    decided = {(service, name) for service, names in DECISIONS.items() for name in names}
    assert decided == operations_in_use()
    for service, operation in decided:
        words = DECISIONS[service][operation].split()
        names = [word.lstrip("!+-") for word in words]
        assert len(names) == len(set(names)), (service, operation)


def test_a_refused_member_is_refused_by_name(aws: Session) -> None:
    with pytest.raises(ClientError) as caught:
        make_function(aws, "f", "", Layers=["arn:aws:lambda:us-east-1:123456789012:layer:l:1"])
    error = caught.value.response["Error"]
    assert error["Code"] == "NotImplemented"
    assert error["Message"] == "The local cloud has no Layers of CreateFunction; leave it out."
    make_function(
        aws, "f", "", Layers=[], VpcConfig={"SubnetIds": []}, SnapStart={"ApplyOn": "None"}
    )


def test_a_member_that_is_not_heeded_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    request = Request("POST", "/", "", {}, b"")
    made = Call(request, "logs", "us-east-1", "key", "CreateLogGroup", {})
    for name, value in (("kmsKeyId", "k"), ("kmsKeyId", "l"), ("logGroupClass", "STANDARD")):
        assert members.refusal(made, {"logGroupName": "/a", name: value}) is None
    (warning,) = caplog.messages
    assert warning.startswith("logs CreateLogGroup: the local cloud does not heed kmsKeyId")


def test_a_function_logs_to_the_group_that_it_names(aws: Session) -> None:
    lambda_, logs = aws.client("lambda"), aws.client("logs")
    make_function(aws, "f", "def handler(event, context):\n    print('tea')\n")
    make_function(
        aws, "g", "def handler(event, context):\n    print('cup')\n",
        LoggingConfig={"LogGroup": "/my/group"},
    )  # fmt: skip
    found = lambda_.get_function_configuration(FunctionName="f")["LoggingConfig"]
    assert found == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    lambda_.invoke(FunctionName="g")
    (group,) = logs.describe_log_groups()["logGroups"]
    events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    assert group["logGroupName"] == "/my/group"
    assert "cup" in [event["message"].strip() for event in events]


@pytest.mark.slow
def test_nothing_that_the_course_itself_asks_for_is_not_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with cloud_of(tmp_path) as key:
        monkeypatch.setenv("AWS_ENDPOINT_URL", key.address)
        run_chapters(*COURSE.set_up)
        aws = make_session(key.address)
        for number in COURSE.set_up:
            assert checks.is_right(checks.examine(COURSE, aws, COURSE.find(number)))
        assert teardown.tear_down(aws) == []
        aws.client("logs").create_log_group(logGroupName="/a", kmsKeyId="k")
        assert key.log is not None
        (warning,) = re.findall(r".*does not heed.*", Path(key.log).read_text("utf-8"))
    assert "logs CreateLogGroup: the local cloud does not heed kmsKeyId" in warning
