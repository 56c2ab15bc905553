"""A wrong setting is one clear line where a script runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.here.folders import ROOT
from tests.support.processes import run_script


def test_nothing_of_the_learners_own_set_up_reaches_what_is_local(
    cloud: str, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9\n")
    result = run_script(
        "scripts/04_record_orders.py",
        AWS_CONFIG_FILE=str(config),
        AWS_PROFILE="no-such-profile",
        AWS_ACCESS_KEY_ID="AKIAREAL",
        AWS_SECRET_ACCESS_KEY="real",
        AWS_SESSION_TOKEN="real",
        HTTP_PROXY="http://127.0.0.1:9",
        http_proxy="http://127.0.0.1:9",
    )
    assert result.returncode == 0, result.stderr
    assert "Created the function record_order." in result.stdout


SCRIPTS = ["scripts/01_take_orders.py", "scripts/06_verify.py", "teardown.py"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_with_a_wrong_target_says_so_in_one_line(script: str) -> None:
    result = run_script(script, LAB_TARGET="amazon")
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "LAB_TARGET" in line and "local, aws" in line


@pytest.mark.parametrize("script", SCRIPTS)
def test_aws_without_credentials_is_one_clear_line(script: str) -> None:
    nowhere = "/nonexistent"
    result = run_script(
        script,
        LAB_TARGET="aws",
        LAB_EMAIL="ana@example.com",
        AWS_REGION="us-east-1",
        AWS_CONFIG_FILE=nowhere,
        AWS_SHARED_CREDENTIALS_FILE=nowhere,
        AWS_EC2_METADATA_DISABLED="true",
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "no AWS credentials" in line and "aws configure" in line


def test_aws_with_credentials_that_do_not_work_is_one_clear_line(cloud: str) -> None:
    result = run_script(
        "scripts/01_take_orders.py",
        LAB_TARGET="aws",
        LAB_EMAIL="ana@example.com",
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_SECRET_ACCESS_KEY="wrong",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_MAX_ATTEMPTS="1",
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "AWS cannot be used" in line
    assert "wrong" not in line


def test_a_python_that_is_too_old_is_told_what_to_try() -> None:
    old = ROOT / "build" / "old-python"
    old.parent.mkdir(exist_ok=True)
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.8.1\nexit 1\n')
    old.chmod(0o755)
    result = subprocess.run(
        ["make", "-B", "--no-print-directory", ".venv/.python", f"PYTHON={old}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "Python 3.8.1" in result.stderr
    assert "make PYTHON=" in result.stderr
    assert sys.version_info >= (3, 11)
