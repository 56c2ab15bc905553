"""A local cloud belongs to one user and one folder, and nobody else gets in.

The tests with a second user need one: they run where the tests run as root, with a Python that this
user can start.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import teardown
from lab.aws.waiting import wait_until
from lab.commands import main
from lab.errors import NoAnswerError, TargetError
from lab.here import folders, local
from lab.here.own_cloud import environment, own_cloud
from localcloud.host import private, start_key
from tests.support.clones import STRANGER, Clone, clone_of_another_user, copy_project
from tests.support.clouds import cloud_of
from tests.support.processes import start_module
from tests.support.sessions import make_session

of_a_stranger = pytest.mark.xdist_group("stranger")  # whose virtual environment takes seconds


@pytest.fixture
def clones(tmp_path: Path) -> Iterator[list[Clone]]:
    """Two copies of the project that one user has."""
    made = []
    for name in ("one", "other"):
        copy_project(tmp_path / name)
        made.append(Clone(tmp_path / name, tmp_path))
    yield made
    for clone in made:
        clone.lab("stop")


@pytest.fixture(scope="module")
def strangers_clone() -> Iterator[Clone]:
    with clone_of_another_user() as made:
        yield made


@pytest.fixture
def stranger(strangers_clone: Clone) -> Iterator[Clone]:
    """Another user of this machine, who has no cloud yet."""
    yield strangers_clone
    strangers_clone.lab("stop")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that stands for the project, so that no cloud of another test is found."""
    monkeypatch.setattr(local, "ROOT", tmp_path)
    monkeypatch.setattr(folders, "ROOT", tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path
    while local._started:
        _, process = local._started.popitem()
        process.kill()
        process.wait()


@pytest.fixture
def mine(here: Path) -> Iterator[str]:
    """A local cloud of the user who runs the tests, found without any setting."""
    with cloud_of(here) as key:
        yield key.address


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refusal(*arguments: str, main: click.Command = main) -> str:
    """The one line with which a command refuses."""
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return str(line)


# -- Two folders ---------------------------------------------------------------------------------


@pytest.mark.long
def test_two_clones_of_one_user_have_a_cloud_each(clones: list[Clone]) -> None:
    one, other = clones
    for clone in clones:
        assert clone.lab("start").returncode == 0
        assert clone.status()["folder"] == str(clone.folder)
    assert one.status()["address"] != other.status()["address"]
    send = "import lab; lab.session().client('sqs').create_queue(QueueName='q')"
    assert one.run("-c", send).returncode == 0
    assert other.lab("reset", "--yes").stdout == "Forgot everything.\n"
    see = "import lab; print(lab.session().client('sqs').list_queues().get('QueueUrls'))"
    assert "/q" in one.run("-c", see).stdout
    assert other.run("-c", see).stdout == "None\n"


def test_the_port_of_another_folder_is_refused_by_its_name(
    mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ROOT", tmp_path / "state")  # any other folder
    monkeypatch.setenv("LAB_PORT", mine.rpartition(":")[2])
    for command in (["start"], ["status"], ["reset", "--yes"], ["stop"], ["up"]):
        line = refusal(*command)
        assert f"belongs to the folder {tmp_path}" in line and "LAB_PORT" in line
    assert local.status(mine) is not None


@pytest.mark.slow
def test_the_last_error_belongs_to_the_folder(clones: list[Clone]) -> None:
    one, other = clones
    one.run("-c", "from lab.here import last_error; last_error.remember('ExpiredToken')")
    recall = "from lab.here import last_error; print(last_error.recall())"
    assert one.run("-c", recall).stdout == "ExpiredToken\n"
    assert other.run("-c", recall).stdout == "None\n"


def test_a_taken_port_leaves_the_next_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = start_key.ports(here)
    monkeypatch.setattr(local, "_ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", first)):
        key = local.start(None)
        assert key.port == second
        assert local.stop(key.address)


@pytest.mark.slow
def test_starts_at_the_same_moment_end_in_one_cloud(clones: list[Clone]) -> None:
    one, _ = clones
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: one.lab("start"), range(3)))
    assert {result.returncode for result in results} == {0}
    assert len({result.stdout for result in results}) == 1
    assert len(list((one.home / "state").rglob("clouds/*.json"))) == 1


# -- Another user --------------------------------------------------------------------------------

