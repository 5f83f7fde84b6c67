"""``truth.json`` of a simulated town: what the figures of its ledger are checked against."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from collector.analysis.coverage import TrueRates
from collector.errors import AnalysisError
from collector.ledger.ledger import Ledger
from collector.pattern_answers import Period


class _Expected(msgspec.Struct, frozen=True):
    first_hour: int
    sites: dict[str, list[float]]


class _Episode(msgspec.Struct, frozen=True):
    site: str
    start: datetime
    events: dict[str, list[str]]


class TrueEffect(msgspec.Struct, frozen=True):
    """What patrols did at a site: the ratio of rates after/before."""

    site: str
    ratio: float


class Truth(msgspec.Struct, frozen=True):
    """What of the file is used here."""

    expected: _Expected
    episodes: list[_Episode]
    effects: list[TrueEffect]

    @property
    def end_hour(self) -> int:
        """Until when the expected episodes are known, in hours since 1970-01-01T00Z."""
        lengths = [len(values) for values in self.expected.sites.values()]
        return self.expected.first_hour + min(lengths, default=0)

    def rates(self, sites: Collection[str]) -> TrueRates:
        """Expected episodes of each site, hour by hour; :class:`AnalysisError` if one lacks."""
        known = self.expected.sites
        missing = [site for site in sites if site not in known]
        if missing:
            raise AnalysisError(
                f"the truth says nothing of {', '.join(missing)}: give the truth.json of this town"
            )
        return {site: (self.expected.first_hour, np.array(known[site])) for site in sites}


def load_truth(path: Path) -> Truth:
    """Read the file; :class:`AnalysisError` says what is wrong with it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Truth)
    except OSError as error:
        raise AnalysisError(f"--truth {path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise AnalysisError(
            f"--truth {path} is not the truth.json of a simulated town: {error}"
        ) from error


def check_of_this_town(truth: Truth, ledger: Ledger, period: Period) -> None:
    """Raise :class:`AnalysisError` where none of the truth's events is in the ledger.

    The schools of all simulated towns have the same names.
    """
    true: dict[str, set[str]] = {}
    for episode in truth.episodes:
        if period.start <= episode.start < period.end:
            for ids in episode.events.values():
                true.setdefault(episode.site, set()).update(ids)
    heard = {
        site: {one.id for one in ledger.heard(site, period.start, period.end, simulated=True)}
        for site in true
    }
    if any(true.values()) and all(true[site].isdisjoint(heard[site]) for site in true):
        raise AnalysisError(
            "the truth is of another town: none of its events is in this ledger; "
            "give the truth.json that was written with it"
        )
