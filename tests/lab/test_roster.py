"""The roster of a class: all that is wrong is said at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.classroom import roster
from lab.classroom.roster import Learner
from lab.errors import RosterError

HEAD = b"name,email\n"
ANA = b"ana,ana@example.com\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roster.csv"


def problems(path: Path, content: bytes) -> list[str]:
    """What is said of a roster with this content, a line each, without the path."""
    path.write_bytes(content)
    with pytest.raises(RosterError) as caught:
        roster.read(path)
    return [line.replace(f"{path}, ", "") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(
    "content",
    [
        HEAD + ANA + b"bo-b,bo@example.com\n",
        b"name;email\nana;ana@example.com\nbo-b;bo@example.com\n",
        b"\xef\xbb\xbfname\temail\r\nana\tana@example.com\r\nbo-b\tbo@example.com\r\n",
        b"\xef\xbb\xbf" + HEAD + ANA + b"\n" + b"bo-b,bo@example.com",  # as Excel writes it
        b"Email, Seat ,NAME\r\nana@example.com,1, ana \r\nbo@example.com,2,bo-b\r\n",
        b'email,name,notes\nana@example.com,ana\nbo@example.com,bo-b,"late, two\nlines"\n',
    ],
)
def test_the_learners_of_a_roster(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    ana, bo = roster.read(path)
    assert ana == Learner("ana", "ana@example.com", "ana-", 2)
    assert (bo.name, bo.email, bo.prefix) == ("bo-b", "bo@example.com", "bo-b-")
    assert bo.line in (3, 4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: expected the columns name, email with commas between them, found nothing."),
        (b"name\nana\n", "found name. Add email."),
        (b"name:email\nana:ana@example.com\n", "found name:email. Add name and email."),
        (b"name,email,Name\nana,a@example.com,bo\n", "line 1: expected one column name, found 2."),
        (HEAD, "expected at least 1 learner below the names of the columns, found 0."),
        (HEAD + b"\n , \n", "expected at least 1 learner"),
        (HEAD + b",ana@example.com\n", "line 2: expected a value for name, found none."),
        (HEAD + b"ana\n", "line 2: expected a value for email, found none."),
        (
            HEAD + "José,j@example.com\n".encode(),
            "line 2: name is 'José'; use up to 20 letters from a",
        ),
        (HEAD + b"LAB_EMAIL,a@example.com\n", "line 2: name is 'LAB_EMAIL'"),
        (HEAD + b"a" * 21 + b",a@example.com\n", "use up to 20 letters from a to z, digits and"),
        (HEAD + b"ana,ana at example.com\n", "line 2: email is 'ana at example.com'"),
        (HEAD + ANA + b"\n" + ANA, "line 4: expected a name of its own, found 'ana', and 'ana' in"),
        (HEAD + ANA + b"Ana,b@example.com\n", "found 'Ana', and 'ana' in line 2. Change one"),
        (HEAD + ANA + b"ana-,b@example.com\n", "found 'ana-', and 'ana' in line 2. Change one"),
        (HEAD + b'"ana"x,ana@example.com\n', "line 2 is no CSV"),
        (HEAD + b'"ana,ana@example.com\n', "is no CSV: unexpected end of data."),
        (HEAD + "José,j@example.com\n".encode("latin-1"), "is no UTF-8 text. In a spreadsheet"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe", "is no UTF-8 text. In a spreadsheet"),
        (HEAD + b"a\x1b[2J,a@example.com\n", r"name is 'a\x1b[2J'"),
    ],
)
def test_what_cannot_work_is_said_with_its_line(path: Path, content: bytes, said: str) -> None:
    (problem,) = problems(path, content)
    assert said in problem
    assert "\x1b" not in problem


def test_all_that_is_wrong_is_said_at_once(path: Path) -> None:
    content = HEAD + ANA + b"1st,a@example.com\n" + ANA + b"bo,\n"
    found = problems(path, content)
    assert [problem.split(":")[0] for problem in found] == ["line 3", "line 4", "line 5"]


@pytest.mark.parametrize("missing", ["nothing.csv", "."])
def test_a_roster_that_cannot_be_read_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(RosterError, match=r"cannot be read: (No such file|Is a directory)"):
        roster.read(tmp_path / missing)
