"""How well speeds come out, by condition.

Simulated pass-bys with known truth, of seeds that were not used while the estimators were built:

    python benchmarks/passby.py                      # about a quarter of an hour on one core
    python benchmarks/passby.py --count 10           # a quick look
    python benchmarks/passby.py --cases normal       # one case
    python benchmarks/passby.py --cases two_opposite --lanes
    python benchmarks/passby.py --recordings ../shared/reference/passby

With ``--lanes`` the distance of each direction's lane is told, as a node's configuration has it;
else only that of the vehicle that is asked for.  The last plays recordings with a ``truth.csv``
beside them instead.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from sensor.passby.geometry import Geometry
from sensor.passby.results import SpeedEstimate, SpeedRefused
from sensor.passby.speed import estimate_speed
from tests.sensor.passby.generator import (
    CASES,
    REPORT_SEED,
    SAMPLE_RATE,
    Scenario,
    scenario,
    synthesise,
)

# Of a hundred normal pass-bys so many of each case.
SHARES = {
    "normal": 1.0,
    "accelerating": 0.6,
    "electric": 0.3,
    "two_opposite": 1.0,
    "two_same_way": 1.0,
    "noise": 0.1,
    "idling": 0.1,
    "gust": 0.1,
}


DISTANCE_UNCERTAINTY_M = 0.4


@dataclass(frozen=True, slots=True)
class Sound:
    """A pass-by and the truth about it; the first speed is the one that is asked for."""

    case: str
    pressure: NDArray[np.float64]
    sample_rate: int
    geometry: Geometry
    speeds_kmh: tuple[float, ...]
    directions: tuple[int, ...]
    lateral_m: float
    snr_db: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One sound, one way to measure it, and what came out."""

    sound: Sound
    outcome: SpeedEstimate | SpeedRefused
    cpu_s: float

    @property
    def error_kmh(self) -> float:
        """Error; of two vehicles, against the nearer truth in the direction that was given."""
        if not isinstance(self.outcome, SpeedEstimate) or not self.sound.speeds_kmh:
            return float("nan")
        errors = [
            self.outcome.speed_kmh - speed
            for speed, way in zip(self.sound.speeds_kmh, self.sound.directions, strict=True)
            if self.outcome.direction in (None, way)
        ]
        return min(errors, key=abs) if errors else self.outcome.speed_kmh

    @property
    def covered(self) -> bool:
        """Whether the interval holds a true speed in the direction that was given."""
        if not isinstance(self.outcome, SpeedEstimate):
            return False
        return any(
            self.outcome.low_kmh <= speed <= self.outcome.high_kmh
            and self.outcome.direction in (None, way)
            for speed, way in zip(self.sound.speeds_kmh, self.sound.directions, strict=True)
        )


def simulated(count: int, cases: Sequence[str], *, lanes: bool) -> Iterator[Sound]:
    """Sounds of `cases`, from the seeds for reports."""
    for case in cases:
        for seed in range(REPORT_SEED, REPORT_SEED + max(1, round(SHARES[case] * count))):
            made = scenario(case, seed)
            still = case in {"noise", "idling"}
            yield Sound(
                case=case,
                pressure=synthesise(made),
                sample_rate=SAMPLE_RATE,
                geometry=Geometry(
                    distance_m=_distances_m(made, lanes=lanes),
                    spacing_m=made.spacing_m,
                    mic_height_m=made.mic_height_m,
                    temperature_c=made.temperature_c,
                ),
                speeds_kmh=() if still else made.speeds_kmh,
                directions=() if still else made.directions,
                lateral_m=made.motions[0].lateral_m if made.motions else float("nan"),
                snr_db=made.snr_db,
            )


def _distances_m(made: Scenario, *, lanes: bool) -> dict[int, float]:
    """What is told of the lanes; the second vehicle's is known as well as the first one's."""
    told_m = {1: made.distance_m, -1: made.distance_m}
    if lanes and len(set(made.directions)) > 1:
        off_m = np.random.default_rng([11, made.seed]).normal(0.0, DISTANCE_UNCERTAINTY_M)
        told_m[made.directions[1]] = max(2.0, made.motions[1].lateral_m + off_m)
    return told_m


