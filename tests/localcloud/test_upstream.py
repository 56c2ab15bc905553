"""A moto that lacks what we replace is one sentence when a local cloud starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import moto

import localcloud.cloud  # for all that it replaces
from lab.here.folders import ROOT


def test_a_moto_without_a_target_is_one_sentence_when_the_cloud_starts(tmp_path: Path) -> None:
    installed = Path(moto.__file__).parent
    copy = tmp_path / "moto"
    copy.mkdir()
    for each in installed.iterdir():
        (copy / each.name).symlink_to(each)
    (copy / "sqs").unlink()
    (copy / "sqs").mkdir()
    for each in (installed / "sqs").glob("*.py"):
        text = each.read_text("utf-8").replace("def change_message_visibility(", "def renamed(")
        (copy / "sqs" / each.name).write_text(text, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "localcloud", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(
        f"localcloud: moto {moto.__version__} has no SQSBackend.change_message_visibility, which "
        "localcloud.sqs.queue replaces."
    )
    assert len(ran.stderr.splitlines()) == 1 and localcloud.cloud.__file__ not in ran.stderr
