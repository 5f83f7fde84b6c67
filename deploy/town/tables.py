"""What statistics get to see of a town: the table of each site, without messages in between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collector.analysis.hours import SiteHours
from deploy.town.clock import BoolArray, seed_of
from deploy.town.outages import MINUTES
from deploy.town.town import TIME_ZONE, Town
from deploy.town.traffic import CHARACTERS, ORDINARY, draw_singles


def site_tables(town: Town, *, outages: bool = True) -> list[SiteHours]:
    """The table of each site over all of the town's hours.

    `outages` False: as if every node had always measured.
    """
    return [_table(town, index, outages=outages) for index in range(len(town.sites))]


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
