"""What a node's page says of its commissioning: while somebody works there, and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Literal

from collector.writing import NO_BREAK
from dashboards.briefing.language import Language
from sensor.contract.commissioning import (
    STEPS,
    CommissioningNow,
    Findings,
    Pass,
    Position,
    Step,
)
from sensor.contract.conclusions import mean_error_percent, open_points, step_of
from sensor.contract.messages import Commissioning, Live
from sensor.contract.words import open_point, step_name

State = Literal["open", "done", "point", "left_out"]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step: its name, how it stands, and what is to be said of it."""

    name: str
    state: State
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkView:
    """A commissioning that is under way, as the node tells of it.

    Attributes
    ----------
    channels : tuple of str
        The level of each channel right now.
    listening : str
        What the node waits for; empty: nothing.
    radar : str
        What the radar sees right now; empty: there is none.
    passes : tuple of str
        The latest vehicles, newest first.
    """

    technician: str
    begun_at: datetime
    channels: tuple[str, ...]
    listening: str
    radar: str
    passes: tuple[str, ...]
    steps: tuple[StepView, ...]
    signed_seq: int | None


def work_view(
    live: Live | None, t: Language, local: Callable[[datetime], datetime]
) -> WorkView | None:
    """Return what goes on at a node, in the page's time; None: nobody is at work there."""
    now = None if live is None else live.commissioning
    if not isinstance(now, CommissioningNow):
        return None
    return WorkView(
        technician=now.technician,
        begun_at=now.begun_at,
        channels=tuple(
            t.text("commissioning.overload")
            if one.overload
            else t.text("nodes.unmeasured")
            if one.laf_db is None
            else t.level(one.laf_db)
            for one in now.channels
        ),
        listening="" if now.listening is None else t.text(f"commissioning.waits_{now.listening}"),
        radar=_radar_now(now, t),
        passes=tuple(_passed(one, t, local) for one in now.passes),
        steps=steps_view(now.findings, t),
        signed_seq=now.signed_seq,
    )


def _radar_now(now: CommissioningNow, t: Language) -> str:
    if now.findings.equipment.radar is None:
        return ""
    if now.radar_kmh is None:
        return t.text("commissioning.radar_none")
    return t.text("commissioning.radar_now", speed=t.number(now.radar_kmh))


def _passed(one: Pass, t: Language, local: Callable[[datetime], datetime]) -> str:
    measured = one.combined
    if measured.speed_kmh is None:
        speed = t.text(f"refused.{measured.refused}")
    else:
        low, high = t.number(measured.low_kmh, 0), t.number(measured.high_kmh, 0)
        speed = f"{t.number(measured.speed_kmh)}{NO_BREAK}km/h ({low}–{high})"
    return f"{t.clock(local(one.at))}, {t.level(one.lafmax_db)}: {speed}"


def record_steps(record: Commissioning, t: Language) -> tuple[StepView, ...]:
    """The steps of a record."""
    return steps_view(record.findings, t)


def steps_view(findings: Findings, t: Language) -> tuple[StepView, ...]:
    """Every step that a node has, in order."""
    return tuple(_step(step, findings, t) for step in STEPS if findings.applies(step))


def _step(step: Step, findings: Findings, t: Language) -> StepView:
    points = [p for p in open_points(findings) if step_of(p) == step]
    left_out = [one.reason for one in findings.left_out if one.step == step]
    name = step_name(t.code, step)
    if not findings.is_done(step):
        lines = tuple(t.text("commissioning.left_out", reason=one) for one in left_out)
        return StepView(name, "left_out" if left_out else "open", lines)
    told = [*_told(step, findings, t), *(open_point(t.code, point) for point in points)]
    return StepView(name, "point" if points else "done", tuple(told))


def _told(step: Step, findings: Findings, t: Language) -> Iterator[str]:
    match step:
        case "levels":
            yield from _levels(findings, t)
        case "order" if findings.order is not None:
            yield t.text(f"commissioning.order_{'right' if findings.order.right else 'wrong'}")
        case "calibrator":
            yield from _calibrator(findings, t)
        case "place":
            yield from _place(findings, t)
        case "drives":
            yield from _drives(findings, t)
        case "radar" if findings.radar is not None:
            angle = t.number(findings.radar.angle_deg, 0)
            yield t.text("commissioning.radar", angle=angle, count=findings.radar.drives)
        case _:
            yield from _connection(step, findings, t)


def _levels(findings: Findings, t: Language) -> Iterator[str]:
    if findings.levels is not None:
        for number, one in enumerate(findings.levels.channels):
            level = t.text("nodes.unmeasured") if one.laeq_db is None else t.level(one.laeq_db)
            yield t.text("commissioning.channel", number=number, level=level)


def _calibrator(findings: Findings, t: Language) -> Iterator[str]:
    check = findings.calibrator
    if check is not None:
        yield t.text(
            "commissioning.calibrator",
            deviation=_signed(check.deviation_db, 2, t),
            level=t.number(check.calibrator_level_db, 0),
            serial=check.calibrator_serial,
        )


def _place(findings: Findings, t: Language) -> Iterator[str]:
    place = findings.place
    if place is None:
        return
    lanes = [lane for lane in (place.distance_m, place.distance_back_m) if lane is not None]
    distances = ", ".join(f"{t.number(fmean(lane), 2)}{NO_BREAK}m" for lane in lanes)
    height = f"{t.number(place.mic_height_m, 2)}{NO_BREAK}m"
    yield t.text("commissioning.place", height=height, distances=distances)
    if place.position is not None:
        yield t.text("commissioning.position", place=position_text(place.position))


def position_text(position: Position) -> str:
    """A position as maps read it."""
    return f"{position.latitude:.5f}, {position.longitude:.5f}"


def _drives(findings: Findings, t: Language) -> Iterator[str]:
    error = mean_error_percent(findings.drives)
    yield t.text("commissioning.drives", count=len(findings.drives))
    if error is not None:
        yield t.text("commissioning.error", error=_signed(error.value, 1, t))
        if error.low is not None and error.high is not None:
            low, high = _signed(error.low, 1, t), _signed(error.high, 1, t)
            yield t.text("commissioning.error_interval", low=low, high=high)


def _connection(step: Step, findings: Findings, t: Language) -> Iterator[str]:
    if step == "network" and findings.network is not None:
        network = findings.network
        yield t.text(f"commissioning.link_{network.link}", interface=network.interface or "–")
        if network.signal_dbm is not None:
            yield t.text("commissioning.signal", dbm=t.number(network.signal_dbm, 0))
        elif network.quality_percent is not None:
            yield t.text("commissioning.quality", percent=t.number(network.quality_percent, 0))
    elif step == "clock" and findings.clock is not None:
        clock = findings.clock
        yield t.text("fleet.clock_ok" if clock.synchronised else "fleet.clock_bad")
        if clock.offset_s is not None:
            yield t.text("fleet.offset", seconds=t.number(clock.offset_s, 4))
    elif step == "delivery" and findings.delivery is not None:
        seconds = findings.delivery.seconds
        if seconds is not None:
            yield t.text("commissioning.delivery", seconds=t.number(seconds))


def _signed(value: float, decimals: int, t: Language) -> str:
    told = t.number(value, decimals)
    return f"+{told}" if round(value, decimals) > 0 else told
