"""The parity table: what AWS does, how far the local cloud does it, and the test that shows it.

A rule stands on its test as a marker, so that the two are read and changed together:

    @pytest.mark.parity("A received message is hidden", kept="yes", aws="https://docs…")

`kept` is "yes", or says how far. `aws` is the page on which AWS says so. The module of localcloud
that keeps the rule follows from the test's path: tests/localcloud/sqs/test_queue.py shows what
sqs.queue does. Name it where it is another one: `module="sqs.limits"`, or `module="moto"`.

The service follows from the module: that of its folder, or "Every service" for a module that is
in none. Name it where the rule belongs to another one: `service="IAM"`.

`python -m tests.support.parity` collects the markers, runs no test, and writes
localcloud/PARITY.md.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import KW_ONLY, dataclass
from functools import cache
from pathlib import Path

import pytest

from localcloud.losses import PLACES
from localcloud.members import DECISIONS, decision

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "localcloud" / "PARITY.md"
SERVICES = (
    "Every service",
    "API Gateway",
    "Lambda",
    "SQS",
    "Event source mappings",
    "SNS",
    "DynamoDB",
    "IAM",
    "CloudWatch Logs",
)
MOTO = "moto"  # the module of a rule that moto keeps alone
_SERVICES_OF = {
    "": "Every service",
    "apigateway": "API Gateway",
    "dynamodb": "DynamoDB",
    "iam": "IAM",
    "lambda_": "Lambda",
    "lambda_.event_source_mapping": "Event source mappings",
    "logs": "CloudWatch Logs",
    "sns": "SNS",
    "sqs": "SQS",
}
# What the local cloud does not do at all, or what would take a test too long to show, and why.
NOT_DONE = (
    ("API Gateway", "HTTP and WebSocket APIs", "the tutorial has a REST API"),
    ("API Gateway", "Authorizers, IAM authorization, CORS, caching, stage variables",
     "the tutorial does not use them"),
    ("API Gateway", "A quota by week or month", "the local cloud counts any period as a day"),
    ("Lambda", "Layers, container images, other languages than Python",
     "workers are processes of your own Python"),
    ("Lambda", "512 MB in `/tmp`", "a function has what your machine has"),
    ("Lambda", "An init of more than 10 seconds starts again in the first invocation",
     "here the invocation fails; a test would take longer than it is worth"),
    ("Lambda", "Destinations in EventBridge and S3", "the local cloud has neither service"),
    ("SQS", "At most 120,000 messages in flight", "no chapter comes near that"),
    ("Event source mappings", "Other sources than SQS, provisioned pollers",
     "the tutorial has only a queue"),
    ("SNS", "FIFO topics", "they feed FIFO queues, which the local cloud does not have"),
    ("SNS", "Retries for HTTP and e-mail", "no chapter subscribes an HTTP endpoint"),
    ("SNS", "A pending subscription ends after 48 hours", "nobody waits that long here"),
    ("IAM", "Users' permissions boundaries, organizations, policy variables, tags in conditions",
     "no policy in the chapters has them"),
    ("IAM", "Resources in policies for API Gateway, and for services that no chapter uses",
     "elsewhere only the action counts, whatever the resource"),
    ("IAM", "Policies on DynamoDB tables", "the tutorial has none"),
    ("CloudWatch Logs", "Metrics, alarms, Logs Insights; a retention that deletes old lines",
     "moto keeps the settings, but does not act on them"),
    ("Every service", "Eventual consistency: you see a change a little later",
     "one process answers all calls, so you see it at once; `--like-aws` has the lags that a first "
     "run on AWS meets"),
)  # fmt: skip
_HEAD = """\
# Parity with AWS

What AWS does, how far the local cloud does it, and the test that shows it. `make parity` makes this
page from the markers on the tests. To change the page, change the markers.
"""


@dataclass(frozen=True)
class Rule:
    """A rule of AWS's, and the test (its file's path from the root, and its name) that shows how
    far it is kept."""

    text: str
    _: KW_ONLY
    kept: str
    path: str
    test: str
    service: str
    module: str
    aws: str = ""

    def row(self) -> str:
        link = f" ([AWS]({self.aws}))" if self.aws else ""
        return _row(f"{self.text}{link}", self.kept, f"[{self.test}](../{self.path})")


class _Collector:
    """A plugin of pytest's that takes the rules from the markers."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items = sorted(items, key=lambda item: (item.location[0], item.location[1] or 0))
        found = dict.fromkeys(rule for item in items for rule in _rules_of(item))
        self.rules = list(found)  # a test with parameters is many items, and has its rules once


