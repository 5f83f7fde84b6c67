"""Levels beside guideline values, speeds over some weeks, and spectra by the hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from collector.analysis.episodes import Pass
from collector.analysis.guidelines import Comparison
from collector.analysis.spectrum import mean_spectrum
from collector.analysis.speed import speed_figures
from collector.figures.happenings import speed_values
from collector.figures.patterns import PERIODS_WEEKS
from collector.figures.writing import known, point
from collector.ledger.ledger import Ledger
from collector.outputs.derived import GUIDELINE_COMPARISON, SPECTRUM_1H, SPEED_FIGURES
from collector.outputs.line_protocol import FieldValue
from collector.outputs.periods import hour_of, origin_tag, site_tag
from collector.pattern_answers import Period, beside_guidelines, levels_by_node
from collector.pattern_tables import passes_of_site, speeds_of
from collector.registry.inventory import Guideline, Inventory, Site
from sensor.contract.messages import LevelBatch

_HOUR: Final = timedelta(hours=1)
_VERDICTS: Final = {True: "above", False: "not_above", None: "unknown"}


def speed_lines(
    inventory: Inventory, site: Site, passes: Sequence[Pass], now: datetime, *, simulated: bool
) -> Iterator[str]:
    """How fast the `passes` of the last year at a site were, over each of the usual periods."""
    for weeks, chosen in _periods(passes, now):
        table = speeds_of(chosen, inventory, site)
        if len(table):
            values = {"passes": len(table), **speed_values(speed_figures(table))}
            yield from point(SPEED_FIGURES, (site.id, origin_tag(simulated), str(weeks)), values)


def comparison_lines(
    ledger: Ledger,
    inventory: Inventory,
    site: Site,
    passes: Sequence[Pass],
    now: datetime,
    *,
    simulated: bool,
) -> Iterator[str]:
    """What each node of a site measured beside the guideline values, over the usual periods."""
    guidelines = [one for one in inventory.guidelines if one.site == site.id]
    if not guidelines:
        return
    for weeks, chosen in _periods(passes, now):
        period = Period(now - timedelta(weeks=weeks), now, simulated)
        for node, hours in levels_by_node(ledger, site.id, period).items():
            for guideline, found in beside_guidelines(
                guidelines, site, period, node, hours, chosen
            ):
                tags = (site.id, node, origin_tag(simulated), found.quantity, str(weeks))
                yield from point(GUIDELINE_COMPARISON, tags, _compared(guideline, found))


def year_of_passes(ledger: Ledger, site: Site, now: datetime, *, simulated: bool) -> list[Pass]:
    """Passes at a site within the longest of the usual periods."""
    start = now - timedelta(weeks=max(PERIODS_WEEKS))
    return passes_of_site(ledger, site.id, start, now, simulated=simulated)


def spectrum_lines(
    ledger: Ledger, inventory: Inventory, node: str, hours: Iterable[datetime]
) -> Iterator[str]:
    """Mean spectrum of each of `hours` in which batches of `node` begin."""
    for first, end in _runs(sorted(set(hours))):
        batches = [
            stored.message
            for stored in ledger.messages(node, "levels", first, end)
            if isinstance(stored.message, LevelBatch)
        ]
        for (hour, simulated), group in groupby(
            sorted(batches, key=_hour_and_origin), key=_hour_and_origin
        ):
            site = site_tag(inventory, node, hour)
            bands = mean_spectrum((_valid_s(batch), batch.bands_db or {}) for batch in group)
            for band, mean in bands.items():
                tags = (site, node, origin_tag(simulated), band_tag(band))
                values = {"leq_db": mean.leq_db, "energy": mean.energy, "valid_s": mean.measured_s}
                yield from point(SPECTRUM_1H, tags, values, hour)


def band_tag(centre: str) -> str:
    """A band as a tag whose order as text is that of the frequencies: ``00031.5``."""
    whole, dot, rest = centre.partition(".")
    return f"{whole:>05}{dot}{rest}"


def _periods(passes: Sequence[Pass], now: datetime) -> Iterator[tuple[int, list[Pass]]]:
    for weeks in PERIODS_WEEKS:
        start = now - timedelta(weeks=weeks)
        yield weeks, [one for one in passes if one.start >= start]


def _compared(guideline: Guideline, found: Comparison) -> dict[str, FieldValue]:
    return {
        "value_db": found.value_db,
        "found": known(found.found),
        "allowed": found.allowed,
        "exceedances": found.exceedances,
        "of": found.of,
        "coverage": found.coverage,
        "verdict": _VERDICTS[found.exceeded],
        "source": guideline.source,
    }


def _hour_and_origin(batch: LevelBatch) -> tuple[datetime, bool]:
    return hour_of(batch.start), "simulated" in batch.flags


def _valid_s(batch: LevelBatch) -> float:
    return float(batch.interval_s * sum(level is not None for level in batch.laeq_db))


def _runs(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Join hours that follow each other to (first, end)."""
    first = end = None
    for hour in hours:
        if first is None or hour != end:
            if first is not None and end is not None:
                yield first, end
            first = hour
        end = hour + _HOUR
    if first is not None and end is not None:
        yield first, end