CALL = """
import sys, boto3
client = boto3.client(
    "sqs", endpoint_url=sys.argv[1], region_name="us-east-1",
    aws_access_key_id=sys.argv[2], aws_secret_access_key="guessed",
)
try:
    client.create_queue(QueueName="intruder")
except Exception as error:
    print(error.response["Error"]["Code"])
"""
CONTROL = """
import sys, urllib.error, urllib.request
for action in ("stop", "reset", "speed"):
    headers = {"X-Localcloud": "1"}
    request = urllib.request.Request(f"{sys.argv[1]}/_localcloud/{action}", b"{}", headers)
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        print(error.code)
"""
READ = """
import sys
for path in sys.argv[1:]:
    try:
        open(path).read()
        print("read", path)
    except PermissionError:
        print("refused")
"""


@of_a_stranger
def test_another_user_cannot_call_stop_or_reset_it(stranger: Clone, mine: str) -> None:
    key = local.key_at(mine)
    assert key is not None
    for key_id, code in (("any", "InvalidClientTokenId"), (key.access_key_id, "SignatureDoesNotM")):
        assert code in stranger.run("-c", CALL, mine, key_id).stdout
    assert stranger.run("-c", CONTROL, mine).stdout.split() == ["403"] * 3
    assert "QueueUrls" not in make_session(mine).client("sqs").list_queues()


@of_a_stranger
def test_another_user_can_read_neither_keys_nor_log_nor_mail(stranger: Clone, mine: str) -> None:
    status, key = local.status(mine), local.key_at(mine)
    assert status is not None and key is not None and key.log is not None
    mailbox = Path(status["mailbox"])
    kept = [start_key.path_of(key.port), key.log, mailbox / "new", f"/proc/{key.pid}/environ"]
    result = stranger.run("-c", READ, *map(str, kept))
    assert result.stdout.split() == ["refused"] * len(kept), result.stderr


@pytest.mark.long
@of_a_stranger
def test_another_users_cloud_is_never_talked_to(stranger: Clone, mine: str) -> None:
    make_session(mine).client("sqs").create_queue(QueueName="mine")
    port = mine.rpartition(":")[2]
    for command in (["status"], ["reset", "--yes"], ["up"]):
        for setting in ({"LAB_PORT": port}, {"AWS_ENDPOINT_URL": mine}):
            result = stranger.lab(*command, **setting)
            assert (result.returncode, result.stdout) == (1, ""), (command, setting)
            (line,) = result.stderr.splitlines()
            assert "belongs to another user" in line
    result = stranger.run("teardown.py", "--yes", LAB_PORT=port)
    assert (result.returncode, result.stdout) == (1, "")
    assert "QueueUrls" in make_session(mine).client("sqs").list_queues()


@pytest.mark.long
@of_a_stranger
def test_another_user_works_beside_it_with_no_setting(stranger: Clone, mine: str) -> None:
    make_session(mine).client("sqs").create_queue(QueueName="mine")
    up = stranger.lab("up")
    assert up.returncode == 0, up.stderr
    assert stranger.status()["user_id"] == STRANGER
    assert stranger.status()["address"] != mine
    down = stranger.run("teardown.py", "--yes")
    assert down.returncode == 0 and down.stdout.endswith("0 left\n")
    assert "QueueUrls" in make_session(mine).client("sqs").list_queues()


# -- Key files -----------------------------------------------------------------------------------


def gone(path: Path) -> None:
    path.unlink()


def not_json(path: Path) -> None:
    path.write_text("tea")


def for_everybody(path: Path) -> None:
    path.chmod(0o644)


def a_link(path: Path) -> None:
    moved = path.with_suffix(".moved")
    path.rename(moved)
    path.symlink_to(moved)


def of_another_kind(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "pid": "x"}))


