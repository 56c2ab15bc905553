"""What Lambda says about an invocation: its log lines, and the error if it fails.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import json
import secrets
import signal
import sys
import time
from pathlib import Path

import psutil

from localcloud.lambda_.runtime.pool import Pool
from localcloud.lambda_.runtime.worker_handle import Invocation, Worker

TAIL_BYTES = 4096
TASK_ROOT = "/var/task"  # where a package is unpacked on AWS; our place for it is in no log


def printed(worker: Worker) -> list[str]:
    """The lines that the worker wrote since the last call. If they cannot be read, a line says
    so."""
    try:
        return [line.replace(str(worker.directory), TASK_ROOT) for line in worker.output.read()]
    except (OSError, MemoryError) as error:
        return [f"[local cloud] What was printed cannot be read: {error}"]


def metrics_of(worker: Worker, invocation: Invocation) -> dict[str, float]:
    """What an invocation took, with the names that AWS has for it in JSON."""
    duration_ms = (time.monotonic() - invocation.started) * 1000
    init_ms = worker.init_seconds * 1000 if worker.cold and worker.init_seconds else 0.0
    found = {
        "durationMs": round(duration_ms, 3),
        "billedDurationMs": int(duration_ms + init_ms) + 1,
        "memorySizeMB": worker.pool.function.memory_size,
        "maxMemoryUsedMB": _memory_mb(worker),
    }
    return {**found, "initDurationMs": round(init_ms, 3)} if init_ms else found


def report_line(worker: Worker, invocation: Invocation) -> str:
    found = metrics_of(worker, invocation)
    fields = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {found['durationMs']:.2f} ms",
        f"Billed Duration: {found['billedDurationMs']} ms",
        f"Memory Size: {found['memorySizeMB']} MB",
        f"Max Memory Used: {found['maxMemoryUsedMB']} MB",
    ]
    if "initDurationMs" in found:
        fields.append(f"Init Duration: {found['initDurationMs']:.2f} ms")
    return "\t".join(fields) + "\t"


def _memory_mb(worker: Worker) -> int:
    try:
        if worker.usage is None and worker.process is not None:
            worker.usage = psutil.Process(worker.process.pid)
        return int(worker.usage.memory_info().rss) >> 20 if worker.usage else 0
    except (psutil.Error, OSError):
        return 0


def runtime_of(pool: Pool) -> str:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"{pool.function.run_time} (this machine's Python {version})"


def why_exited(returncode: int) -> str:
    """In AWS's words: "Runtime exited with error: exit status 1", or "signal: killed"."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    status = f"exit status {returncode}"
    if returncode < 0:
        status = f"signal: {(signal.strsignal(-returncode) or str(-returncode)).lower()}"
    return f"Runtime exited with error: {status}"


def error_payload(kind: str, message: str) -> bytes:
    """The payload of a failed invocation."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def without_place(payload: bytes, directory: Path) -> bytes:
    """The payload of a failed invocation, in whose trace the files stand where they do on AWS."""
    return payload.replace(str(directory).encode(), TASK_ROOT.encode())


def new_trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0"
