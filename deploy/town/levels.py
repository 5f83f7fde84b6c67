"""Simulated levels: the street's background minute by minute, with the events in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from deploy.town.clock import BoolArray, Clock, FloatArray
from deploy.town.hearing import Detection
from deploy.town.outages import MINUTES
from deploy.town.spectrum import spectrum
from sensor.contract.messages import Flag, LevelBatch, draft

INTERVAL_S = 60

# LAF90 by local hour on a day with traffic, typical of a street with a school.
_LAF90_DB = np.array(
    [
        36,
        35,
        35,
        35,
        36,
        39,
        43,
        47,
        48,
        47,
        46,
        46,
        47,
        47,
        47,
        48,
        48,
        47,
        46,
        44,
        43,
        41,
        39,
        37,
    ],
    dtype=np.float64,
)
# Schoolyard breaks in minutes of the local day.
_BREAKS = ((9 * 60 + 40, 10 * 60), (11 * 60 + 20, 12 * 60 + 10), (13 * 60 + 40, 13 * 60 + 55))
# LCeq lies 8 dB over LAeq: engines and music sound low.
_C_OVER_A_DB = 8.0
_LOW_SHARE = 10.0 ** (_C_OVER_A_DB / 10.0)


@dataclass(frozen=True, slots=True)
class Background:
    """The street without events; all arrays have one value a minute.

    Attributes
    ----------
    laf90_db, laeq_db : ndarray
    valid : ndarray of bool
        Whether the node measured.
    """

    laf90_db: FloatArray
    laeq_db: FloatArray
    valid: BoolArray


def background(when: Clock, valid: BoolArray, rng: np.random.Generator) -> Background:
    """Background of a node that measured in the `valid` minutes of the hours `when`."""
    minutes = len(when) * MINUTES
    hourly = _LAF90_DB[when.hour_of_day]
    early = (when.weekday >= 5) & (when.hour_of_day >= 5) & (when.hour_of_day <= 8)
    hourly = hourly + when.rain_db - 3.0 * early + rng.normal(0.0, 0.8, len(when))
    laf90 = np.interp(np.arange(minutes) / MINUTES, np.arange(len(when)) + 0.5, hourly)
    laf90 += _reddened(rng, minutes, 0.7)
    play = _play(when)
    laf90 += 4.0 * play
    traffic_db = 2.0 + np.abs(_reddened(rng, minutes, 1.6)) + play * rng.uniform(5.0, 9.0, minutes)
    return Background(laf90, laf90 + traffic_db, valid)


def _reddened(rng: np.random.Generator, count: int, spread: float) -> FloatArray:
    """Noise that forgets half of itself in two minutes."""
    memory = 0.7
    white = rng.normal(0.0, spread * np.sqrt(1.0 - memory**2), count)
    return np.asarray(lfilter([1.0], [1.0, -memory], white), dtype=np.float64)


def _play(when: Clock) -> BoolArray:
    minute = (when.hour_of_day[:, np.newaxis] * MINUTES + np.arange(MINUTES)).ravel()
    break_time = np.any([(minute >= begin) & (minute < end) for begin, end in _BREAKS], axis=0)
    indoors = np.repeat(when.rain_db > 3.0, MINUTES)
    return np.asarray(np.repeat(when.school, MINUTES) & break_time & ~indoors, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Levels:
    """LAeq, LAFmax and LCeq of every minute, events included."""

    laeq_db: FloatArray
    lafmax_db: FloatArray
    lceq_db: FloatArray


def levels(street: Background, events: list[Detection], rng: np.random.Generator) -> Levels:
    """Add the energy and the maxima of `events` to the background."""
    count = len(street.laeq_db)
    laeq_energy = 10.0 ** (street.laeq_db / 10.0)
    lafmax = street.laeq_db + 3.0 + rng.gamma(2.0, 1.5, count)
    low_energy = np.zeros(count)
    for event in events:
        minute = ((event.start_s + np.arange(len(event.trace_db))) // INTERVAL_S).astype(np.int64)
        power = 10.0 ** (event.trace_db / 10.0)
        share = 10.0 ** (event.lae_db / 10.0) * power / power.sum() / INTERVAL_S
        np.add.at(laeq_energy, minute, share)
        np.add.at(low_energy, minute, share * _LOW_SHARE)
        np.maximum.at(lafmax, minute, event.trace_db)
    lceq = street.laeq_db + _C_OVER_A_DB + rng.normal(0.0, 1.2, count)
    laeq = 10.0 * np.log10(laeq_energy)
    lceq = 10.0 * np.log10(10.0 ** (lceq / 10.0) + low_energy)
    rows = np.round([laeq, np.maximum(lafmax, laeq), lceq], 1)
    return Levels(rows[0], rows[1], rows[2])


def weather_flags(when: Clock, hour: int) -> tuple[Flag, ...]:
    """What the weather of an hour casts doubt on."""
    rain: tuple[Flag, ...] = ("rain_suspected",) if when.rain_db[hour] > 4.0 else ()
    wind: tuple[Flag, ...] = ("wind_suspected",) if when.wind[hour] else ()
    return rain + wind


def batches(
    node: str,
    when: Clock,
    street: Background,
    measured: Levels,
    rng: np.random.Generator,
    end: datetime,
) -> Iterator[LevelBatch]:
    """One message an hour, none where nothing was measured; the last ends at `end`."""
    for hour in range(len(when)):
        start = when.start + timedelta(hours=hour)
        length = min(MINUTES, int((end - start).total_seconds()) // INTERVAL_S)
        minutes = slice(hour * MINUTES, hour * MINUTES + length)
        valid = street.valid[minutes]
        if not valid.any():
            continue
        flags: set[Flag] = {"simulated", *weather_flags(when, hour)}
        if not valid.all():
            flags.add("gap")
        laeq = measured.laeq_db[minutes]
        mean_db = float(10.0 * np.log10(np.mean(10.0 ** (laeq[valid] / 10.0))))
        quiet_db = street.laf90_db[minutes][valid]
        done = start + timedelta(seconds=length * INTERVAL_S + rng.uniform(0.2, 2.0))
        yield LevelBatch(
            **draft(node, done),
            start=start,
            interval_s=INTERVAL_S,
            laeq_db=_nullable(laeq, valid),
            lafmax_db=_nullable(measured.lafmax_db[minutes], valid),
            lceq_db=_nullable(measured.lceq_db[minutes], valid),
            laf10_db=_rounded(_percentile(laeq[valid], 0.9) + 1.5),
            laf50_db=_rounded(_percentile(quiet_db, 0.5) + 2.0),
            laf90_db=_rounded(_percentile(quiet_db, 0.25)),
            lcpeak_db=_rounded(measured.lafmax_db[minutes][valid].max() + rng.uniform(14.0, 20.0)),
            bands_db=spectrum(mean_db, "traffic", rng),
            flags=tuple(sorted(flags)),
        )


def _nullable(values: FloatArray, valid: NDArray[np.bool_]) -> tuple[float | None, ...]:
    return tuple(value if ok else None for value, ok in zip(values.tolist(), valid, strict=True))


def _percentile(values: FloatArray, share: float) -> float:
    # numpy's own costs more than all the rest of an hour.
    return float(np.sort(values)[round(share * (len(values) - 1))])


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 1)
