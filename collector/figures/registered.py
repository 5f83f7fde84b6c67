"""What the registry says, as points: sites, guideline values day by day, and patrols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from collector.analysis.hours import SiteHours, time_of
from collector.figures.writing import DAY, local_day, midnight, milliseconds, point
from collector.outputs.derived import GUIDELINE, PATROL, SITE
from collector.outputs.line_protocol import FieldValue
from collector.outputs.output import Stretch
from collector.registry.inventory import Inventory


def site_stretch(inventory: Inventory, municipality: str) -> Stretch:
    """All sites; one that names no municipality is in `municipality`."""
    lines: list[str] = []
    for site in inventory.sites.values():
        tags = (site.id, site.municipality or municipality, f"{site.name} [{site.id}]")
        values: dict[str, FieldValue] = {
            "name": site.name,
            "latitude": site.latitude,
            "longitude": site.longitude,
            "note": site.note,
        }
        lines += point(SITE, tags, values)
    return Stretch(measurement=SITE, lines=tuple(lines), clear=True)


def patrol_stretch(inventory: Inventory) -> Stretch:
    """All patrols that are logged."""
    lines: list[str] = []
    for one in inventory.patrols:
        values: dict[str, FieldValue] = {
            "id": one.id,
            "end_ms": milliseconds(one.end),
            "duration_s": (one.end - one.start).total_seconds(),
            "note": one.note,
        }
        lines += point(PATROL, (one.site,), values, one.start, (one.id or 0) % 1000)
    return Stretch(measurement=PATROL, lines=tuple(lines), clear=True)


def guideline_stretches(
    inventory: Inventory, tables: Mapping[str, SiteHours], now: datetime
) -> Iterator[Stretch]:
    """The guideline values of each site, a point a local day, so that they can be drawn as lines.

    From the first day in `tables` on to tomorrow.
    """
    yield Stretch(measurement=GUIDELINE, lines=(), clear=True)
    for site_id, table in tables.items():
        if not len(table):
            continue
        zone = ZoneInfo(inventory.sites[site_id].time_zone)
        values = [one for one in inventory.guidelines if one.site == site_id]
        lines: list[str] = []
        day, last = local_day(time_of(int(table.hour[0])), zone), local_day(now, zone) + DAY
        while values and day <= last:
            for one in values:
                fields: dict[str, FieldValue] = {"value_db": one.value_db, "source": one.source}
                lines += point(GUIDELINE, (site_id, one.quantity), fields, midnight(day, zone))
            day += DAY
        yield Stretch(measurement=GUIDELINE, lines=tuple(lines))
