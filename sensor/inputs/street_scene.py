"""What happens in a simulated street, one thing after the other, each with its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from sensor.inputs.propagation import (
    Microphone,
    Motion,
    MovingSource,
    microphone_pair,
    speed_of_sound_mps,
)
from sensor.inputs.street_sounds import (
    a_tractor,
    bell,
    car,
    dog,
    lafmax_db,
    moped,
    scaled,
    voices,
)

FloatArray = NDArray[np.float64]
Happening: TypeAlias = Literal["car", "moped", "a_tractor", "voices", "bell", "dog"]
Synthesis: TypeAlias = Callable[[np.random.Generator, float, int], FloatArray]

LANE_WIDTH_M = 3.0
_REFERENCE_M = 7.0
_LEAD_S = 0.5
# A vehicle is heard from 12 distances away: 22 dB below its loudest.
_HEARD_DISTANCES = 12.0
_FADE = 0.3


class Truth(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What really happened.

    Attributes
    ----------
    kind : str
        Who it was.
    start_s, end_s : float
        First and last moment at which it sounds, since the beginning of the stream.
    nearest_s : float or None
        When a vehicle is nearest.
    speed_kmh, direction, distance_m
        Of a vehicle: speed, 1 from channel 0 towards channel 1 or -1, and the horizontal
        distance of its lane; of anything else only the distance.
    lafmax_db : float
        LAFmax of its sound alone at channel 0; what stands in the sound adds the background.
    """

    kind: Happening
    start_s: float
    end_s: float
    nearest_s: float | None
    speed_kmh: float | None
    direction: Literal[1, -1] | None
    distance_m: float
    lafmax_db: float


@dataclass(frozen=True, slots=True)
class Street:
    """Where the microphones and the lanes are.

    Traffic keeps to the right: the near lane runs from channel 0 to channel 1, the far lane back.
    """

    sample_rate: int
    channels: int
    distance_m: float
    spacing_m: float
    mic_height_m: float
    temperature_c: float

    @property
    def speed_of_sound_mps(self) -> float:
        """Speed of sound at the street's temperature."""
        return speed_of_sound_mps(self.temperature_c)

    @property
    def microphones(self) -> tuple[Microphone, ...]:
        """One microphone a channel."""
        if self.channels == 1:
            return (Microphone(0.0, 0.0, self.mic_height_m),)
        return microphone_pair(self.spacing_m, self.mic_height_m)


@dataclass(frozen=True, slots=True)
class Character:
    """How one kind of thing sounds: levels are LAFmax at the microphone, vehicles' at 7 m."""

    synthesis: Synthesis
    share: float
    level_db: tuple[float, float]
    speed_kmh: tuple[float, float] | None = None
    height_m: float = 0.0
    length_s: tuple[float, float] = (0.0, 0.0)


CHARACTERS: dict[Happening, Character] = {
    "car": Character(car, 0.34, (65.0, 72.0), speed_kmh=(25.0, 52.0), height_m=0.1),
    "moped": Character(moped, 0.24, (75.0, 85.0), speed_kmh=(28.0, 55.0), height_m=0.4),
    "a_tractor": Character(a_tractor, 0.16, (80.0, 88.0), speed_kmh=(24.0, 55.0), height_m=0.5),
    "voices": Character(voices, 0.12, (60.0, 70.0), length_s=(5.0, 10.0)),
    "bell": Character(bell, 0.05, (70.0, 75.0), length_s=(3.0, 5.0)),
    "dog": Character(dog, 0.09, (60.0, 72.0), length_s=(2.0, 5.0)),
}