def recorded(folder: Path) -> Iterator[Sound]:
    """Sounds of a folder with a ``truth.csv``."""
    with (folder / "truth.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            pressure, sample_rate = soundfile.read(folder / row["file"], always_2d=True)
            distance_m = float(row["d_nominal_m"])
            speeds = [(row["speed_kmh"], row["direction"]), (row["speed2_kmh"], row["direction2"])]
            known = [(float(speed), int(way)) for speed, way in speeds if speed]
            yield Sound(
                case=row["case"],
                pressure=pressure,
                sample_rate=sample_rate,
                geometry=Geometry(
                    distance_m={1: distance_m, -1: distance_m},
                    spacing_m=float(row["baseline_m"]),
                    mic_height_m=float(row["mic_height_m"]),
                    temperature_c=float(row["temp_c"]),
                ),
                speeds_kmh=tuple(speed for speed, _ in known),
                directions=tuple(way for _, way in known),
                lateral_m=float(row["d_horiz_m"]),
                snr_db=float(row["snr_db"]),
            )


def measured(sound: Sound, channels: int) -> Trial:
    """Measure `sound` with one or two microphones."""
    began_s = time.process_time()
    outcome = estimate_speed(sound.pressure[:, :channels], sound.sample_rate, sound.geometry)
    return Trial(sound, outcome, time.process_time() - began_s)


def conditions(trial: Trial) -> Iterator[str]:
    """The rows of the table that a trial counts in."""
    sound = trial.sound
    yield f"case {sound.case}"
    if sound.case != "normal":
        return
    speed, lateral_m = sound.speeds_kmh[0], sound.lateral_m
    yield f"  speed {'18-35' if speed < 35 else '35-60' if speed < 60 else '60-92'} km/h"
    yield f"  distance {'2.5-5' if lateral_m < 5 else '5-7.5' if lateral_m < 7.5 else '7.5-10.5'} m"
    yield f"  SNR {sound.snr_db:2.0f} dB"


def row(name: str, trials: list[Trial]) -> str:
    """One line of the table."""
    outcomes = [trial.outcome for trial in trials]
    refusals = Counter(one.reason for one in outcomes if isinstance(one, SpeedRefused))
    given = [trial for trial in trials if isinstance(trial.outcome, SpeedEstimate)]
    cpu_s = [trial.cpu_s for trial in trials]
    cost = f"{np.mean(cpu_s):6.2f}{np.max(cpu_s):6.2f}"
    line = f"{name:24s}{len(trials):4d}{sum(refusals.values()):5d}"
    if not given:
        return f"{line}{'':50s}{cost}  {dict(refusals)}"
    error = np.array([trial.error_kmh for trial in given])
    truth = np.array([max(trial.sound.speeds_kmh, default=np.nan) for trial in given])
    half = np.mean([_half_width_kmh(trial.outcome) for trial in given])
    ways = [trial.outcome for trial in given]
    right = np.mean(
        [
            isinstance(way, SpeedEstimate) and way.direction in (None, *trial.sound.directions)
            for way, trial in zip(ways, given, strict=True)
        ]
    )
    return (
        f"{line}{np.sqrt(np.mean(error**2)):7.2f}{np.mean(error):7.2f}{np.max(np.abs(error)):7.1f}"
        f"{np.sum(np.abs(error) > 0.2 * truth):6d}{np.mean([t.covered for t in given]):8.2f}"
        f"{half:7.1f}{right:8.2f}{cost}  {dict(refusals) or ''}"
    )


def _half_width_kmh(outcome: SpeedEstimate | SpeedRefused) -> float:
    if not isinstance(outcome, SpeedEstimate):
        return float("nan")
    return (outcome.high_kmh - outcome.low_kmh) / 2.0


def main() -> None:
    """Print one table for two microphones and one for a single one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=100, help="normal pass-bys")
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--lanes", action="store_true", help="tell each direction's distance")
    parser.add_argument("--recordings", type=Path, help="a folder with truth.csv")
    options = parser.parse_args()
    tables: dict[int, dict[str, list[Trial]]] = {2: defaultdict(list), 1: defaultdict(list)}
    if options.recordings:
        sounds = recorded(options.recordings)
    else:
        sounds = simulated(options.count, options.cases, lanes=options.lanes)
    for sound in sounds:
        for channels, table in tables.items():
            trial = measured(sound, channels)
            for condition in conditions(trial):
                table[condition].append(trial)
    heading = (
        f"{'':24s}{'n':>4s}{'ref.':>5s}{'RMSE':>7s}{'bias':>7s}{'worst':>7s}{'>20%':>6s}"
        f"{'cover':>8s}{'half':>7s}{'direct.':>8s}{'CPU s':>6s}{'max':>6s}"
    )
    for channels, table in tables.items():
        print(f"\n{channels} microphone{'s' if channels > 1 else ''}, km/h\n{heading}")
        for condition in sorted(table, key=_order):
            print(row(condition, table[condition]))


def _order(condition: str) -> tuple[bool, str]:
    """Normal pass-bys and their parts first, then the other cases."""
    normal = condition == "case normal" or condition.startswith("  ")
    return (not normal, "" if condition == "case normal" else condition)


if __name__ == "__main__":
    main()
