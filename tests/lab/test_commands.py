"""The plumbing: packaging, waiting, and the `lab` command."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

import lab
from lab.aws import packaging
from lab.aws.waiting import (
    once_function_is_ready,
    once_queue_is_ready,
    once_trigger_is_ready,
    wait_until,
)
from lab.commands import main
from lab.errors import WaitTimeoutError
from lab.here import last_error, local
from lab.here.folders import ROOT
from lab.here.own_cloud import environment
from lab.here.own_cloud import own_cloud as in_process_of_its_own
from tests.support.clouds import own_cloud
from tests.support.processes import run_lab

# -- Packaging ---------------------------------------------------------------------------------


def test_a_package_holds_the_one_file_and_is_the_same_every_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = lab.package("take_order")
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["take_order.py"]
        source = (ROOT / "lambdas" / "take_order.py").read_bytes()
        assert archive.read("take_order.py") == source
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    copy = tmp_path / "take_order.py"
    copy.write_bytes(source)
    os.utime(copy, (1, 1))
    monkeypatch.setattr(packaging, "LAMBDAS", tmp_path)
    assert hashlib.sha256(lab.package("take_order")).digest() == hashlib.sha256(first).digest()


# -- Waiting -----------------------------------------------------------------------------------


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_waiting_returns_what_was_found_and_pauses_longer_and_longer() -> None:
    clock = Clock()
    answers = iter([None, None, None, "tea"])
    found = wait_until(lambda: next(answers), "tea", sleep=clock.sleep, clock=clock)
    assert found == "tea"
    assert clock.pauses == sorted(clock.pauses)
    assert len(clock.pauses) == 3


def test_waiting_in_vain_says_for_what_and_how_long() -> None:
    clock = Clock()
    with pytest.raises(WaitTimeoutError, match="Gave up after 7 s of waiting until the tea"):
        wait_until(lambda: None, "the tea is ready", timeout=7, sleep=clock.sleep, clock=clock)
    assert clock.now == pytest.approx(7)


def client_error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateFunction")


@pytest.mark.parametrize(
    "message",
    [
        "The role defined for the function cannot be assumed by Lambda.",
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        "The function execution role does not have permissions to call ReceiveMessage on SQS",
        "Lambda was unable to configure access to your environment variables because the KMS key "
        "is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: "
        "InvalidArnException KMS Message: ARN does not refer to a valid principal",
    ],
)
def test_a_new_role_gets_time_until_it_can_be_used(message: str) -> None:
    clock = Clock()
    not_yet = client_error("InvalidParameterValueException", message)
    outcomes = iter([not_yet] * 5 + ["made"])

    def call() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert once_function_is_ready(call, sleep=clock.sleep, clock=clock) == "made"
    assert len(clock.pauses) == 5


def test_a_role_that_never_works_ends_with_the_error_of_aws() -> None:
    clock = Clock()
    message = "The role defined for the function cannot be assumed by Lambda."

    def call() -> str:
        raise client_error("InvalidParameterValueException", message)

    with pytest.raises(ClientError, match="cannot be assumed"):
        once_function_is_ready(call, sleep=clock.sleep, clock=clock)
    assert 120 <= clock.now < 130


@pytest.mark.parametrize(
    ("once", "code", "message", "most"),
    [
        (once_function_is_ready, "ResourceConflictException", "The operation cannot be performed "
         "at this time. An update is in progress", 120),
        (once_trigger_is_ready, "ResourceInUseException", "it is in use", 300),
        (once_queue_is_ready, "AWS.SimpleQueueService.QueueDeletedRecently", "Wait 60 s", 90),
        (once_queue_is_ready, "AWS.SimpleQueueService.NonExistentQueue", "There is none", 15),
        (once_queue_is_ready, "InvalidParameterValue", "Value {} for parameter RedrivePolicy is "
         "invalid. Reason: Dead letter target does not exist.", 15),
    ],
)  # fmt: skip
def test_what_passes_is_waited_for_and_not_forever(
    once: Callable[..., Any], code: str, message: str, most: float
) -> None:
    clock = Clock()

    def call() -> str:
        raise client_error(code, message)

    with pytest.raises(ClientError, match=code):
        once(call, sleep=clock.sleep, clock=clock)
    assert most <= clock.now < most + 10


def test_a_function_that_exists_is_said_at_once() -> None:
    clock = Clock()

    def call() -> str:
        raise client_error("ResourceConflictException", "Function already exist: take_order")

    with pytest.raises(ClientError, match="already exist"):
        once_function_is_ready(call, sleep=clock.sleep, clock=clock)
    assert clock.pauses == []


def test_any_other_error_is_not_tried_again() -> None:
    clock = Clock()

    def call() -> str:
        raise client_error("InvalidParameterValueException", "Unzipped size must be smaller")

    with pytest.raises(ClientError, match="Unzipped size"):
        once_function_is_ready(call, sleep=clock.sleep, clock=clock)
    assert clock.pauses == []


# -- What is printed ---------------------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])  # an error while it runs, or at its end
def test_a_script_whose_output_nobody_reads_ends_quietly(
    unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as nobody:
        result = subprocess.run(
            [sys.executable, "-c", "import lab; print('tea')"],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.stderr == ""
    assert last_error.recall() is None


@pytest.mark.parametrize("command", [("-c", "import lab; print('é ☕')"), ("-m", "lab", "explain")])
def test_what_an_output_cannot_spell_is_no_error(
    command: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    last_error.remember("ExpiredToken é ☕")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = subprocess.run(
        [sys.executable, *command], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert rb"\xe9 \u2615" in result.stdout


def test_a_script_that_is_stopped_says_what_to_do() -> None:
    command = [sys.executable, "-c", "import lab; raise KeyboardInterrupt"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    (line,) = result.stderr.splitlines()
    assert line.startswith("Stopped. Run it again")


@pytest.mark.skipif(sys.platform == "win32", reason="os.getsid: Windows has no sessions")
def test_ctrl_c_in_the_terminal_is_not_meant_for_a_cloud_of_our_own() -> None:
    with in_process_of_its_own() as (_, pid):
        assert os.getsid(pid) != os.getsid(0)


def test_reading_a_chapter_does_not_wait_for_the_grammar_that_comes_with_jupyter() -> None:
    code = (
        "import lab.course; from lab.engine import cells; cells.read(lab.course.COURSE.find('01'))"
    )
    command = [sys.executable, "-X", "importtime", "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "jsonschema._format" in result.stderr
    assert "rfc3987_syntax.syntax_helpers" not in result.stderr


# -- The lab command -----------------------------------------------------------------------------


@pytest.fixture
def own_port(free_port: int) -> Iterator[int]:
    with environment(LAB_PORT=str(free_port)):
        yield free_port
        local.stop(local.address(free_port))


def test_start_status_reset_and_stop(own_port: int) -> None:
    url = local.address(own_port)
    assert run_lab("status").returncode == 1
    assert "lab start" in run_lab("status").stderr
    assert run_lab("reset", "--yes").returncode == 1
    for _ in range(2):  # starting what runs is fine
        assert run_lab("start").stdout == f"Local cloud ready at {url}\n"
    status = json.loads(run_lab("status", "--json").stdout)
    assert status["address"] == url
    lab.session().client("sqs").create_queue(QueueName="q")
    unanswered = run_lab("reset")
    assert (
        unanswered.returncode == 1 and "Delete everything in the local cloud" in unanswered.stdout
    )
    assert "QueueUrls" in lab.session().client("sqs").list_queues()
    assert run_lab("reset", "--yes").stdout == "Forgot everything.\n"
    assert "QueueUrls" not in lab.session().client("sqs").list_queues()
    assert run_lab("stop").stdout == "Stopped; what it held is gone.\n"
    assert "No local cloud runs for this folder" in run_lab("stop").stdout


def test_the_commands_for_the_local_cloud_mean_the_one_in_use(own_port: int) -> None:
    run_lab("start")
    lab.session().client("sqs").create_queue(QueueName="bystander")
    with own_cloud() as (url, pid), environment(LAB_PORT=str(own_port), AWS_ENDPOINT_URL=f"{url}/"):
        lab.session().client("sqs").create_queue(QueueName="q")
        assert run_lab("start").stdout == f"Local cloud ready at {url}\n"
        assert json.loads(run_lab("status", "--json").stdout)["pid"] == pid
        assert run_lab("reset", "--yes").stdout == "Forgot everything.\n"
        assert "QueueUrls" not in lab.session().client("sqs").list_queues()
        assert run_lab("stop").stdout == "Stopped; what it held is gone.\n"
        assert local.status(url) is None
        refused = run_lab("start")
        assert refused.returncode == 1
        assert "AWS_ENDPOINT_URL" in refused.stderr and url in refused.stderr
    assert "QueueUrls" in lab.session().client("sqs").list_queues()


@pytest.mark.parametrize(("speed", "shown"), [("1", False), ("60", True)])
def test_the_status_shows_a_speed_that_is_not_that_of_aws(speed: str, shown: bool) -> None:
    with own_cloud("--speed", speed) as (url, _), environment(AWS_ENDPOINT_URL=url):
        result = CliRunner().invoke(main, ["status"])
    assert ("speed      60 times as fast as on AWS" in result.stdout) == shown


def test_where_aws_is_in_use_the_local_cloud_is_left_alone(own_port: int) -> None:
    with own_cloud("--port", str(own_port)) as (url, _):
        lab.session().client("sqs").create_queue(QueueName="bystander")
        for command in ("start", "status", "reset", "stop"):
            with environment(LAB_PORT=str(own_port), LAB_TARGET="aws"):
                result = run_lab(command)
            assert (result.returncode, result.stdout) == (1, "")
            (line,) = result.stderr.splitlines()
            assert f"LAB_TARGET is aws; `lab {command}` is for the local cloud" in line
            assert local.status(url) is not None
            assert "QueueUrls" in lab.session().client("sqs").list_queues()


def test_a_cloud_of_another_version_is_one_sentence(
    own_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lab("start")
    here = local.status

    def of_another_version(url: str) -> Any:
        return {**(here(url) or {}), "services": {"lambda": {}}}

    monkeypatch.setattr(local, "status", of_another_version)
    result = CliRunner().invoke(main, ["status"])
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    url = local.address(own_port)
    assert line.startswith(f"TargetError: The local cloud at {url} is of another version: ")


@pytest.mark.parametrize("command", [["stop"], ["reset", "--yes"]])
def test_a_cloud_that_breaks_off_is_one_sentence(
    own_port: int, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """As where another command stops it at the same moment."""
    run_lab("start")
    url = local.address(own_port)
    ask = local._ask

    def once_it_has_stopped(method: str, *arguments: Any) -> Any:
        if method == "POST":
            monkeypatch.setattr(local, "_ask", ask)
            assert local.stop(url)
        return ask(method, *arguments)

    monkeypatch.setattr(local, "_ask", once_it_has_stopped)
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"NoAnswerError: The local cloud at {url} (process ")
    assert "or broke off" in result.stderr


def test_a_cloud_that_was_stopped_leaves_no_process(own_port: int) -> None:
    """Python itself complains at its end of a child that nobody has waited for."""
    code = f"from lab.here import local; local.stop(local.start({own_port}).address)"
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Started a local cloud")


def test_up_sets_everything_up_and_logs_and_mail_show_what_happened(own_port: int) -> None:
    result = run_lab("up")
    assert result.returncode == 0, result.stderr
    assert "== 05 Connect" in result.stdout
    deadline = time.monotonic() + 10
    while "chapter-01" not in run_lab("mail").stdout and time.monotonic() < deadline:
        pass
    assert "Subject" not in run_lab("mail").stderr
    assert "(order chapter-01)" in run_lab("mail").stdout
    everything = run_lab("logs").stdout
    assert "take_order: START RequestId" in everything
    assert "record_order: REPORT RequestId" in everything
    one = run_lab("logs", "take_order").stdout
    assert "take_order: START" in one and "record_order" not in one
    whole = run_lab("logs", "--cloud").stdout
    assert whole.startswith("Local cloud ready at")
    assert run_lab("logs", "--cloud", "--last", "1").stdout == whole.splitlines()[-1] + "\n"
    missing = run_lab("logs", "nothing")
    assert missing.returncode == 1
    assert "/aws/lambda/nothing" in missing.stderr
    assert "take_order, notify_fulfillment, record_order" in missing.stderr
    hop = run_lab("logs", "take_order", "--order", "chapter-01").stdout.splitlines()
    assert hop and all(" take_order: " in line for line in hop)
    unknown = run_lab("logs", "--order", "nope")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "Nothing was logged of order 'nope'" in unknown.stderr


@pytest.mark.parametrize("besides", [["take_order"], ["--order", "7c9e"], ["--json"]])
def test_the_log_of_the_cloud_is_not_that_of_a_function(besides: list[str]) -> None:
    result = run_lab("logs", "--cloud", *besides)
    assert (result.returncode, result.stdout) == (2, "")
    assert "leave out FUNCTION, --order and" in result.stderr


def test_a_port_taken_by_something_else_is_a_clear_error(own_port: int) -> None:
    import socket

    with socket.create_server(("127.0.0.1", own_port)):
        result = run_lab("start")
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert str(own_port) in line and "LAB_PORT" in line


def a_file(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("tea")


def a_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir(parents=True)
    folder.symlink_to(folder.parent / "elsewhere")


def open_to_others(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)


def of_another_user(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(folder, 23457, 23457)


@pytest.mark.parametrize("command", [["start"], ["logs", "--cloud"], ["status"]])
@pytest.mark.parametrize("spoil", [a_file, a_link, open_to_others, of_another_user])
def test_a_private_folder_that_cannot_be_used_is_named(
    spoil: Callable[[Path], None],
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "state" / "chain-lambda-functions"
    spoil(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("TargetError") and str(folder) in line


def test_a_wrong_setting_is_one_line(own_port: int) -> None:
    with environment(LAB_PORT="tea"):
        result = run_lab("status")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    overview = CliRunner().invoke(main, ["--help"])
    assert len(main.commands) >= 8
    for name in main.commands:
        assert f"  {name} " in overview.output
        assert f"`lab {name}" in readme
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


@pytest.mark.long
def test_demo_runs_the_whole_tutorial_and_prints_what_the_readme_shows() -> None:
    with environment(LAB_TARGET="nonsense", LAB_PREFIX="!"):  # the demo is not to be led astray
        result = run_lab("demo")
    assert result.returncode == 0, result.stderr
    readme = (ROOT / "README.md").read_text("utf-8")
    _, shown = readme.split("$ make demo\n")
    shown, _ = shown.split("$ make test\n")
    printed = {without_numbers(line) for line in result.stdout.splitlines()}
    for line in shown.splitlines():
        assert line == "…" or without_numbers(line) in printed


def without_numbers(line: str) -> str:
    """The line, but for ids, times and the like."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+(\.[0-9]+)?| +", "#", line)
