"""``skolro collector gap accept``: a gap that will never be filled."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.commands.wording import some, verb


def gap_accept(
    node: Annotated[str, typer.Argument(help="Id of the node.")],
    first: Annotated[int, typer.Argument(metavar="FROM", min=1, help="First missing number.")],
    last: Annotated[int, typer.Argument(metavar="TO", min=1, help="Last missing number.")],
    reason: Annotated[str, typer.Option(help="Why they will never come; kept for good.")],
    config: ConfigOption,
) -> None:
    """Wait no longer for messages that will never come; what comes after all is still stored.

    This cannot be taken back, and every check tells of it. A node that has its outbox says by
    itself what it has lost: accept only what no node can tell of any more.
    """
    with opened(config) as collector:
        acked = collector.ledger.accept_gap(node, first, last, reason)
    count = last - first + 1
    typer.echo(
        f"{some(count, 'message')} of {node} {verb(count, 'is', 'are')} waited for no longer; "
        f"its messages up to number {acked} are accounted for."
    )
