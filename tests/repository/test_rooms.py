"""A service of the local cloud reaches another one only through what is there for that."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.here.folders import ROOT

SERVICES = ("apigateway", "dynamodb", "iam", "lambda_", "logs", "sns", "sqs")
CODE = sorted(
    path for service in SERVICES for path in (ROOT / "localcloud" / service).rglob("*.py")
)


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules of ours that are imported, but not those for types only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imports(node)


def other_services(path: Path, source: str) -> set[str]:
    """The services besides its own and IAM that a module imports."""
    own = path.relative_to(ROOT / "localcloud").parts[0]
    parts = (name.split(".") for name in imports(ast.parse(source)))
    found = {name[1] for name in parts if name[0] == "localcloud"}
    return found & set(SERVICES) - {own, "iam"}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_service_imports_no_other_but_iam(path: Path) -> None:
    assert other_services(path, path.read_text("utf-8")) == set()


def test_an_import_of_another_service_would_be_noticed() -> None:
    path = ROOT / "localcloud" / "sns" / "delivery.py"
    assert other_services(path, "from localcloud.sqs.queue import find") == {"sqs"}
    assert other_services(path, "def f():\n    from localcloud import lambda_") == {"lambda_"}
    for_types = "if TYPE_CHECKING:\n    from localcloud.sqs import queue"
    assert other_services(path, f"{for_types}\nfrom localcloud import deliver") == set()
