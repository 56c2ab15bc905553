"""microburst in front of the local cloud: AWS's errors in AWS's form, and replies that get lost.

Its rules say which operation fails how often: https://github.com/pingedbrain/microburst
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import urllib3

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support import http

NOTHING_SENT = {"abort_bytes": 0}  # the operation is done, and its reply is lost


@dataclass(frozen=True)
class FaultProxy:
    """A running proxy, to whose address a client goes instead of the local cloud's."""

    address: str

    def set(self, *rules: dict[str, Any]) -> None:
        """Have these rules, and no others."""
        answer = http.request("POST", f"{self.address}/_microburst/rules", json=list(rules))
        assert answer.status == 200, answer.data

    def fired(self) -> Counter[str]:
        """How often each fault came to pass so far."""
        stats = http.request("GET", f"{self.address}/_microburst/fired").json()
        return Counter(fault["action"] for fault in stats)

    def _answers(self) -> bool:
        with suppress(urllib3.exceptions.HTTPError):
            health = f"{self.address}/_microburst/health"
            return http.request("GET", health, retries=False).status == 200
        return False


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """A proxy in front of the local cloud at this address, without any faults yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "microburst", "--upstream", upstream, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        proxy = FaultProxy(f"http://127.0.0.1:{port}")
        try:
            wait_until(proxy._answers, "the fault proxy answers", timeout=90)
            # It reads a service's model at the first request, which takes a while.
            _client(proxy, "dynamodb").list_tables()
            _client(proxy, "sns").list_topics()
            yield proxy
        finally:
            process.terminate()


def _client(proxy: FaultProxy, service: str) -> Any:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return Session(proxy.address, **keys, region_name="us-east-1").client(service)