def _rules_of(item: pytest.Item) -> list[Rule]:
    """The rules on a test, from top to bottom."""
    path = Path(item.location[0]).as_posix()
    name = item.name.partition("[")[0]
    marks = reversed(list(item.iter_markers("parity")))
    return [rule_of(path, name, *mark.args, **mark.kwargs) for mark in marks]


def rule_of(
    path: str,
    test: str,
    text: str,
    *,
    kept: str,
    module: str = "",
    service: str = "",
    aws: str = "",
) -> Rule:
    """The rule that a marker on a test of this path (from the root) names. Raises ValueError if
    it names a module that does not exist."""
    if module not in {"", MOTO, *modules()}:
        raise ValueError(f"{path}, {test}: expected a module of localcloud, found {module!r}.")
    shown = _module_beside(path)
    module = module or shown
    service = service or _service_of(shown if module == MOTO else module)
    return Rule(text, kept=kept, path=path, test=test, service=service, module=module, aws=aws)


@cache
def modules() -> frozenset[str]:
    """The modules of localcloud, such as `sqs.queue`."""
    root = ROOT / "localcloud"
    paths = (path.relative_to(root).with_suffix("") for path in root.rglob("*.py"))
    return frozenset(".".join(path.parts) for path in paths if path.stem != "__init__")


def _module_beside(path: str) -> str:
    """`sqs.queue` for tests/localcloud/sqs/test_queue.py. A module of that name may not exist:
    a test can show what several do together."""
    _, _, inside = path.removesuffix(".py").partition("/localcloud/")
    return inside.replace("test_", "").replace("/", ".")


def _service_of(module: str) -> str:
    folder = module.rpartition(".")[0].partition(".")[0]
    return _SERVICES_OF.get(module) or _SERVICES_OF[folder]


def collect() -> list[Rule]:
    """Every rule, by file and line. Raises RuntimeError if the tests cannot be collected."""
    collector = _Collector()
    files = (path for path in sorted((ROOT / "tests").rglob("test_*.py")))
    marked = [str(path) for path in files if "mark.parity(" in path.read_text("utf-8")]
    arguments = ["--collect-only", "-q", "-n0", "-p", "no:cacheprovider", *marked]
    with redirect_stdout(io.StringIO()) as said:
        status = pytest.main(arguments, plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise RuntimeError(said.getvalue())
    return collector.rules


def page(rules: Iterable[Rule]) -> str:
    """PARITY.md: a table for each service, of what could get lost, and of what is missing."""
    rows = {service: [r.row() for r in rules if r.service == service] for service in SERVICES}
    sections = [
        "\n".join([f"## {service}\n", _row("rule", "kept", "shown by"), "|---|---|---|", *found])
        for service, found in rows.items()
    ]
    not_done = [_row(*entry) for entry in sorted(NOT_DONE, key=lambda e: SERVICES.index(e[0]))]
    places = [_row(p.service, p.what, p.aws, p.here) for p in PLACES.values()]
    columns = (
        _row("service", "what could get lost", "what AWS does", "what happens here"),
        "|---|---|---|---|",
    )
    sections.append("\n".join(["## What is accepted, and might not arrive\n", *columns, *places]))
    sections.append(_members())
    last = ["## What it does not do\n", _row("service", "what", "why"), "|---|---|---|", *not_done]
    return "\n\n".join([_HEAD.rstrip(), *sections, "\n".join(last)]) + "\n"


def _members() -> str:
    """The table of what becomes of the members of requests."""
    columns = _row("operation", "not heeded; a warning says so", "refused"), "|---|---|---|"
    rows = [
        _row(f"{service}: `{operation}`", _names(found.not_done), _names(refused))
        for service, operations in sorted(DECISIONS.items())
        for operation in sorted(operations)
        if (found := decision(service, operation)) is not None
        and (refused := found.refused | found.refused_by_the_service) | found.not_done
    ]
    head = (
        "## Members of requests\n\nOf the operations that the tutorial, the lab command or an "
        "exercise uses, every\nmember that is not named here is heeded.\n"
    )
    return "\n".join([head, *columns, *rows])


def _names(members: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(members))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def main() -> None:
    rules = collect()
    PAGE.write_text(page(rules), "utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}: {len(rules)} rules, {len(NOT_DONE)} not done.")


if __name__ == "__main__":
    main()
