"""``skolro evidence method``: what a site's levels and speeds may be off by, and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from collector.commands.opened import (
    ConfigOption,
    JsonOption,
    opened,
    print_json,
    print_table,
)
from collector.evidence.document.typeset import typeset_method
from collector.evidence.errors import EvidenceError
from collector.evidence.language import language as language_of
from collector.evidence.method import Method, described, method_of
from collector.evidence.uncertainty import Budget
from collector.writing import Code


def evidence_method(
    config: ConfigOption,
    site: Annotated[str, typer.Option("--site", help="Id of the site.")],
    pdf: Annotated[Path | None, typer.Option(help="Write it as a document, too.")] = None,
    language: Annotated[
        Code | None, typer.Option(help="Of what is told; as the page's unless told.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the uncertainty budgets (GUM) of a site as it is set up and was checked."""
    with opened(config) as collector:
        found = method_of(collector.engine, collector.registry.inventory(), site)
        words = language_of(language or collector.config.page.language)
    told = described(found, words)
    if pdf is not None:
        try:
            pdf.write_bytes(typeset_method(told))
        except OSError as error:
            raise EvidenceError(f"cannot write {pdf}: {error.strerror}") from error
    if as_json:
        print_json(_as_dict(found))
        return
    typer.echo(f"{told['title']}: {told['site']}, {told['as_of']}")
    for table in told["tables"]:
        typer.echo(f"\n{table['title']}")
        sums = [[*one, ""] for one in table["sums"]]
        print_table(told["head"], [*table["rows"], *sums], "")
    typer.echo("")
    for line in told["notes"]:
        typer.echo(line)


def _as_dict(method: Method) -> dict[str, object]:
    budgets: list[tuple[str, str | None, int | None, Budget]]
    budgets = [("levels", None, None, method.levels)]
    budgets += [("speeds", *where, one) for where, one in method.speeds.items()]
    return {
        "site": method.registry.site.id,
        "at": method.at,
        "budgets": [
            {
                "of": what,
                "node": node,
                "direction": direction,
                "unit": budget.unit,
                "contributions": [asdict(one) for one in budget.contributions],
                "combined": budget.combined,
                "expanded": budget.expanded,
            }
            for what, node, direction, budget in budgets
        ],
    }
