"""The page about the benchmarks, from what they say of themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from docs.site.docstrings import as_markdown

_START: Final = """# Benchmarks

What is measured, side by side with others in the same run, and how to run it. The last figures
stand where they matter: with the [meter](meter.md), [patterns](patterns.md), the
[ledger](ledger.md), the [briefing page](briefing.md), [InfluxDB](influxdb.md),
[sources](sources.md) and [speed](speed.md). `make bench` runs them all.
"""


def benchmarks_page(root: Path) -> str:
    """Return the page, in Markdown."""
    return "\n".join([_START, *_parts(root / "benchmarks")])


def _parts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.py")):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if said is not None:
            yield f"## {path.stem}\n\n{as_markdown(said)}\n"
