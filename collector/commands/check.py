"""``skolro collector check``: is the whole ledger what the nodes signed?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from collector.check import LedgerCheck, NodeCheck
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, printable
from collector.commands.progress import progress_bar

STATUS_DOES_NOT_HOLD = 1
_MOST_TOLD = 5


def check(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Verify every message, every chain and what lists show of them; nothing is changed.

    Ends with status 1 if something does not hold.
    """
    with opened(config) as collector, progress_bar("Verifying") as told:
        found = collector.ledger.check(told)
    if as_json:
        print_json(_as_dict(found))
    else:
        for line in described(found):
            typer.echo(printable(line))
    if not found.holds:
        raise typer.Exit(STATUS_DOES_NOT_HOLD)


def described(found: LedgerCheck) -> list[str]:
    """Return what was found in sentences for people."""
    lines = [line for node in found.nodes for line in _of_node(node)]
    if found.missing_positions:
        lines.append(
            f"The ledger: {found.missing_positions} messages were removed from it; "
            "restore a backup."
        )
    lines += [f"The database is damaged: {text}; restore a backup." for text in found.damage]
    count = f"{found.messages} messages of {len(found.nodes)} nodes"
    lines.append(f"{count}: all holds." if found.holds else f"{count}: not all holds, see above.")
    return lines


def _of_node(node: NodeCheck) -> list[str]:
    chain = node.chain
    facts = [f"{chain.messages} messages up to number {chain.highest_seq}"]
    if chain.pruned:
        facts.append(f"{chain.pruned} pruned")
    if node.replays:
        facts.append(f"{node.replays} came again, which is harmless")
    if node.holds:
        facts.append("all holds")
    lines = [f"{node.node}: {', '.join(facts)}."]
    if chain.missing:
        lines.append(f"  gaps: {chain.missing} messages are missing: {_stretches(chain.gaps)}.")
    if chain.broken:
        numbers = _listed([str(seq) for seq in chain.breaks], chain.broken)
        lines.append(f"  breaks: {numbers} do not follow from the message before.")
    if node.forks:
        lines.append(
            f"  forks: {node.forks} messages with a number that another one has; "
            "see skolro collector quarantine list."
        )
    if node.faulty:
        lines.append(f"  faults: {node.faulty} messages are not what the node signed:")
        lines += [f"    {text}." for text in node.faults[:_MOST_TOLD]]
    # Lists made of messages that were changed would only hide that.
    sound = chain.holds and not node.faulty
    advice = "; skolro collector rebuild remakes them" if sound else ""
    return [*lines, *(f"  lists: {text}{advice}." for text in node.differences)]


def _stretches(gaps: list[tuple[int, int]]) -> str:
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in gaps]
    return _listed(texts, len(texts))


def _listed(texts: list[str], count: int) -> str:
    more = count - _MOST_TOLD
    return ", ".join(texts[:_MOST_TOLD]) + (f" and {more} more" if more > 0 else "")


def _as_dict(found: LedgerCheck) -> dict[str, Any]:
    return {
        "holds": found.holds,
        "messages": found.messages,
        "missing_positions": found.missing_positions,
        "damage": list(found.damage),
        "nodes": [{**asdict(node), "holds": node.holds} for node in found.nodes],
    }
