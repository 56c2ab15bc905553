"""A bad value in one of boto3's own variables is one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import SettingsError
from lab.here import settings
from tests.support.processes import run_lab
from tests.support.sessions import make_session

ENDPOINT = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_MAX_ATTEMPTS", "abc"),
        ("AWS_MAX_ATTEMPTS", "-1"),
        ("AWS_MAX_ATTEMPTS", ""),
        ("AWS_RETRY_MODE", "often"),
        ("AWS_DEFAULTS_MODE", "tea"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "tea"),
        ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "tea"),
    ],
)
def test_the_variable_at_fault_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name} is '{value}', which boto3 cannot use: "):
        make_session(ENDPOINT).client("sqs")
    assert settings.load().region == "us-east-1"  # what was tried without is there again


def test_a_command_says_it_in_one_line(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "abc")
    result = run_lab("check")
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("SettingsError: AWS_MAX_ATTEMPTS is 'abc'")


def test_a_broken_configuration_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("LAB_TARGET", "aws")
    monkeypatch.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    for said in ("[default]\nregion = us-east-1\nmax_attempts = abc\n", "no section\n"):
        config.write_text(said)
        result = run_lab("check")
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()[:1]
        assert "Traceback" not in result.stderr
        assert str(config) in line


def test_another_error_of_boto3_stays_what_it_is() -> None:
    with pytest.raises(Exception, match="Unknown service: 'tea'") as raised:
        make_session(ENDPOINT).client("tea")
    assert not isinstance(raised.value, SettingsError)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ana:s3cret@host",
        "http://ana:s3cret@sqs.us-east-1.amazonaws.com/",
        "http://ana:s3c/ret@",
        "ana:s3cret@host",
        "http://an@a:s3cret@[",
    ],
)
def test_no_password_of_an_address_is_shown(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.load({"AWS_ENDPOINT_URL": url})
    assert "AWS_ENDPOINT_URL is " in str(raised.value)
    assert not any(word in str(raised.value) for word in ("ana", "s3c", "ret"))