def of_another(path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, STRANGER, STRANGER)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (gone, "its key file is missing"),
        (not_json, "does not hold the keys of a local cloud"),
        (of_another_kind, "does not hold the keys of a local cloud"),
        (for_everybody, "other users may read it"),
        (a_link, "it is a link"),
        (of_another, "it belongs to another user"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_one_sentence(
    mine: str, spoil: Callable[[Path], None], says: str
) -> None:
    key = local.key_at(mine)
    assert key is not None
    try:
        spoil(start_key.path_of(key.port))
        for command in (["status"], ["up"], ["reset", "--yes"], ["check"], ["start"], ["stop"]):
            line = refusal(*command)
            assert line.startswith("TargetError: ") and says in line
        with pytest.raises(TargetError, match=says):
            CliRunner().invoke(teardown.main, ["--yes"], catch_exceptions=False)
    finally:
        os.kill(key.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "part",
    [
        {"pid": -1},
        {"pid": None},
        {"pid": 1.5},
        {"address": 5},
        {"address": "http://[::1"},
        {"address": "http://127.0.0.1:1"},
        {"folder": 5},
        {"access_key_id": "a\nb"},
        {"secret_access_key": None},
        {"log": []},
    ],
)
def test_a_key_file_with_a_part_of_another_kind_is_refused(part: dict[str, object]) -> None:
    good = start_key.make(4510, Path.cwd())
    path = start_key.path_of(4510)
    start_key.save(good)
    try:
        assert start_key.load(4510) == good
        private.write(path, json.dumps({**asdict(good), **part}))
        with pytest.raises(start_key.KeyFileError, match="does not hold the keys"):
            start_key.load(4510)
    finally:
        path.unlink()


def test_a_key_that_does_not_open_it_is_one_sentence(mine: str) -> None:
    key = local.key_at(mine)
    assert key is not None
    start_key.save(replace(key, secret_access_key="wrong"))
    for command in ("status", "stop", "mail", "start", "up"):
        line = refusal(command)
        assert line.startswith("TargetError: The key file ")
        assert f"does not open the local cloud at {mine}. End process {key.pid}" in line


def test_another_folders_cloud_is_left_alone_though_its_address_is_given(
    mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ROOT", tmp_path / "state")  # any other folder
    monkeypatch.setenv("AWS_ENDPOINT_URL", mine)
    for command in (["stop"], ["reset", "--yes"]):
        assert f"belongs to the folder {tmp_path}" in refusal(*command)
    assert local.status(mine) is not None


def test_the_key_file_of_a_killed_cloud_is_not_taken_for_a_cloud(mine: str) -> None:
    key = local.key_at(mine)
    assert key is not None
    os.kill(key.pid, signal.SIGKILL)
    wait_until(lambda: local.whose(mine) is None, "it is gone", timeout=90)
    assert local.find(None) is None
    assert start_key.path_of(key.port).exists()
    assert "No local cloud runs for this folder" in run_lab("status").stderr
    result = CliRunner().invoke(teardown.main, ["--yes"])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "0 left")
    assert run_lab("start").exit_code == 0


# -- Not answering is not absent -----------------------------------------------------------------


def test_a_cloud_that_does_not_answer_is_not_taken_for_a_missing_one(
    mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = local.key_at(mine)
    assert key is not None and key.log is not None
    said = Path(key.log).read_text()
    monkeypatch.setattr(local, "_ANSWER_SECONDS", 0.5)
    os.kill(key.pid, signal.SIGSTOP)
    try:
        for command in ("start", "stop", "status", "up"):
            assert f"(process {key.pid}) did not answer within" in refusal(command)
        with pytest.raises(NoAnswerError):
            CliRunner().invoke(teardown.main, ["--yes"], catch_exceptions=False)
    finally:
        os.kill(key.pid, signal.SIGCONT)
    assert said == Path(key.log).read_text() and said.startswith("Local cloud ready at")
    monkeypatch.undo()
    wait_until(lambda: local.whose(mine), "it answers again")


def test_a_start_waits_for_another_one_for_a_while_only(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody pressed Ctrl-Z in a `lab start`."""
    monkeypatch.setattr(private, "_PATIENCE", 1)
    lock = local.log_path(free_port).with_suffix(".lock")
    with private.locked(lock), environment(LAB_PORT=str(free_port)):
        line = refusal("start")
    assert line.startswith(f"TargetError: {lock}, which keeps two starts of a local cloud apart")
    assert "another process has held it for 1 s. End the other start, or delete" in line


def test_a_folder_in_the_place_of_the_lock_of_a_start_is_one_sentence(free_port: int) -> None:
    lock = local.log_path(free_port).with_suffix(".lock")
    lock.mkdir()
    try:
        with pytest.raises(TargetError, match=f"^{lock}, .+ cannot be used: Is a directory"):
            local.start(free_port)
    finally:
        lock.rmdir()


def test_a_file_that_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="directory"):
        private.write(tmp_path / "there", "tea")
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


def test_a_start_on_a_taken_port_leaves_the_log_alone(mine: str) -> None:
    key = local.key_at(mine)
    assert key is not None and key.log is not None
    result = start_module("localcloud", "--port", str(key.port), "--log", key.log)
    assert result.returncode == 1 and "cannot listen" in result.stderr
    assert Path(key.log).read_text().startswith("Local cloud ready at")


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = tmp_path / "link.log"
    link.symlink_to(victim)
    result = start_module("localcloud", "--port", "0", "--log", str(link))
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert victim.read_text() == "precious"


# -- What the server knows -----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows it on Linux")
def test_the_server_does_not_keep_the_variables_of_its_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "GITHUB_TOKEN": "a-secret",
        "MY_KEY": "a-secret",
    }
    with environment(**secrets), own_cloud() as (address, pid):
        assert b"a-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert local.status(address) is not None
