"""Drawings that show why a speed was given, or refused."""

from __future__ import annotations

import numpy as np
from scipy.signal import spectrogram

from sensor.passby.delays import DelayMap, delays_of_s
from sensor.passby.doppler import Harmonic
from sensor.passby.geometry import FloatArray, heard
from sensor.passby.harmonics import log_drift
from sensor.passby.results import Analysis, SpeedEstimate
from sensor.svg import Figure

_WIDTH, _PANEL = 760, 210
_LEFT, _INNER = 70, 660
_TOP, _GAP = 62, 82
_HIGHEST_HZ = 2000.0
_RANGE_DB = 45.0
_FRAME_S = 0.085
_TRACK_COLOUR = "#56b4e9"
_ORDERS = (1, 2, 4, 8)


def speed_figure(sound: FloatArray, sample_rate: int, analysis: Analysis, title: str) -> Figure:
    """Spectrogram, delays and engine rate of `sound`, shape (frames, channels), with the fits.

    Panels are left out where there is nothing to show.
    """
    panels = [_draw_spectrogram]
    if analysis.delays is not None:
        panels.append(_draw_delays)
    if analysis.rates is not None:
        panels.append(_draw_rates)
    height = _TOP + len(panels) * (_PANEL + _GAP) - 20
    figure = Figure(_WIDTH, height, f"{title}: {_summary(analysis)}")
    for index, draw in enumerate(panels):
        draw(figure, _TOP + index * (_PANEL + _GAP), sound, sample_rate, analysis)
    return figure


def _summary(analysis: Analysis) -> str:
    outcome = analysis.outcome
    if not isinstance(outcome, SpeedEstimate):
        return f"no speed ({outcome.reason})"
    interval = f"{outcome.low_kmh:.0f} to {outcome.high_kmh:.0f}"
    return f"{outcome.speed_kmh:.1f} km/h (95 %: {interval}), {outcome.method}"


def _times(sound: FloatArray, sample_rate: int, analysis: Analysis) -> tuple[float, float]:
    first_s, last_s = 0.0, sound.shape[0] / sample_rate
    if analysis.delays is not None:
        first_s = analysis.begin_s
        last_s = analysis.begin_s + float(analysis.delays.time_s[-1])
    return first_s, last_s


def _draw_spectrogram(
    figure: Figure, top: float, sound: FloatArray, sample_rate: int, analysis: Analysis
) -> None:
    limits = _times(sound, sample_rate, analysis)
    size = int(_FRAME_S * sample_rate)
    hz, time_s, power = spectrogram(
        sound[:, 0], sample_rate, nperseg=size, noverlap=size * 3 // 4, scaling="spectrum"
    )
    use, seen = hz <= _HIGHEST_HZ, (time_s >= limits[0]) & (time_s <= limits[1])
    level_db = 10.0 * np.log10(power[use][:, seen] + 1e-14)
    loudest_db = float(np.quantile(level_db, 0.999))
    axes = figure.axes(_LEFT, top, _INNER, _PANEL, x=limits, y=(0.0, _HIGHEST_HZ))
    axes.labels("time / s", "frequency / Hz")
    axes.image(level_db, low=loudest_db - _RANGE_DB, high=loudest_db)
    if analysis.engine is None:
        return
    grid_s = np.linspace(0.0, limits[1] - analysis.begin_s, 300)
    heard_hz = np.exp(analysis.engine.log_hz) * (1.0 + _change(analysis.engine, grid_s, analysis))
    for order in _ORDERS:
        label = "harmonics as fitted" if order == 1 else ""
        axes.line(
            grid_s + analysis.begin_s,
            order * heard_hz,
            label=label,
            colour=_TRACK_COLOUR,
            width=1.0,
            dashes="5 5",
        )


def _draw_delays(
    figure: Figure, top: float, sound: FloatArray, sample_rate: int, analysis: Analysis
) -> None:
    delays = analysis.delays
    if delays is None:
        return
    limits = _times(sound, sample_rate, analysis)
    edge_ms = 1e3 * float(delays.delay_s[-1])
    axes = figure.axes(_LEFT, top, _INNER, _PANEL, x=limits, y=(-edge_ms, edge_ms))
    axes.labels("time / s", "delay of channel 1 / ms")
    axes.image(_each_time_alike(delays), low=0.0, high=1.0)
    fitted = analysis.stereo
    if fitted is None:
        return
    half_m = fitted.wheelbase_m / 2.0
    for ahead_m in sorted({half_m, -half_m}):
        track_s = delays_of_s(
            fitted.track.ahead(ahead_m), delays.time_s, analysis.geometry, fitted.yaw_rad
        )
        label = "" if ahead_m < 0 else "tracks of two axles" if half_m else "track"
        axes.line(
            delays.time_s + analysis.begin_s,
            1e3 * track_s,
            label=label,
            colour=_TRACK_COLOUR,
            dashes="6 4",
        )


def _each_time_alike(delays: DelayMap) -> FloatArray:
    """The map, transposed, each moment scaled to its own best delay."""
    best = np.maximum(delays.score.max(axis=1), 0.05 * float(delays.score.max()))
    return np.asarray(delays.score.T / np.maximum(best, 1e-12))


def _change(engine: Harmonic, heard_s: FloatArray, analysis: Analysis) -> FloatArray:
    """Fitted change of the heard rate against the engine's own when nearest, as a part of it."""
    state = heard(engine.track, heard_s, analysis.geometry.c_mps)
    drift = log_drift(engine.drift_per_s, state.emission_s)
    return np.asarray(np.exp(drift) / (1.0 + state.range_rate) - 1.0)


def _draw_rates(
    figure: Figure, top: float, sound: FloatArray, sample_rate: int, analysis: Analysis
) -> None:
    rates, engine = analysis.rates, analysis.engine
    if rates is None or engine is None:
        return
    fitted = _change(engine, rates.heard_s, analysis)
    measured = np.exp(rates.log_hz - engine.log_hz) - 1.0
    # Heard rate over the rate when nearest; a few unsure frames must not set the scale.
    sure = rates.sigma < 2.0 * float(np.median(rates.sigma)) + 1e-4
    spread = 100.0 * float(np.max(np.abs(np.concatenate((measured[sure], fitted)))))
    limits = _times(sound, sample_rate, analysis)
    axes = figure.axes(_LEFT, top, _INNER, _PANEL, x=limits, y=(-1.2 * spread, 1.2 * spread))
    axes.labels("time / s", "engine rate, change / %")
    time_s = rates.heard_s + analysis.begin_s
    axes.points(time_s, np.where(sure, 100.0 * measured, np.nan), label="as heard")
    axes.line(time_s, 100.0 * fitted, label="Doppler shift and drift as fitted")
