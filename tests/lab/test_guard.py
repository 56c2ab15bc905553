"""The guards on AWS: nothing is made or deleted in an account that nobody has named."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

import teardown
from lab.aws import guard
from lab.aws.guard import Caller
from lab.aws.session import Session
from lab.commands import main
from lab.course import COURSE
from lab.errors import AccountError
from lab.here import local
from tests.support.chapters import given, resources

pytestmark = pytest.mark.xdist_group("guard")

HERE, OTHER = "123456789012", "111122223333"
SECOND = COURSE.set_up[1]  # `lab goto` runs the first one for it


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def account(aws: Session, cloud: str, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The local cloud, taken for the real AWS: its keys are the user's, and it is far away."""
    key = local.key_at(cloud)
    assert key is not None
    for name, value in {
        "LAB_TARGET": "aws",
        "LAB_EMAIL": "ana@example.com",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(guard, "_is_on_this_machine", lambda url: False)
    monkeypatch.setattr(guard, "_passed", set())
    monkeypatch.setattr(guard, "_typed_with_the_command", [])
    return aws


# -- What is refused, before anything is made or deleted -------------------------------------------


@pytest.mark.parametrize("command", [["goto", SECOND], ["up"], ["up", "--json"]])
def test_set_up_says_who_and_where_and_stops_where_no_account_was_named(
    account: Session, command: list[str]
) -> None:
    result = run_lab(*command)
    assert result.exit_code == 1
    said = result.stderr
    assert f"About to work as arn:aws:sts::{HERE}:" in said or f"as arn:aws:iam::{HERE}:" in said
    assert f"account {HERE}, region us-east-1, profile default, endpoint http://127.0.0.1:" in said
    assert "AccountError: Expected the account to be named" in said
    assert resources(account) == {}


@pytest.mark.parametrize("where", ["--account", "LAB_ACCOUNT"])
def test_another_account_than_the_one_that_was_named_is_refused(
    account: Session, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "LAB_ACCOUNT":
        monkeypatch.setenv(where, OTHER)
    result = run_lab("goto", SECOND, *([where, OTHER] if where == "--account" else []))
    assert result.exit_code == 1
    assert f"Expected account {OTHER}, as {where} says; found account {HERE}" in result.stderr
    assert resources(account) == {}


@pytest.mark.parametrize("where", ["--account", "LAB_ACCOUNT"])
def test_the_account_that_was_named_is_used_and_said_once(
    account: Session, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "LAB_ACCOUNT":
        monkeypatch.setenv(where, HERE)
    result = run_lab("goto", SECOND, *([where, HERE] if where == "--account" else []))
    assert resources(account)["functions"] == 1, result.stderr
    assert result.stderr.count("About to work as ") == 1


def test_production_wants_its_id_with_the_command(
    account: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.client("iam").create_account_alias(AccountAlias="shop-prod")
    monkeypatch.setenv("LAB_ACCOUNT", HERE)
    result = run_lab("goto", SECOND)
    assert f"account {HERE} (shop-prod), region" in result.stderr
    assert "AccountError: Expected the account to be named" in result.stderr
    assert resources(account) == {}
    run_lab("goto", SECOND, "--account", HERE)
    assert resources(account)["functions"] == 1


@pytest.mark.parametrize(
    "command",
    [["reset", COURSE.set_up[0], "--yes"], ["down", "--yes"], ["down", "--yes", "--json"]],
)
def test_nothing_is_deleted_either(
    account: Session, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("LAB_TARGET")
        given(COURSE.set_up[0])
    before = resources(account)
    for account_given in ([], ["--account", OTHER]):
        result = run_lab(*command, *account_given)
        assert (result.exit_code, "AccountError: " in result.stderr) == (1, True)
        guard.name_account(next(iter(account_given[1:]), None))
        with pytest.raises(AccountError):
            teardown.tear_down(account)
    assert resources(account) == before
    assert run_lab("down", "--dry-run").exit_code == 0  # to look is free
    guard.name_account(HERE)
    assert teardown.tear_down(account) == []
    assert resources(account) == {}


def test_a_script_or_notebook_is_stopped_in_its_first_cell(account: Session) -> None:
    with pytest.raises(AccountError):
        COURSE.find(COURSE.set_up[0]).run()
    assert resources(account) == {}


def test_an_id_that_is_none_is_refused_at_once() -> None:
    result = run_lab("goto", SECOND, "--account", "shop")
    assert result.exit_code == 1
    assert "SettingsError: --account is 'shop'; set it to the 12 digits" in result.stderr


# -- Whom to ask, and whom not ---------------------------------------------------------------------


def caller(alias: str = "", profile: str = "default") -> Caller:
    return Caller("arn:aws:iam::123456789012:user/ana", HERE, alias, profile, "us-east-1", "AWS's")


def nobody(question: str) -> str:
    raise AssertionError(f"nobody was to be asked {question!r}")


def test_one_who_types_the_id_may_go_on_and_no_other_answer_will_do() -> None:
    asked: list[str] = []

    def answer_with(text: str) -> Callable[[str], str]:
        def answer(question: str) -> str:
            asked.append(question)
            return text

        return answer

    guard.refuse_another(caller(), [], None, answer_with(f" {HERE}\n"))
    assert asked == ["Type the account's full id to go on: "]
    for answer in ("", "y", "yes", OTHER, HERE[:-1]):
        with pytest.raises(AccountError, match=f"Expected {HERE}, found '{answer}'. Nothing was"):
            guard.refuse_another(caller(), [], None, answer_with(answer))


def test_one_who_has_named_it_is_not_asked() -> None:
    guard.refuse_another(caller(), [HERE], None, nobody)
    guard.refuse_another(caller(), [], HERE, nobody)
    guard.refuse_another(caller("prod"), [HERE], None, nobody)


@pytest.mark.parametrize(
    ("alias", "profile", "expected"),
    [
        ("shop-prod", "default", True),
        ("", "ProdAccess", True),
        ("", "acmeprod", True),
        ("PRODUCTION", "default", True),
        ("shop-live", "default", True),
        ("", "prd_eu", True),
        ("", "default", False),
        ("product-team", "default", False),
        ("olive", "alive", False),
    ],
)
def test_what_looks_like_production(alias: str, profile: str, expected: bool) -> None:
    found = caller(alias, profile)
    assert found.looks_like_production is expected
    if expected:
        with pytest.raises(AccountError, match="Expected 123456789012, found ''"):
            guard.refuse_another(found, [], HERE, lambda _: "")  # LAB_ACCOUNT is not enough


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_question_is_asked_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{HERE}\n"))
    assert guard._ask("Which? ") == HERE
    assert capsys.readouterr() == ("", "Which? ")  # standard output may be for JSON
    for stdin in (Terminal(""), io.StringIO(f"{HERE}\n")):
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(AccountError, match="nobody is here to ask"):
            guard._ask("Which? ")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, False),
        ("http://127.0.0.1:4510", True),
        ("http://[::1]:4510", True),
        ("http://localhost:4510", True),
        ("https://sts.us-east-1.amazonaws.com", False),
        ("http://10.0.0.7:4566", False),
        ("http://localhost.example.com", False),
    ],
)
def test_what_is_on_this_machine(url: str | None, expected: bool) -> None:
    assert guard._is_on_this_machine(url) is expected


def test_a_cloud_on_this_machine_asks_nobody(
    account: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_is_on_this_machine", lambda url: True)
    result = run_lab("goto", SECOND)
    assert "About to work" not in result.stderr
    assert resources(account)["functions"] == 1, result.stderr
