"""``skolro site guideline list``: what a site's levels are compared with."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import SiteOption


def site_guideline_list(
    site: SiteOption, config: ConfigOption, as_json: JsonOption = False
) -> None:
    """List a site's guideline values with their sources."""
    with opened(config) as collector:
        collector.registry.site(site)
        guidelines = collector.registry.guidelines(site)
    if as_json:
        print_json([asdict(one) for one in guidelines])
        return
    print_table(
        ("Quantity", "dB", "Source", "Note"),
        [[one.quantity, f"{one.value_db:g}", one.source, one.note] for one in guidelines],
        "No guideline value is known: give one with skolro site guideline set.",
    )
