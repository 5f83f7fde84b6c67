"""``skolro node show``: all that is known of one node."""

from __future__ import annotations

from typing import Any

import msgspec
import typer

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.ledger.commissionings import commissionings
from collector.registry.enrolments import Enrolments
from deploy.commands.node_options import NodeArgument
from sensor.contract.commissioning import STEPS


def node_show(node: NodeArgument, config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show where a node hung, its keys, its cards, and how it was commissioned."""
    with opened(config) as collector:
        known = collector.registry.node(node)
        placements = collector.registry.placements(node)
        keys = collector.registry.keys_of(node)
        cards = Enrolments(collector.engine, collector.registry).of(node)
        records = commissionings(collector.engine, node)
        if as_json:
            print_json(
                {
                    "node": known.id,
                    "note": known.note,
                    "placements": [_placement(one) for one in placements],
                    "keys": [
                        {"key": one.kid, "since": one.since, "revoked_at": one.revoked_at}
                        for one in keys
                    ],
                    "cards": cards,
                    "commissionings": [msgspec.to_builtins(one) for one in records],
                }
            )
            return
        if known.note:
            typer.echo(known.note)
        print_table(
            ("Site", "From", "Until", "Place"),
            [
                (p.site, collector.local(p.since), collector.local(p.until), _told(p.geometry))
                for p in placements
            ],
            "It never hung anywhere.",
        )
        print_table(
            ("Key", "From", "Revoked"),
            [(k.kid, collector.local(k.since), collector.local(k.revoked_at)) for k in keys],
            "It has no key yet: its card has not been used.",
        )
        print_table(
            ("Card written", "Good until", "Used", "By key"),
            [
                (
                    collector.local(c.opened_at),
                    collector.local(c.expires_at),
                    collector.local(c.used_at),
                    c.kid or "–",
                )
                for c in cards
            ],
            "No card was written for it.",
        )

        print_table(
            ("Commissioned", "By", "Checked", "Left out", "Open points", "Message"),
            [
                (
                    collector.local(one.time),
                    ", ".join(part for part in (one.technician, one.organisation) if part),
                    ", ".join(step for step in STEPS if one.findings.is_done(step)) or "–",
                    ", ".join(left.step for left in one.findings.left_out) or "–",
                    ", ".join(one.open_points) or "none",
                    str(one.seq),
                )
                for one in records
            ],
            "It was never commissioned: skolro sensor commission, on the node.",
        )


def _placement(one: Any) -> dict[str, Any]:
    return {
        "site": one.site,
        "since": one.since,
        "until": one.until,
        "geometry": dict(one.geometry),
    }


def _told(geometry: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in geometry.items()) or "–"
