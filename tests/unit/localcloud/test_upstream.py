"""What we replace in moto: it is marked, listed and explained, and its target is missed if gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import moto
import pytest

from lab.here.folders import ROOT
from localcloud import upstream
from localcloud.upstream import UnknownTargetError, adds, original, patches, replaces
from tests.support.patches import PAGE, page

CODE = sorted((ROOT / "localcloud").rglob("*.py"))


def names_of_moto(tree: ast.Module) -> set[str]:
    """The names in a module that stand for a module, class or object of moto's."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias for alias in node.names if alias.name.split(".")[0] == "moto"]
            found |= {alias.asname or "moto" for alias in names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "moto":
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def assignments(path: Path) -> list[str]:
    """Where a module assigns to an attribute of moto's, by itself or by setattr."""
    tree = ast.parse(path.read_text("utf-8"))
    ours, found = names_of_moto(tree), []
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt | ast.expr):
            continue
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            targets = [ast.Attribute(node.args[0], "?")]
        for target in targets:
            base = ast.unparse(target).partition(".")[0]
            if isinstance(target, ast.Attribute) and base in ours:
                found.append(f"{path.name}:{node.lineno}: {ast.unparse(target)}")
    return found


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_assigns_to_an_attribute_of_moto(path: Path) -> None:
    assert assignments(path) == []


def test_an_assignment_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "patching.py"
    path.write_text(
        "import moto.sqs.models as models\nfrom moto.sns.models import Topic\n"
        "models.Queue.x = 1\nTopic.publish = None\nsetattr(Topic, 'y', 1)\nlocal = 1\n"
    )
    assert [each.rpartition(" ")[2] for each in assignments(path)] == [
        "models.Queue.x",
        "Topic.publish",
        "Topic.?",
    ]


def test_grep_finds_every_patch() -> None:
    marks = sum(
        len(re.findall(r"^@(?:replaces|adds)\(", path.read_text("utf-8"), re.M)) for path in CODE
    )
    assert marks == len(patches()) > 40


def test_every_patch_says_why() -> None:
    assert [patch.place for patch in patches() if not patch.reason.endswith(".")] == []


def test_the_table_is_what_the_patches_generate() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make parity`"


class Target:
    """Stands for a class of moto's."""

    def there(self) -> str:
        return "moto's"


def test_a_replacement_keeps_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_patches", {})

    @replaces(Target)
    def there(target: Target) -> str:
        return f"ours, and {original(there)(target)}"

    upstream.install()
    upstream.install()
    assert Target().there() == "ours, and moto's"


def test_a_target_that_is_gone_or_came_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_patches", {})
    wanted = rf"moto {re.escape(moto.__version__)} has no Target\.gone, which {__name__} replaces"
    with pytest.raises(UnknownTargetError, match=wanted):

        @replaces(Target)
        def gone(_: Target) -> None:
            """Nothing."""

    with pytest.raises(UnknownTargetError, match=r"has its own Target\.there, which .* adds"):

        @adds(Target)
        def there(_: Target) -> None:
            """Nothing."""

    assert upstream.patches() == []
