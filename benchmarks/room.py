"""How many learners fit on one server: each with a cloud of their own, a whole chain and orders.

    python -m benchmarks.room --learners 30

It starts so many clouds, as so many users would, sets up the chain in each, posts orders to all of
them, and waits until all are recorded. Then it waits until their idle workers have retired, and
says how much memory (PSS, which counts once what processes share) and how many processes each
takes.
All run as the user who starts this, each with a private folder of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from lab.aws.waiting import wait_until
from lab.here import clouds
from lab.here.folders import ROOT

_AT_ONCE = 4  # clouds that are set up at the same time
_RETIRED_SECONDS = 600  # by then idle workers have retired
_IDLE_PROCESSES = 2  # the cloud, and what workers are forked from
_ORDERS = """
import lab, sys, urllib3
aws = lab.session()
url, key = lab.way_in(aws)
count = int(sys.argv[1])
for number in range(count):
    order = {"product": "tea", "quantity": 1, "order_id": f"room-{number}"}
    answer = urllib3.request("POST", url, json=order, headers=key, timeout=30)
    assert answer.status == 202, answer.data
table = aws.resource("dynamodb").Table(lab.names().table)
def recorded():
    return sum(item["order_id"].startswith("room-") for item in table.scan()["Items"]) == count
lab.wait_until(recorded, "all orders are recorded", timeout=600)
"""


@dataclass(frozen=True)
class Learner:
    """A learner's cloud: its process, and what points a command at it."""

    process: psutil.Process
    variables: dict[str, str]

    def run(self, *command: str) -> None:
        """Raises CalledProcessError, with what the command said on standard error."""
        subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.variables,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def takes(self) -> tuple[float, int]:
        """MB of memory (PSS), and processes."""
        size, processes = clouds.takes(self.process)
        return size / 1e6, processes


@contextmanager
def _cloud(folder: Path) -> Iterator[Learner]:
    own = {n: v for n, v in os.environ.items() if not n.startswith(("LAB_", "AWS_"))}
    variables = {**own, "XDG_STATE_HOME": str(folder)}
    command = [sys.executable, "-m", "localcloud", "--port", "0", "--until-stdin-ends"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        address = started.stdout.readline().split()[-1]
        try:
            yield Learner(psutil.Process(started.pid), {**variables, "AWS_ENDPOINT_URL": address})
        finally:
            started.terminate()


def _all(what: str, learners: list[Learner], do: Callable[[Learner], None], at_once: int) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(do, learners))
    print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)


def _say(when: str, learners: list[Learner]) -> None:
    found = [learner.takes() for learner in learners]
    memory, processes = [mb for mb, _ in found], [count for _, count in found]
    print(
        f"{when}: {statistics.mean(memory):.0f} MB each (at most {max(memory):.0f}), "
        f"{max(processes)} processes at most; {sum(memory) / 1000:.1f} GB in all",
        flush=True,
    )


@click.command()
@click.option("--learners", type=click.IntRange(1, 200), default=30, show_default=True)
@click.option("--orders", type=click.IntRange(1, 1000), default=20, show_default=True)
def main(learners: int, orders: int) -> None:
    """Measure a room of learners on this machine."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        began = time.monotonic()
        room = [stack.enter_context(_cloud(Path(folder) / str(n))) for n in range(learners)]
        print(f"{learners} clouds are up: {time.monotonic() - began:.0f} s", flush=True)
        _all("All chains are set up", room, lambda each: each.run("-m", "lab", "up"), _AT_ONCE)
        code = ("-c", _ORDERS, str(orders))
        _all(f"{orders} orders each are recorded", room, lambda each: each.run(*code), learners)
        _say("At work", room)
        wait_until(
            lambda: max(learner.takes()[1] for learner in room) <= _IDLE_PROCESSES,
            "idle workers have retired",
            timeout=_RETIRED_SECONDS,
        )
        _say("Idle", room)


if __name__ == "__main__":
    main()
