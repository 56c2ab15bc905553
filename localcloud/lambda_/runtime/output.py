"""What a worker prints: it goes to a file, which we read in bounded pieces.

A file rather than a pipe, so that everything a handler wrote is there when its answer arrives, and
printing never waits for the event loop. Once the worker has opened the file, we remove its name
(except on Windows): nothing can delete it, and no other function can find it. That costs the cloud
a descriptor for each worker, but it need not open the file after each invocation.

It keeps the beginning and the end of each invocation, half a megabyte and 5,000 lines of each. That
is more than anyone reads, and little enough for the event loop, where each line costs some
microseconds: a function that prints 100 MB would otherwise hold up all others for seconds.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

_HALF, _LINES = 512 * 1024, 5000  # bytes and lines to keep of the beginning, and of the end
_TOO_LONG = 64 * 1024 * 1024  # bytes on the disk while an invocation is under way
_CUT = (
    "[local cloud] {} were left out here: it keeps at most "
    f"{2 * _HALF:,} bytes and {2 * _LINES:,} lines of an invocation's output."
)


class Output:
    """The file that a worker appends to. Raises OSError if it cannot be made."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / f"log-{secrets.token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self.path, flags, 0o600)
        self._position = 0
        # If the output is too long: its beginning, its end, and the bytes after the beginning.
        self._head = self._tail = b""
        self._cut = 0

    def hide(self) -> None:
        """Remove its name, once the worker has opened it. A fork server has done so already."""
        if os.name == "posix":
            self.path.unlink(missing_ok=True)

    def read(self) -> list[str]:
        """The lines written since the last call. If some are missing, a line of ours says how
        much."""
        end = os.fstat(self._descriptor).st_size
        if self._cut or end - self._position > 2 * _HALF:
            self._take_in(end)
            head, tail, cut = self._head, self._tail, self._cut - len(self._tail)
            self._head, self._tail, self._cut = b"", b"", 0
            missing = _CUT.format(f"{cut:,} bytes and more")
            return [*_lines(head)[:_LINES], missing, *_lines(tail)[-_LINES:]]
        lines = _lines(self._piece(self._position, end))
        self._position = end
        if end > 2 * _HALF:
            self._empty()
        if len(lines) > 2 * _LINES:
            missing = _CUT.format(f"{len(lines) - 2 * _LINES:,} lines")
            lines[_LINES:-_LINES] = [missing]
        return lines

    def trim(self) -> None:
        """Free disk space while an invocation keeps printing."""
        end = os.fstat(self._descriptor).st_size
        if end - self._position > _TOO_LONG:
            self._take_in(end)

    def _take_in(self, end: int) -> None:
        """Keep the beginning (if there is none yet) and the end of the file, and empty it. The
        worker appends, so it writes on at the new end. What it wrote since we looked is lost, but
        a function that prints this much will not miss it."""
        if not self._cut:
            self._head = self._piece(self._position, self._position + _HALF)
            self._position += len(self._head)
        self._tail += self._piece(max(self._position, end - _HALF), end)
        self._tail = self._tail[-_HALF:]
        self._cut += end - self._position
        self._empty()

    def _empty(self) -> None:
        os.ftruncate(self._descriptor, 0)
        self._position = 0

    def close(self) -> None:
        """Close and remove the file. Doing it twice changes nothing: by then the descriptor's
        number may be somebody else's."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)
        self.path.unlink(missing_ok=True)

    def _piece(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`; fewer if the file is shorter by now."""
        os.lseek(self._descriptor, start, os.SEEK_SET)
        pieces = []
        while start < end and (piece := os.read(self._descriptor, end - start)):
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)


def _lines(written: bytes) -> list[str]:
    text = written.decode("utf-8", "replace")
    # awslambdaric joins the lines of a traceback with carriage returns, to make them one event.
    return [line.replace("\r", "\n") for line in text.split("\n") if line]
