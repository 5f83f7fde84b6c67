"""``skolro site limit list``: which speeds are allowed at a site."""

from __future__ import annotations

from dataclasses import asdict

from collector.commands.opened import ConfigOption, JsonOption, opened, print_json, print_table
from collector.commands.pattern_options import SiteOption
from collector.registry.inventory import WEEKDAYS


def site_limit_list(site: SiteOption, config: ConfigOption, as_json: JsonOption = False) -> None:
    """List a site's posted limits in the order in which they began."""
    with opened(config) as collector:
        collector.registry.site(site)
        limits = sorted(collector.registry.speed_limits(site), key=lambda one: one.since)
        rows = [
            [
                f"{one.kmh:g}",
                ", ".join(WEEKDAYS[day - 1] for day in one.weekdays),
                f"{one.from_time}–{one.to_time}",
                collector.local(one.since),
                one.source,
            ]
            for one in limits
        ]
    if as_json:
        print_json([asdict(one) for one in limits])
        return
    print_table(
        ("km/h", "Days", "Hours", "Since", "Source"),
        rows,
        "No limit is known: add one with skolro site limit add.",
    )
