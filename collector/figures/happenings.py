"""Episodes, and what each day and week of a site came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from collector.analysis.episodes import RULES, Episode
from collector.analysis.hours import SiteHours, hour_at
from collector.analysis.speed import SpeedFigures, speed_figures
from collector.analysis.weeks import week_count
from collector.figures.writing import DAY, known, local_day, midnight, milliseconds, point
from collector.ledger.days import DAY as LEDGER_DAY
from collector.ledger.ledger import Ledger
from collector.outputs.derived import EPISODE, SITE_DAY, SITE_WEEK, SOURCE_WEEK
from collector.outputs.line_protocol import FieldValue
from collector.outputs.output import Stretch
from collector.outputs.periods import origin_tag, weekday_and_hour
from collector.pattern_tables import episodes_by_site, hours_of_sites, passes_of_site, speeds_of
from collector.registry.inventory import Inventory, Site

_ROUTE: Final = timedelta(seconds=RULES.route_s)


def episode_stretch(
    ledger: Ledger, inventory: Inventory, begins: datetime, *, simulated: bool
) -> Stretch:
    """The episodes of all sites that began in the ledger's day from `begins` on."""
    end = begins + LEDGER_DAY
    # Neighbours take part from outside of the day, too.
    found = episodes_by_site(ledger, begins - _ROUTE, end + _ROUTE, simulated=simulated)
    lines = tuple(
        line
        for site, episodes in found.items()
        for one in episodes
        if begins <= one.start < end
        for line in _episode_lines(one, inventory.sites[site], simulated)
    )
    tags = {"origin": origin_tag(simulated)}
    return Stretch(
        measurement=EPISODE, lines=lines, clear=True, tags=tags, start=begins, end=end
    )  # fmt: skip


def _episode_lines(one: Episode, site: Site, simulated: bool) -> Iterator[str]:
    numbers: dict[str, float] = {}
    for reason in one.reasons:
        numbers |= {f"{reason.code}.{name}": value for name, value in reason.numbers.items()}
    neighbours = [name for reason in one.reasons for name in reason.sites]
    values: dict[str, FieldValue] = {
        "start_ms": milliseconds(one.start),
        "end_ms": milliseconds(one.end),
        "duration_s": (one.end - one.start).total_seconds(),
        "passes": one.passes,
        "unconfirmed": one.unconfirmed,
        "lafmax_db": one.lafmax_db,
        "speed_kmh": one.speed_kmh,
        "reasons": " ".join(reason.code for reason in one.reasons),
        "visits": numbers.get("repeated_passes.visits"),
        "within_minutes": numbers.get("repeated_passes.within_minutes"),
        "turns": numbers.get("both_directions.turns"),
        "vehicles": numbers.get("several_vehicles.vehicles"),
        "revving_s": numbers.get("revving.seconds"),
        "neighbours": " ".join(neighbours) or None,
        **weekday_and_hour(one.start, site.time_zone),
    }
    yield from point(EPISODE, (site.id, origin_tag(simulated)), values, one.start)


def day_lines(
    tables: Mapping[str, SiteHours], inventory: Inventory, day: date, *, simulated: bool
) -> Iterator[str]:
    """What each site counted on a local day; nothing where nothing is known of it."""
    for site_id, table in tables.items():
        zone = ZoneInfo(inventory.sites[site_id].time_zone)
        begin, end = midnight(day, zone), midnight(day + DAY, zone)
        rows = table.between(hour_at(begin), hour_at(end))
        if len(rows):
            values = {**_counts(rows), "measured_s": float(rows.measured_s.sum())}
            yield from point(SITE_DAY, (site_id, origin_tag(simulated)), values, begin)


def week_lines(
    ledger: Ledger, inventory: Inventory, site: Site, monday: date, *, simulated: bool
) -> Iterator[str]:
    """What a site counted in the local week that begins on `monday`, and how fast it was."""
    zone = ZoneInfo(site.time_zone)
    begin, end = midnight(monday, zone), midnight(monday + 7 * DAY, zone)
    tables = hours_of_sites(ledger, site=site.id, start=begin, end=end, simulated=simulated)
    if site.id not in tables or not len(tables[site.id]):
        return
    rows = tables[site.id]
    found = week_count(rows, hour_at(begin), hour_at(end))
    passes = passes_of_site(ledger, site.id, begin, end, simulated=simulated)
    values: dict[str, FieldValue] = {
        **_counts(rows),
        "measured_s": float(found.measured_s),
        "episodes_a_week": known(found.a_week.value),
        "episodes_a_week_low": known(found.a_week.low),
        "episodes_a_week_high": known(found.a_week.high),
        **speed_values(speed_figures(speeds_of(passes, inventory, site))),
    }
    yield from point(SITE_WEEK, (site.id, origin_tag(simulated)), values, begin)


def source_lines(ledger: Ledger, site: Site, monday: date, *, simulated: bool) -> Iterator[str]:
    """How many events of each kind of source a site had in the local week from `monday` on."""
    zone = ZoneInfo(site.time_zone)
    begin, end = midnight(monday, zone), midnight(monday + 7 * DAY, zone)
    heard = ledger.heard(site.id, begin, end, simulated=simulated)
    for source, count in sorted(Counter(event.source for event in heard).items()):
        tags = (site.id, origin_tag(simulated), source)
        yield from point(SOURCE_WEEK, tags, {"events": count}, begin)


def speed_values(figures: SpeedFigures) -> dict[str, FieldValue]:
    """The fields that say how fast passes were."""
    over, over_30 = figures.over_limit, figures.over_30
    return {
        "speeds": figures.measured,
        "speeds_refused": sum(figures.refused.values()),
        "v50_kmh": known(figures.v50_kmh.value),
        "v50_low_kmh": known(figures.v50_kmh.low),
        "v50_high_kmh": known(figures.v50_kmh.high),
        "v85_kmh": known(figures.v85_kmh.value),
        "v85_low_kmh": known(figures.v85_kmh.low),
        "v85_high_kmh": known(figures.v85_kmh.high),
        "uncertainty_kmh": known(figures.uncertainty_kmh),
        "over_limit": over.count,
        "over_limit_of": over.of,
        "over_limit_share": known(over.share),
        "over_limit_low": known(over.low),
        "over_limit_high": known(over.high),
        "over_30": over_30.count,
        "over_30_share": known(over_30.share),
    }


def local_days(begins: datetime, zone: ZoneInfo) -> set[date]:
    """The local days that the ledger's day from `begins` on touches."""
    return {local_day(begins, zone), local_day(begins + LEDGER_DAY - timedelta(seconds=1), zone)}


def _counts(rows: SiteHours) -> dict[str, FieldValue]:
    return {
        "episodes": int(rows.episodes.sum()),
        "passes": int(rows.events.sum()),
        "unconfirmed": int(rows.unconfirmed.sum()),
    }
