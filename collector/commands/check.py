"""``skolro collector check``: is the whole ledger what the nodes signed?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import typer

from collector.check.check import LedgerCheck, NodeCheck
from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, printable
from collector.commands.progress import progress_bar
from collector.commands.wording import some, verb

STATUS_DOES_NOT_HOLD = 1
_MOST_TOLD = 5
_ADVICE: Final = "; skolro collector rebuild remakes them"


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
            f"The ledger: {some(found.missing_positions, 'message')} "
            f"{verb(found.missing_positions, 'was', 'were')} removed from it; "
            "restore a backup."
        )
    advice = _ADVICE if all(_sound(node) for node in found.nodes) else ""
    lines += [f"Lists by site: {text}{advice}." for text in found.differences]
    lines += [f"The database is damaged: {text}; restore a backup." for text in found.damage]
    count = f"{some(found.messages, 'message')} of {some(len(found.nodes), 'node')}"
    lines.append(f"{count}: all holds." if found.holds else f"{count}: not all holds, see above.")
    return lines


def _of_node(node: NodeCheck) -> list[str]:
    chain = node.chain
    lines = [f"{node.node}: {', '.join(_facts(node))}."]
    if chain.missing:
        lines.append(
            f"  gaps: {some(chain.missing, 'message')} {verb(chain.missing, 'is', 'are')} missing: "
            f"{_stretches(chain.gaps)}."
        )
    if chain.broken:
        numbers = _listed([str(seq) for seq in chain.breaks], chain.broken)
        does = verb(chain.broken, "does", "do")
        lines.append(f"  breaks: {numbers} {does} not follow from the message before.")
    if node.forks:
        lines.append(
            f"  forks: {some(node.forks, 'message')} with a number that another one has; "
            "see skolro collector quarantine list."
        )
    if node.faulty:
        are = verb(node.faulty, "is", "are")
        lines.append(f"  faults: {some(node.faulty, 'message')} {are} not what the node signed:")
        lines += [f"    {text}." for text in node.faults[:_MOST_TOLD]]
    advice = _ADVICE if _sound(node) else ""
    return [*lines, *(f"  lists: {text}{advice}." for text in node.differences)]


def _sound(node: NodeCheck) -> bool:
    # Lists made of messages that were changed would only hide that.
    return node.chain.holds and not node.faulty


def _facts(node: NodeCheck) -> list[str]:
    chain = node.chain
    told = {
        "pruned": chain.pruned,
        "thinned to minute values by the node": chain.thinned,
        "lost, as the node says": chain.lost,
        "accepted to be missing": chain.accepted,
        "came again, which is harmless": node.replays,
    }
    counted = [f"{count} {what}" for what, count in told.items() if count]
    all_holds = ["all holds"] if node.holds else []
    messages = some(chain.messages, "message")
    return [f"{messages} up to number {chain.highest_seq}", *counted, *all_holds]


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
        "differences": list(found.differences),
        "missing_positions": found.missing_positions,
        "damage": list(found.damage),
        "nodes": [{**asdict(node), "holds": node.holds} for node in found.nodes],
    }
