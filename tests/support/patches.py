"""The table of what the local cloud replaces in moto, in localcloud/README.md.

`python -m tests.support.patches` writes it.
"""

from __future__ import annotations

import re
from pathlib import Path

import localcloud.cloud  # noqa: F401  # for all that it replaces
from localcloud.upstream import patches

PAGE = Path(__file__).parents[2] / "localcloud" / "README.md"
_TABLE = re.compile(r"(?<=<!-- patches -->\n).*(?=<!-- end of patches -->)", re.DOTALL)


def page() -> str:
    """The page with the table as the code has it."""
    rows = ["| of moto | in localcloud | why |", "|---|---|---|"]
    for patch in patches():
        module = patch.module.removeprefix("localcloud.")
        link = f"[{module}]({module.replace('.', '/')}.py)"
        rows.append(f"| `{_short(patch.place)}` | {link} | {patch.reason} |")
    text = "\n".join(rows) + "\n"
    return _TABLE.sub(lambda _: text, PAGE.read_text("utf-8"))


def _short(place: str) -> str:
    """A module of moto's by its service: "sqs: generate_receipt_handle"."""
    found = re.fullmatch(r"moto\.(\w+)\.(?:models|responses)\.(\w+)", place)
    return f"{found[1]}: {found[2]}" if found else place


def main() -> None:
    PAGE.write_text(page(), "utf-8")
    print(f"Wrote {PAGE.name}: {len(patches())} patches.")


if __name__ == "__main__":
    main()
