"""A function's package stays in its folder, or leaves nothing."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from localcloud.lambda_.runtime.packages import Package
from tests.support.functions import package_of, zip_of

ECHO = "def handler(event, context):\n    return event\n"


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, mode << 16
    return made


def below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_package_stays_in_its_folder(tmp_path: Path) -> None:
    place = tmp_path / "below" / "functions"
    place.mkdir(parents=True)
    code = package_of(
        ("../up.py", "up"),
        ("../../../../../../../../up.py", "far up"),
        (f"{tmp_path}/absolute.py", "absolute"),
        ("..\\..\\backslash.py", "backslash"),
        (entry("link.py", stat.S_IFLNK | 0o777), str(tmp_path / "linked.py")),
        (entry("setuid.py", stat.S_IFREG | 0o6777), "setuid"),
        (entry("device.py", stat.S_IFCHR | 0o666), "device"),
        ("nul.py?.txt", "nul"),
        ("twice.py", "first"),
        ("twice.py", "second"),
        ("app.py", "app"),
    ).replace(b"nul.py?", b"nul.py\0")
    before = below(tmp_path)
    package = Package(code, place)
    package.unpack()
    assert package.directory is not None and package.directory.parent == place
    assert below(tmp_path) - before == {package.directory, *below(package.directory)}
    for path in below(package.directory):
        mode = path.lstat().st_mode
        assert stat.S_ISDIR(mode) or stat.S_ISREG(mode)
        assert mode & (stat.S_ISUID | stat.S_ISGID) == 0
    assert (package.directory / "twice.py").read_text() == "second"
    assert (package.directory / "app.py").read_text() == "app"


NOT_TO_UNPACK = {
    "a long name": package_of(("app.py", ""), ("x" * 300, "")),
    "a folder in a file": package_of(("app.py", ""), ("app.py/more.py", "")),
    "a folder that is a link": package_of(
        ("app.py", ""), (entry("link", stat.S_IFLNK | 0o777), "/tmp"), ("link/more.py", "")
    ),
    "half of it": zip_of(ECHO)[:60],
}


@pytest.mark.parametrize("what", NOT_TO_UNPACK)
def test_a_package_that_cannot_be_unpacked_leaves_nothing(what: str, tmp_path: Path) -> None:
    package = Package(NOT_TO_UNPACK[what], tmp_path)
    with pytest.raises((OSError, zipfile.BadZipFile)):
        package.unpack()
    assert below(tmp_path) == set()
