"""Minute values in place of levels by the second, where there is no room for all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import log10
from typing import Final

from sensor.contract.messages import BAND_CENTRES, Absent, Flag, LevelBatch, Spectrum, draft

MINUTE_S: Final = 60
_MOST_MINUTES: Final = 60
_TOLERANCE_S: Final = 0.5
"""How far the beginning of a minute may lie from where its place in the batch says."""


@dataclass(frozen=True, slots=True)
class _Minute:
    """One value of each kind for up to a minute of a batch."""

    batch: LevelBatch
    start: datetime
    seconds: int
    laeq_db: float | None
    lafmax_db: float | None
    lceq_db: float | None


def can_be_thinned(batch: LevelBatch) -> bool:
    """Whether minute values would be fewer than what the batch has."""
    return batch.interval_s * 2 <= MINUTE_S and len(batch.laeq_db) > 1


def thinned(batches: Sequence[LevelBatch]) -> list[LevelBatch]:
    """Return minute values in place of `batches`, which are in order of time.

    LAeq and LCeq are means of energy over what was valid, LAFmax the greatest; a minute of which
    less than half was valid has none. LCpeak and the spectrum hold for a whole message as before;
    the percentiles cannot be combined and are missing. What is left over at the end of a batch
    that has no whole number of minutes becomes a message of its own, with its own `interval_s`,
    so that no second is counted twice or never.
    """
    minutes = [minute for batch in batches for minute in _minutes(batch)]
    return [_message(group) for group in _groups(minutes)]


def absent(hashes: Sequence[tuple[int, str]]) -> tuple[Absent, ...]:
    """Return numbers in order, each with the hash of its message, as the contract has them."""
    cuts = [i for i, ((a, _), (b, _)) in enumerate(pairwise(hashes), start=1) if b != a + 1]
    edges = [0, *cuts, len(hashes)]
    return tuple(
        Absent(
            first=hashes[start][0],
            last=hashes[end - 1][0],
            sha256=tuple(sha256 for _, sha256 in hashes[start:end]),
        )
        for start, end in pairwise(edges)
    )


def _minutes(batch: LevelBatch) -> Iterator[_Minute]:
    count = MINUTE_S // batch.interval_s
    for first in range(0, len(batch.laeq_db), count):
        part = slice(first, first + count)
        yield _Minute(
            batch=batch,
            start=batch.start + timedelta(seconds=first * batch.interval_s),
            seconds=len(batch.laeq_db[part]) * batch.interval_s,
            laeq_db=_mean_db(batch.laeq_db[part]),
            lafmax_db=_greatest(batch.lafmax_db[part]),
            lceq_db=_mean_db(batch.lceq_db[part]),
        )


def _groups(minutes: Sequence[_Minute]) -> Iterator[list[_Minute]]:
    group: list[_Minute] = []
    for minute in minutes:
        if group and not _continues(group, minute):
            yield group
            group = []
        group.append(minute)
    if group:
        yield group


def _continues(group: Sequence[_Minute], minute: _Minute) -> bool:
    first = group[0]
    expected = first.start + timedelta(seconds=first.seconds * len(group))
    return (
        minute.seconds == first.seconds
        and len(group) < _MOST_MINUTES
        and abs((minute.start - expected).total_seconds()) <= _TOLERANCE_S
        and ("simulated" in minute.batch.flags) == ("simulated" in first.batch.flags)
    )


def _message(group: Sequence[_Minute]) -> LevelBatch:
    batches = list({id(minute.batch): minute.batch for minute in group}.values())
    flags: set[Flag] = {flag for batch in batches for flag in batch.flags}
    peaks = [batch.lcpeak_db for batch in batches]
    return LevelBatch(
        **draft(batches[-1].node),
        start=group[0].start,
        interval_s=group[0].seconds,
        laeq_db=tuple(minute.laeq_db for minute in group),
        lafmax_db=tuple(minute.lafmax_db for minute in group),
        lceq_db=tuple(minute.lceq_db for minute in group),
        laf10_db=None,
        laf50_db=None,
        laf90_db=None,
        lcpeak_db=max((peak for peak in peaks if peak is not None), default=None),
        bands_db=_mean_spectrum(batches),
        flags=tuple(sorted(flags | {"thinned"})),
    )


def _mean_spectrum(batches: Sequence[LevelBatch]) -> Spectrum | None:
    spectra = [(batch.bands_db, len(batch.laeq_db)) for batch in batches if batch.bands_db]
    names = [name for name in BAND_CENTRES if any(name in bands for bands, _ in spectra)]
    if not names:
        return None
    return {name: _mean_of([(bands.get(name), n) for bands, n in spectra]) for name in names}


def _mean_db(levels_db: Sequence[float | None]) -> float | None:
    valid = [(level, 1) for level in levels_db if level is not None]
    return _mean_of(valid) if 2 * len(valid) >= len(levels_db) else None


def _mean_of(weighted_db: Sequence[tuple[float | None, int]]) -> float | None:
    energies = [(10 ** (level / 10), weight) for level, weight in weighted_db if level is not None]
    total = sum(weight for _, weight in energies)
    if not total:
        return None
    return round(10 * log10(sum(energy * weight for energy, weight in energies) / total), 1)


def _greatest(levels_db: Sequence[float | None]) -> float | None:
    valid = [level for level in levels_db if level is not None]
    return max(valid) if valid and 2 * len(valid) >= len(levels_db) else None
