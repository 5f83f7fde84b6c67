"""What statistics get to see of a town: the table of each site, without a ledger in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from collector.analysis.episodes import Heard, episodes, passes
from collector.analysis.hours import Ints, SiteHours, hour_at
from deploy.town.clock import BoolArray, seed_of
from deploy.town.history import node_history
from deploy.town.outages import MINUTES
from deploy.town.town import TIME_ZONE, Town
from deploy.town.traffic import CHARACTERS, ORDINARY, draw_singles
from sensor.contract.messages import Event


def site_tables(town: Town, *, outages: bool = True) -> list[SiteHours]:
    """The table of each site over all of the town's hours: episodes that happened while measuring.

    `outages` False: as if every node had always measured.
    """
    return [_table(town, index, outages=outages) for index in range(len(town.sites))]


def heard_tables(town: Town, end: datetime) -> list[SiteHours]:
    """The same until `end`, with what the rules make of the events that the nodes would have sent.

    Nodes miss passes, and groups that meet make one episode: this is what a ledger counts.
    """
    return [_heard_table(town, table, end) for table in site_tables(town)]


def _heard_table(town: Town, table: SiteHours, end: datetime) -> SiteHours:
    rows = table.between(town.when.first_hour, hour_at(end))
    nodes = [node for node, at in town.nodes if at == table.site]
    messages = (one for node in nodes for one in node_history(town, node, end).messages)
    found = passes(_as_heard(one) for one in messages if isinstance(one, Event))
    return replace(
        rows,
        events=_by_hour(rows, [one.start for one in found if one.confirmed]),
        unconfirmed=_by_hour(rows, [one.start for one in found if not one.confirmed]),
        episodes=_by_hour(rows, [one.start for one in episodes(found)]),
    )


def _as_heard(event: Event) -> Heard:
    one = Heard(
        node=event.node,
        id=event.id,
        start=event.start,
        duration_s=event.duration_s,
        lafmax_db=event.lafmax_db,
        source=event.source.kind,
        speed_refused=event.speed_refused,
    )
    speed = event.speed
    return (
        one
        if speed is None
        else one._replace(
            speed_kmh=speed.speed_kmh,
            speed_low_kmh=speed.low_kmh,
            speed_high_kmh=speed.high_kmh,
            direction=speed.direction,
        )
    )


def _by_hour(rows: SiteHours, starts: list[datetime]) -> Ints:
    hours = np.array([hour_at(start) for start in starts], dtype=np.int64)
    return np.searchsorted(hours, rows.hour, "right") - np.searchsorted(hours, rows.hour, "left")


def _table(town: Town, index: int, *, outages: bool) -> SiteHours:
    site = town.sites[index].id
    hours = len(town.when)
    valid = np.ones(hours * MINUTES, dtype=np.bool_)
    if outages:
        valid = _measured(town, site)
    measured = valid.reshape(hours, MINUTES).sum(axis=1)
    heard = measured / MINUTES
    rng = np.random.default_rng(seed_of("table", town.seed, site))
    events, unconfirmed = _singles(town, index, rng)
    episodes = np.zeros(hours, dtype=np.int64)
    for episode in town.episodes:
        hour = int(episode.at_h)
        if episode.site == index and valid[int(episode.at_h * MINUTES)]:
            episodes[hour] += 1
            character = CHARACTERS["rev" if episode.style == "revving" else episode.vehicle]
            sure, unsure = _taken(episode.passes, character.vehicle_share,
                                  character.unsure_share, rng)  # fmt: skip
            events[hour] += sure
            unconfirmed[hour] += unsure
    known = measured > 0
    return SiteHours(
        site=site,
        time_zone=TIME_ZONE,
        hour=(town.when.first_hour + np.arange(hours, dtype=np.int64))[known],
        measured_s=60 * measured[known],
        events=rng.binomial(events, heard)[known],
        unconfirmed=rng.binomial(unconfirmed, heard)[known],
        episodes=episodes[known],
    )


def _measured(town: Town, site: str) -> BoolArray:
    nodes = [node for node, at in town.nodes if at == site]
    return np.asarray(np.any([town.valid_minutes(node) for node in nodes], axis=0))


def _singles(
    town: Town, index: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Confirmed vehicle events, and unsure ones, of single happenings by the hour."""
    hours = len(town.when)
    counts = draw_singles(town.sites[index].id, town.activity[index], town.when, town.seed)
    for one in town.company:
        if one.site == index:
            counts[one.vehicle][int(one.at_h)] += 1
    events, unconfirmed = np.zeros((2, hours), dtype=np.int64)
    for kind in ORDINARY:
        character = CHARACTERS[kind]
        sure = rng.binomial(counts[kind], character.vehicle_share)
        rest = character.unsure_share / max(1.0 - character.vehicle_share, 1e-9)
        events += sure
        unconfirmed += rng.binomial(counts[kind] - sure, min(rest, 1.0))
    return events, unconfirmed


def _taken(
    count: int, vehicle_share: float, unsure_share: float, rng: np.random.Generator
) -> tuple[int, int]:
    sure, unsure, _ = rng.multinomial(
        count, (vehicle_share, unsure_share, max(0.0, 1.0 - vehicle_share - unsure_share))
    )
    return int(sure), int(unsure)
