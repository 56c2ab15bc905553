"""How many connections may be open follows from how many files may be."""

from __future__ import annotations

from localcloud.host.resources import connections_to_hold


def test_connections_leave_descriptors_for_the_work() -> None:
    assert [connections_to_hold(files) for files in (64, 128, 256, 1024)] == [24, 64, 128, 512]
    assert connections_to_hold(16) == 16
