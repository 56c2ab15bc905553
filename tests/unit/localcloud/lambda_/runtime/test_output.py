"""What a worker prints is kept, its beginning and its end at least."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.lambda_.runtime import output
from localcloud.lambda_.runtime.output import Output


def write(made: Output, written: bytes) -> None:
    descriptor = made.path.open("ab", buffering=0)
    with descriptor:
        descriptor.write(written)


def test_all_of_an_ordinary_output_is_kept(tmp_path: Path) -> None:
    made = Output(tmp_path)
    write(made, b"one\ntwo\rthree\n\n")
    assert made.read() == ["one", "two\nthree"]
    assert made.read() == []
    write(made, b"four")
    assert made.read() == ["four"]
    made.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("goes_on", [False, True])
def test_the_beginning_and_the_end_of_a_long_output_are_kept_and_it_says_so(
    goes_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_HALF", 1000)
    monkeypatch.setattr(output, "_TOO_LONG", 5000)
    made = Output(tmp_path)
    for number in range(30):
        write(made, f"{number:0>99}\n".encode() * 10)
        if goes_on:
            made.trim()
            assert made.path.stat().st_size <= 6000
    lines = made.read()
    assert [line.lstrip("0") for line in lines[:10]] == [""] * 10
    assert "28,000 bytes and more were left out" in lines[10]
    assert [line.lstrip("0") for line in lines[11:]] == ["29"] * 10
    write(made, b"next\n")
    assert made.read() == ["next"]
    assert made.path.stat().st_size < 6000
    made.close()


def test_only_as_many_lines_are_kept_as_anybody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_LINES", 2)
    made = Output(tmp_path)
    write(made, b"1\n2\n3\n4\n5\n6\n7\n")
    first, second, cut, *last = made.read()
    assert (first, second, last) == ("1", "2", ["6", "7"])
    assert "3 lines were left out" in cut
    made.close()


def test_a_second_close_closes_nothing_of_others(tmp_path: Path) -> None:
    made = Output(tmp_path)
    made.close()
    with open(tmp_path / "other", "w") as other:  # gets the number that is free again
        made.close()
        other.write("tea")
        other.flush()
    assert (tmp_path / "other").read_text() == "tea"
