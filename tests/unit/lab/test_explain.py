"""`lab explain`: its table, and what the command says."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from lab.commands import main
from lab.course import COURSE, facade
from lab.engine import explain, upkeep
from lab.engine.explain import PAGE, Explanation
from lab.errors import CourseError, LabError
from lab.here import last_error
from lab.here.folders import ROOT
from tests.support.explanations import EXPLANATIONS, name_for

NAMES = [entry.name for entry in EXPLANATIONS]


@pytest.mark.parametrize("entry", EXPLANATIONS, ids=NAMES)
def test_an_entry_explains_its_own_example(entry: Explanation) -> None:
    assert name_for(entry.example, local=entry.local_only) == entry.name


EXCEPTIONS = [e for e in EXPLANATIONS if re.match(r"\w+Error: |An error occurred", e.example)]


@pytest.mark.parametrize("entry", EXCEPTIONS, ids=lambda entry: entry.name)
def test_an_entry_explains_its_example_at_the_end_of_a_traceback(entry: Explanation) -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "scripts/05_connect.py", line 21, in <module>\n'
        "    except sqs.exceptions.QueueNameExists:  # 500 or 502\n"
        "ModuleNotFoundError: No module named 'lab'\n"
        "During handling of the above exception, another exception occurred:\n\n"
        f"\x1b[31mbotocore.exceptions.\x1b[0m{entry.example}"
    )
    text = text.replace("when calling", "when\n   calling")
    assert name_for(text, local=entry.local_only) == entry.name


def test_names_are_unique_and_every_entry_says_everything() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for entry in EXPLANATIONS:
        for text in (entry.means, entry.where, entry.cure):
            assert re.search(r"[.)]$", text), entry.name
            assert "  " not in text, entry.name


def test_commands_chapters_and_scripts_that_are_named_exist() -> None:
    commands = {*main.commands, "check", "goto", "reset", "hint", "explain"}
    numbers = set(COURSE.numbers)
    for entry in EXPLANATIONS:
        text = " ".join((entry.means, entry.where, entry.cure, entry.example))
        assert set(re.findall(r"`lab (\w[\w-]*)", text)) <= commands, entry.name
        assert set(re.findall(r"`lab (?:check|goto|reset|hint) (\w+)", text)) <= numbers
        listed = re.findall(r"\bchapters? ((?:\d\d(?:, | and | to )?)+)", entry.cure, re.I)
        listed += re.findall(r"\bchapters? ((?:\d\d(?:, | and | to )?)+)", entry.where, re.I)
        assert set(re.findall(r"\d\d", " ".join(listed))) <= numbers, entry.name
        for path in re.findall(r"scripts/\w+\.py", text):
            assert (ROOT / path).is_file(), entry.name


def test_every_error_of_our_own_is_explained() -> None:
    for kind in LabError.__subclasses__():
        assert (name_for(f"{kind.__name__}: tea") or "").startswith(kind.__name__)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("assumed-role/ana-take_order-role-us-east-1/ana-take_order is not authorized to perform: "
         "sqs:getqueueurl on resource", "AccessDenied: take_order"),
        ("(AuthorizationError) when calling the PublishBatch operation: User: arn:aws:sts::1:"
         "assumed-role/bo-notify_fulfillment-role-eu-west-1/bo-notify_fulfillment is not "
         "authorized to perform: SNS:Publish", "AccessDenied: notify_fulfillment"),
        ("[ERROR] ClientError: An error occurred (AccessDeniedException) when calling the PutItem "
         "operation: User: arn:aws:sts::1:assumed-role/record_order-role-us-east-1/record_order "
         "is not authorized to perform: dynamodb:PutItem on resource: arn\nTraceback (most recent "
         'call last):\n  File "/var/task/record_order.py"', "AccessDenied: record_order"),
        ("permissions to call DeleteMessage on SQS: The provided execution role does not have "
         "permissions to call DeleteMessage on SQS", "The role of notify_fulfillment"),
        ("User: arn:aws:sts::1:assumed-role/AWSReservedSSO_Student_1/ana is not authorized to "
         "perform: sqs:createqueue with an explicit deny", "AccessDenied: your own"),
        ("TargetError: LAB_TARGET is aws, but AWS cannot be used: An error occurred (ExpiredToken) "
         "when calling the GetCallerIdentity operation: The security token included in the "
         "request is expired. Renew your credentials", "The credentials have expired"),
        ("Error when retrieving token from sso: Token has expired and refresh failed",
         "The credentials have expired"),
        ("UnauthorizedSSOTokenError: The SSO session associated with this profile has expired or "
         "is otherwise invalid.", "The credentials have expired"),
        ("An error occurred (UnrecognizedClientException) when calling the ListFunctions "
         "operation: The security token included in the request is invalid.",
         "The credentials are not valid"),
        ("Tested POST /orders: 502 {'message': 'Internal server error'}", "502"),
        ('HTTP/2 500\ncontent-type: json\n\n{"message":"Internal server error"}', "Internal"),
        ("requests.exceptions.ConnectionError: HTTPConnectionPool(host='127.0.0.1', port=4510): "
         "Failed to establish a new connection: [Errno 111] Connection refused",
         "The local cloud is not running"),
        ('{"message":"Limit Exceeded"}', "429 Limit"),
        ('{"message":"Too Many Requests"}', "429 Too Many"),
        ("HTTP/2 429 Too Many Requests", "429 Too Many"),
        ("{'message': 'Forbidden'}", "403 Forbidden"),
        ("403 Client Error: 403 Forbidden for url", "403 Forbidden"),
        ("Method completed with status: 502", "502"),
        ("Table already exists: Orders", "ResourceInUseException: the table exists"),
        ("ResourceInUseException: when calling the CreateTable operation: Cannot create "
         "preexisting table", "ResourceInUseException: the table exists"),
        ("No module named 'moto'", "No module named lab"),
        ("ModuleNotFoundError: No module named 'click'", "No module named lab"),
        ("No module named 'rich'", "No module named lab"),
        ("/usr/bin/python3: No module named lab", "No module named lab"),
        ("No module named 'labrador'", "None"),
        ("(KMSAccessDeniedException) when calling the Invoke operation: User: arn:aws:sts::1:"
         "assumed-role/take_order-role-us-east-1/take_order is not authorized to perform: "
         "kms:Decrypt", "KMSAccessDeniedException"),
        ("the tea is cold", "None"),
        ("", "None"),
    ],
)  # fmt: skip
def test_other_wordings_are_understood(text: str, start: str) -> None:
    assert str(name_for(text)).startswith(start)


@pytest.mark.parametrize(
    "code",
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
    ],
)
def test_keys_that_are_refused_mean_one_thing_here_and_another_on_aws(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"An error occurred ({code}) when calling the ListQueues operation: The request is bad."
    assert "The keys are not those of the local cloud that runs" in lab_explain(text).stdout
    from_aws = f"TargetError: LAB_TARGET is aws, but AWS cannot be used: {text}"
    assert "The keys are not" not in lab_explain(from_aws).stdout
    monkeypatch.setenv("LAB_TARGET", "aws")
    assert "The keys are not" not in lab_explain(text).stdout


def test_an_address_without_a_route_is_not_about_keys() -> None:
    text = '403 {"message":"Missing Authentication Token"}'
    assert "there is no such route" in lab_explain(text).stdout


def test_the_page_has_a_section_for_each_and_its_contents_lead_there() -> None:
    text = explain.page(EXPLANATIONS)
    assert text.splitlines()[0].startswith("<!-- Generated from lab/course/errors.toml")
    assert re.findall("^## (.*)$", text, re.M) == NAMES
    links = dict(re.findall(r"^- \[(.*)\]\(#([\w-]+)\)$", text, re.M))
    assert list(links) == NAMES
    assert len(set(links.values())) == len(NAMES)
    assert text.count("On AWS only") == sum(not entry.local for entry in EXPLANATIONS)
    for entry in EXPLANATIONS:
        assert f"```text\n{entry.example}\n```" in text


def test_the_last_error_is_kept_for_its_owner_alone() -> None:
    assert last_error.recall() is None
    last_error.remember("first")
    last_error.remember("second 🍵")
    assert last_error.recall() == "second 🍵"
    if os.name == "posix":
        assert stat.S_IMODE(last_error.path().stat().st_mode) == 0o600
        assert stat.S_IMODE(last_error.path().parent.stat().st_mode) == 0o700


def test_no_credential_is_kept() -> None:
    last_error.remember(
        "no AKIAIOSFODNN7EXAMPLE at http://ana:secret@host/. The Canonical String for this "
        "request should have been\n'POST\n/\nx-amz-security-token:FwoGZXIvYXdzEXAMPLE'"
    )
    assert last_error.recall() == "no AKIA... at http://host/."


def test_an_error_that_cannot_be_kept_disturbs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    last_error.remember("tea")
    assert last_error.recall() is None
    assert facade.report(LabError("tea")) == ["LabError: tea"]


def lab_explain(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], input=stdin)


VISIBILITY = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
TOO_SHORT = "The queue's visibility timeout is too short"


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [((VISIBILITY,), ""), (tuple(VISIBILITY.split()), ""), (("-",), VISIBILITY), ((), VISIBILITY)],
)
def test_the_command_explains_what_it_is_given(arguments: tuple[str, ...], stdin: str) -> None:
    last_error.remember("ExpiredToken")
    result = lab_explain(*arguments, stdin=stdin)
    assert (result.exit_code, result.stderr) == (0, "")
    name, *parts = result.stdout.splitlines()  # a line for each part, when it is piped
    assert name == TOO_SHORT
    assert [part.split(":")[0] for part in parts] == ["Means", "Where", "Cure"]


def test_the_command_alone_explains_the_last_error() -> None:
    last_error.remember(VISIBILITY)
    shown, empty, name, *_ = lab_explain().stdout.splitlines()
    assert (shown, empty, name) == (f"The last error was: {VISIBILITY}", "", TOO_SHORT)


def test_the_command_without_any_error_says_what_to_do() -> None:
    result = lab_explain()
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "lab explain '" in line


def test_an_unknown_error_is_said_to_be_one() -> None:
    result = lab_explain("the", "tea", "is", "cold")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert PAGE in line
    assert "`lab logs`" in line


def test_the_command_lists_what_it_knows() -> None:
    assert lab_explain("--list").stdout.splitlines() == NAMES


def test_text_is_wrapped_to_the_terminal() -> None:
    for entry in EXPLANATIONS:
        lines = explain.describe(entry, 60).splitlines()
        assert all(len(line) <= 60 for line in lines[1:])
        assert " ".join(" ".join(lines).split()) == " ".join(explain.describe(entry).split())


@pytest.mark.parametrize("status", ["400", "403", "429", "500", "502", "504"])
def test_a_status_alone_is_explained(status: str) -> None:
    assert status in (name_for(status) or "")
    assert name_for(f"HTTP {status}1") is None


ENTRY = """
[[error]]
name = "Tea: it is cold"
patterns = ['cold', 'lukewarm']
means = "It stood too long."
where = "Anywhere."
cure = "Make a new one."
example = "the tea is cold"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cure = "Make a new one."\n', "", "has no `cure`: write a text."),
        ('"Make a new one."', '" "', "has no `cure`: write a text."),
        ('"Anywhere."', "3", "has no `where`: write a text."),
        ("patterns = ['cold', 'lukewarm']\n", "", "has no `patterns`: write a list of"),
        ("['cold', 'lukewarm']", "'cold'", "has no `patterns`: write a list of"),
        ("'lukewarm'", "'luke(warm'", "a broken pattern, 'luke(warm': missing ), unterminated"),
        ("'lukewarm'", "3", "a broken pattern, 3: "),
        ("example", "locally = true\nexample", "a part that nobody reads, `locally`"),
        ("example", "local = 'no'\nexample", "expected true or false for `local`."),
    ],
)
def test_a_file_of_errors_with_a_broken_entry_is_a_sentence_that_names_file_entry_and_part(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "errors.toml"
    assert old in ENTRY
    path.write_text(ENTRY.replace(old, new), "utf-8")
    with pytest.raises(CourseError) as error:
        explain.load(path)
    assert str(error.value).startswith(f"{path}, entry 1 (Tea: it is cold)")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_errors_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "errors.toml"
    with pytest.raises(CourseError, match=r"There is no .*errors\.toml"):
        explain.load(path)
    path.write_text("[[error]\n", "utf-8")
    with pytest.raises(CourseError, match=r"errors\.toml is no TOML: .*line 1"):
        explain.load(path)
    path.write_text(ENTRY + ENTRY, "utf-8")
    with pytest.raises(CourseError, match=r"expected 1 entry with the name 'Tea: it is cold'"):
        explain.load(path)
    path.write_text(ENTRY, "utf-8")
    assert explain.explain(explain.load(path), "lukewarm tea") == explain.load(path)[0]


def test_a_broken_file_of_errors_hides_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = dataclasses.replace(COURSE, errors=tmp_path / "nothing.toml")
    monkeypatch.setattr(facade, "COURSE", broken)
    error = ClientError({"Error": {"Code": "ExpiredToken", "Message": "over"}}, "Brew")
    (line,) = facade.report(error)
    assert line.startswith("ClientError: An error occurred (ExpiredToken)")
    assert any("nothing.toml" in problem for problem in upkeep.problems(broken))