class PassBy:
    """A vehicle that drives past, made piece by piece as it is heard."""

    def __init__(self, kind: Happening, rng: np.random.Generator, start: int, street: Street):
        character = CHARACTERS[kind]
        low_kmh, high_kmh = character.speed_kmh or (30.0, 30.0)
        self.kind = kind
        self.start = start
        self.street = street
        self.speed_kmh = float(rng.uniform(low_kmh, high_kmh))
        self.direction: Literal[1, -1] = 1 if rng.random() < 0.5 else -1
        self.distance_m = street.distance_m + (LANE_WIDTH_M if self.direction < 0 else 0.0)
        speed_mps = self.speed_kmh / 3.6
        half_s = float(np.clip(_HEARD_DISTANCES * self.distance_m / speed_mps, 4.0, 9.0))
        self.frames = round(2.0 * half_s * street.sample_rate)
        self._motion = Motion(
            self.direction * speed_mps, half_s, self.distance_m, height_m=character.height_m
        )
        signal = character.synthesis(rng, _LEAD_S + 2.0 * half_s, street.sample_rate)
        self._source = MovingSource(signal, street.sample_rate, _LEAD_S)
        level_db = rng.uniform(*character.level_db)
        level_db -= 20.0 * np.log10(self.distance_m / _REFERENCE_M)
        self._gain = 1.0
        self._gain = 10.0 ** ((level_db - self._nearest_lafmax_db()) / 20.0)

    def render(self, first: int, frames: int) -> FloatArray:
        """Pressure of `frames` from frame `first` of the pass, shape (frames, channels)."""
        heard = np.arange(first, first + frames)
        heard_s = heard / self.street.sample_rate
        c_mps = self.street.speed_of_sound_mps
        edge = np.minimum(heard, self.frames - heard) / (_FADE * self.frames)
        fade = np.square(np.sin(0.5 * np.pi * np.clip(edge, 0.0, 1.0)))
        heard_pa = [
            fade * self._gain * self._source.heard_pa(heard_s, self._motion, microphone, c_mps)
            for microphone in self.street.microphones
        ]
        return np.stack(heard_pa, axis=1)

    def _nearest_lafmax_db(self) -> float:
        # Direct sound and the road's reflection interfere: only rendering tells the level.
        frames = min(self.frames, 2 * self.street.sample_rate)
        nearest_pa = self.render((self.frames - frames) // 2, frames)
        return lafmax_db(nearest_pa[:, 0], self.street.sample_rate)

    def truth(self, lafmax: float) -> Truth:
        """What is true of this pass, given the LAFmax that it had."""
        start_s = self.start / self.street.sample_rate
        return Truth(
            kind=self.kind,
            start_s=start_s,
            end_s=(self.start + self.frames) / self.street.sample_rate,
            nearest_s=start_s + self._motion.nearest_s,
            speed_kmh=self.speed_kmh,
            direction=self.direction,
            distance_m=self.distance_m,
            lafmax_db=lafmax,
        )


class Standing:
    """Something that sounds from one place: children, the bell, a dog."""

    def __init__(self, kind: Happening, rng: np.random.Generator, start: int, street: Street):
        character = CHARACTERS[kind]
        self.kind = kind
        self.start = start
        self.street = street
        self.distance_m = float(rng.uniform(8.0, 25.0))
        length_s = float(rng.uniform(*character.length_s))
        sound = character.synthesis(rng, length_s, street.sample_rate)
        sound = scaled(sound, street.sample_rate, rng.uniform(*character.level_db))
        self.frames = len(sound)
        bearing = rng.uniform(-0.4 * np.pi, 0.4 * np.pi)
        delay_s = street.spacing_m * np.sin(bearing) / street.speed_of_sound_mps
        delays = (0, round(delay_s * street.sample_rate))[: street.channels]
        self._sound_pa = np.stack([np.roll(sound, delay) for delay in delays], axis=1)

    def render(self, first: int, frames: int) -> FloatArray:
        """Pressure of `frames` from frame `first` of the sound, shape (frames, channels)."""
        return self._sound_pa[first : first + frames]

    def truth(self, lafmax: float) -> Truth:
        """What is true of this sound, given the LAFmax that it had."""
        return Truth(
            kind=self.kind,
            start_s=self.start / self.street.sample_rate,
            end_s=(self.start + self.frames) / self.street.sample_rate,
            nearest_s=None,
            speed_kmh=None,
            direction=None,
            distance_m=self.distance_m,
            lafmax_db=lafmax,
        )


def timetable(
    seed: int, interval_s: float, kinds: tuple[Happening, ...]
) -> Iterator[tuple[float, Happening, np.random.Generator]]:
    """Yield what begins when, without end: seconds, kind, and the randomness of its own.

    Half of every interval is fixed, so that most things stand alone in time.
    """
    shares = np.array([CHARACTERS[kind].share for kind in kinds])
    at_s = 0.0
    number = 0
    while True:
        rng = np.random.default_rng([seed, 1, number])
        wait_s = rng.uniform(0.1, 0.3) if not number else 0.5 + rng.exponential(0.5)
        at_s += interval_s * wait_s
        yield at_s, kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))], rng
        number += 1


class Scene:
    """All that happens, added up stretch by stretch.

    Parameters
    ----------
    street : Street
    happenings : iterator
        As :func:`timetable` yields them.
    """

    def __init__(
        self, street: Street, happenings: Iterator[tuple[float, Happening, np.random.Generator]]
    ) -> None:
        self.street = street
        self._happenings = happenings
        self._next = next(happenings)
        self._sounding: list[tuple[PassBy | Standing, list[FloatArray]]] = []

    def render(self, first_frame: int, frames: int) -> tuple[FloatArray, list[Truth]]:
        """Add up `frames` from `first_frame`; stretches must follow each other.

        Returns
        -------
        pressure_pa : ndarray, shape (frames, channels)
        ended : list of Truth
            What ended within.
        """
        end_frame = first_frame + frames
        self._begin(end_frame)
        pressure_pa = np.zeros((frames, self.street.channels))
        for item, own in self._sounding:
            begin = max(first_frame, item.start)
            end = min(end_frame, item.start + item.frames)
            part_pa = item.render(begin - item.start, end - begin)
            pressure_pa[begin - first_frame : end - first_frame] += part_pa
            own.append(part_pa[:, 0])
        ended = [s for s in self._sounding if s[0].start + s[0].frames <= end_frame]
        self._sounding = [s for s in self._sounding if s[0].start + s[0].frames > end_frame]
        rate = self.street.sample_rate
        return pressure_pa, [
            item.truth(lafmax_db(np.concatenate(own), rate)) for item, own in ended
        ]

    def _begin(self, end_frame: int) -> None:
        rate = self.street.sample_rate
        while (start := round(self._next[0] * rate)) < end_frame:
            _, kind, rng = self._next
            passes = CHARACTERS[kind].speed_kmh is not None
            make = PassBy if passes else Standing
            self._sounding.append((make(kind, rng, start, self.street), []))
            self._next = next(self._happenings)
