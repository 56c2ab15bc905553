"""What the code of a handler imports, and how its clients are made."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest

from lab.here.folders import ROOT

HANDLERS = sorted((ROOT / "lambdas").glob("*.py"))


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_a_handler_imports_the_standard_library_and_boto3_only(path: Any) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names <= sys.stdlib_module_names | {"boto3", "botocore"}


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_every_client_says_how_long_it_waits_and_how_often_it_tries(path: Any) -> None:
    """boto3's own defaults, 60 s and a pause of a second, outlast a function's timeout."""
    source = ast.parse(path.read_text("utf-8"))
    values = {ast.unparse(n.targets[0]): n.value for n in source.body if isinstance(n, ast.Assign)}
    made = [ast.unparse(v) for v in values.values() if ast.unparse(v).startswith("boto3.")]
    assert made
    for text in made:
        for option in ("connect_timeout=", "read_timeout=", "retries="):
            assert option in text, text
    assert source_of(path).count("total_max_attempts") == len(made)
    assert source_of(path).count("boto3.") == len(made)  # and there are no others


def source_of(path: Any) -> str:
    return str(path.read_text("utf-8"))
