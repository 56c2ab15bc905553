"""Settings are checked where they are read, and a wrong one is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.course.names import Names, names, tag_list, tags
from lab.errors import SettingsError
from lab.here import settings
from lab.here.folders import ROOT
from lab.here.own_cloud import environment
from tests.support.processes import run_script


def test_unless_set_everything_is_local() -> None:
    found = settings.load({})
    assert (found.target, found.prefix, found.region) == ("local", "", "us-east-1")
    assert found.email == "fulfillment@example.com"
    assert found.endpoint_url is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAB_TARGET", "amazon"),
        ("AWS_REGION", "us east"),
        ("AWS_REGION", "nowhere"),
        ("AWS_REGION", "us-esat-1"),
        ("AWS_DEFAULT_REGION", "us-esat-1"),
        ("AWS_REGION", "us-gov-west-1"),
        ("AWS_DEFAULT_REGION", "cn-north-1"),
        ("LAB_TARGET", "AWS"),
        ("LAB_PREFIX", "ana_"),
        ("LAB_PREFIX", "-ana"),
        ("LAB_PREFIX", "a" * 21),
        ("LAB_PREFIX", "ana maria"),
        ("LAB_EMAIL", "ana"),
        ("LAB_EMAIL", "ana@nowhere"),
        ("LAB_EMAIL", "a b@example.com"),
        ("LAB_PORT", "tea"),
        ("LAB_PORT", "0"),
        ("LAB_PORT", "70000"),
        ("AWS_ENDPOINT_URL", "nonsense"),
        ("AWS_ENDPOINT_URL", "http://[::1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:abc"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:70000"),
        ("AWS_ENDPOINT_URL", "ftp://127.0.0.1:4510"),
        ("AWS_ENDPOINT_URL", "https://sqs.us-east-1.amazonaws.com"),
        ("AWS_ENDPOINT_URL", "https://lambda.us-east-1.api.aws"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load({variable: value})
    assert variable in str(error.value)
    assert str(error.value).startswith(f"{variable} is {value!r}")


def test_a_region_of_another_partition_is_refused_for_what_it_is() -> None:
    with pytest.raises(SettingsError, match=r"us-gov-west-1.* in the partition aws-us-gov"):
        settings.load({"AWS_REGION": "us-gov-west-1", "LAB_TARGET": "aws"})


@pytest.mark.parametrize("region", ["eu-central-1", "ap-southeast-3", "mx-central-1"])
def test_the_region_that_boto3_would_take_counts(region: str) -> None:
    assert settings.load({"AWS_REGION": region}).region == region
    assert settings.load({"AWS_DEFAULT_REGION": region}).region == region
    assert settings.load({"AWS_REGION": region, "AWS_DEFAULT_REGION": "x"}).region == region


def test_an_empty_setting_counts_as_not_set() -> None:
    names = ("LAB_TARGET", "LAB_PREFIX", "LAB_EMAIL", "LAB_PORT", "AWS_REGION", "AWS_ENDPOINT_URL")
    assert settings.load(dict.fromkeys(names, "")) == settings.load({})


def test_on_aws_the_address_has_to_be_given_where_it_is_used() -> None:
    assert settings.load({"LAB_TARGET": "aws"}).email is None
    with environment(LAB_TARGET="aws"), pytest.raises(SettingsError, match="LAB_EMAIL is not set"):
        settings.email()


def every_name(of: Names) -> list[str]:
    """All that is a name of some thing."""
    found = {getattr(of, each) for each, what in vars(Names).items() if isinstance(what, property)
             if each not in ("functions", "dead_letters", "tags")}  # fmt: skip
    assert len(found) == 11  # of 13 things: topic, table and API share one
    return sorted(found)


def test_a_prefix_stands_before_every_name() -> None:
    found = names(settings.load({"LAB_PREFIX": "ana"}).prefix)
    assert found.take_order == "ana-take_order"
    assert all(name.startswith("ana-") for name in every_name(found))
    assert all(found.stem(name) == names("").stem(name[4:]) for name in every_name(found))
    assert names("").queue == "CustomerOrders"


def test_every_name_fits_into_aws_even_with_the_longest_prefix() -> None:
    found = names(settings.load({"LAB_PREFIX": "a" * 20}).prefix)
    assert max(len(found.role(function, "ap-southeast-1")) for function in found.functions) <= 64
    assert max(map(len, every_name(found))) <= 64


def test_the_tags_tell_learners_apart() -> None:
    assert tags("ana-") != tags("bo-")
    assert {pair["Key"]: pair["Value"] for pair in tag_list("ana-")} == tags("ana-")


def test_nothing_of_the_learners_own_set_up_reaches_what_is_local(
    cloud: str, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9\n")
    result = run_script(
        "scripts/02_record_orders.py",
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


SCRIPTS = ["scripts/00_take_orders.py", "scripts/04_verify.py", "teardown.py"]


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
        "scripts/00_take_orders.py",
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
