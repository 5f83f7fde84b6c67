"""``skolro site list``: the places where nodes measure."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.registry.registry import Inventory, Site


def site_list(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List the sites with the nodes that hang there now."""
    with opened(config) as collector:
        inventory = collector.registry.inventory()
    if as_json:
        sites = inventory.sites.values()
        print_json([{**asdict(site), "nodes": _nodes(inventory, site)} for site in sites])
        return
    print_table(
        ("Site", "Name", "Municipality", "Latitude", "Longitude", "Nodes", "Note"),
        [_row(inventory, site) for site in inventory.sites.values()],
        "No site is registered: add one with skolro site add.",
    )


def _nodes(inventory: Inventory, site: Site) -> list[str]:
    return [node for node in inventory.nodes if inventory.site_of(node) == site]


def _row(inventory: Inventory, site: Site) -> list[str]:
    place = ["–" if value is None else f"{value:.5f}" for value in (site.latitude, site.longitude)]
    nodes = ", ".join(_nodes(inventory, site)) or "–"
    return [site.id, site.name, site.municipality, *place, nodes, site.note]
