"""Other AWS clients work with what `lab env` prints, and are refused in AWS's words without it.

Neither client is a package of ours: the AWS CLI wants another botocore than we do, and the SDK
for JavaScript another language. Each is fetched once, and its test skipped where that fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.aws.client_env import FORMATS
from lab.aws.session import Session
from lab.commands import main
from lab.here.folders import ROOT
from tests.support.processes import run_lab

SDK = "@aws-sdk/client-dynamodb@3"
LIST_TABLES = """
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
try {
  console.log(JSON.stringify(await new DynamoDBClient().send(new ListTablesCommand({}))));
} catch (error) {
  console.log(error.name);
}
"""


def printed(form: str) -> str:
    result = CliRunner().invoke(main, ["env", "--format", form])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def variables(cloud: str) -> dict[str, str]:
    """An environment with what `lab env` prints, and nothing else that a client reads."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **json.loads(printed("json")),
    }


def wrong(variables: dict[str, str]) -> dict[str, str]:
    return {**variables, "AWS_SECRET_ACCESS_KEY": "wrong"}


def succeeds(command: list[str]) -> bool:
    """Whether a command that fetches something works, and within reason."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=90)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@pytest.fixture(scope="session")
def aws_cli() -> list[str]:
    """The command that runs the AWS CLI, in an environment of its own."""
    command = [str(Path(sys.executable).with_name("uv")), "tool", "run", "--from", "awscli", "aws"]
    if not succeeds([*command, "--version"]):
        pytest.skip("the AWS CLI cannot be fetched: is there a connection to a package index?")
    return command


@pytest.mark.long
def test_the_aws_cli_works(aws: Session, aws_cli: list[str], variables: dict[str, str]) -> None:
    aws.client("sns").create_topic(Name="tea")
    command = [*aws_cli, "sns", "list-topics", "--output", "json"]

    def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        # The tool around it needs the rest of the environment, as for the network.
        whole = os.environ | environment | {"HOME": os.environ["HOME"]}
        return subprocess.run(command, env=whole, capture_output=True, text=True, check=False)

    result = run(variables)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["Topics"][0]["TopicArn"].endswith(":tea")
    result = run(wrong(variables))
    assert result.returncode != 0 and "SignatureDoesNotMatch" in result.stderr


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """A folder in which Node.js finds the SDK for JavaScript."""
    folder = ROOT / "build" / "javascript"
    if shutil.which("npm") is None:
        pytest.skip("there is no npm; Node.js brings it")
    if not (folder / "node_modules" / "@aws-sdk").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), SDK]
        if not succeeds(command):
            pytest.skip("the SDK for JavaScript cannot be fetched: is there a connection?")
    return folder


@pytest.mark.long
def test_the_sdk_for_javascript_works(
    aws: Session, node_folder: Path, variables: dict[str, str]
) -> None:
    aws.client("dynamodb").create_table(
        TableName="tea",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def list_tables(environment: dict[str, str]) -> str:
        command = ["node", "--input-type=module", "--eval", LIST_TABLES]
        return subprocess.run(
            command, cwd=node_folder, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert json.loads(list_tables(variables))["TableNames"] == ["tea"]
    assert list_tables(wrong(variables)) == "InvalidSignatureException\n"


def test_boto3_works(aws: Session, variables: dict[str, str]) -> None:
    aws.client("sqs").create_queue(QueueName="tea")
    code = "import boto3; print(boto3.client('sqs').list_queues()['QueueUrls'])"
    result = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    assert "/tea" in result.stdout
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=wrong(variables), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "(SignatureDoesNotMatch)" in result.stderr


def test_a_profile_works(aws: Session, tmp_path: Path) -> None:
    aws.client("sqs").create_queue(QueueName="tea")
    config = tmp_path / "config"
    config.write_text(printed("profile"))
    environment = {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "local-cloud"}
    code = "import boto3; print(boto3.client('sqs').list_queues()['QueueUrls'])"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "/tea" in result.stdout


@pytest.mark.parametrize("shell", ["sh", "fish", "pwsh"])
def test_a_shell_takes_what_is_meant_for_it(cloud: str, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    script = tmp_path / "script.ps1"
    script.write_text(printed({"pwsh": "powershell"}.get(shell, shell)) + "env\n")
    result = subprocess.run(
        [shell, str(script)],
        env={"PATH": os.environ["PATH"], "AWS_SESSION_TOKEN": "old"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"AWS_ENDPOINT_URL={cloud}\n" in result.stdout
    assert "AWS_SESSION_TOKEN" not in result.stdout


def test_each_form_has_the_address_and_the_keys(cloud: str) -> None:
    found = json.loads(printed("json"))
    assert set(FORMATS) == {"sh", "fish", "powershell", "json", "profile"}
    for form in FORMATS:
        text = printed(form)
        for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert found[name] in text


def test_without_a_cloud_there_is_nothing_to_print(free_port: int) -> None:
    os.environ["LAB_PORT"] = str(free_port)
    try:
        result = run_lab("env")
    finally:
        del os.environ["LAB_PORT"]
    assert (result.returncode, result.stdout) == (1, "")
    assert "Start one with `lab start`" in result.stderr
