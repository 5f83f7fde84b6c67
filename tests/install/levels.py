"""The same sound measured here and in another root: the levels must be the same."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import numpy as np
import soundfile

from tests.install.root import Root, finished

TOLERANCE_DB: Final = 0.1

_RATE: Final = 48_000
_SECONDS: Final = 5
_SOUND: Final = "/tmp/street.wav"  # noqa: S108 - in a root of its own
_MEASURE: Final = ("sensor", "measure", "--json", "--bands", "--full-scale-pa", "20")


def largest_difference(root: Root, skolro: str, user: str) -> tuple[float, int]:
    """Measure a sound on both sides; the largest difference in dB, and how many levels.

    Parameters
    ----------
    skolro, user : str
        What the command is in there, and whose.
    """
    path = root.inside(_SOUND)
    soundfile.write(path, sound(), _RATE, subtype="PCM_24")
    path.chmod(0o644)
    here = _levels(finished([sys.executable, "-m", "skolro", *_MEASURE, str(path)]))
    there = _levels(root.run(skolro, *_MEASURE, _SOUND, user=user))
    odd = here.keys() ^ there.keys()
    assert not odd, f"levels that only one side has: {sorted(odd)[:5]}"
    return max(abs(here[key] - there[key]) for key in here), len(here)


def sound() -> np.ndarray[Any, np.dtype[np.float64]]:
    """A street: noise that falls with frequency, an engine that goes past, a calibrator's tone."""
    rng = np.random.default_rng(9)
    time_s = np.arange(_RATE * _SECONDS) / _RATE
    spectrum = np.fft.rfft(rng.standard_normal(time_s.size))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(time_s.size, 1 / _RATE), 20.0))
    noise = np.fft.irfft(spectrum, time_s.size)
    near = np.exp(-(((time_s - 1.5) / 0.5) ** 2))
    engine = sum(np.sin(2 * np.pi * 85 * n * time_s + n) / n for n in range(1, 12))
    tone = np.sin(2 * np.pi * 1000 * time_s) * (time_s > _SECONDS - 1.5)
    mixed = 0.01 * noise / noise.std() + 0.1 * near * engine + 0.07 * tone
    return np.asarray(mixed / np.abs(mixed).max() * 0.5)


def _levels(lines: str) -> dict[tuple[int, str], float]:
    """Every level by the number of its reading and its name."""
    found = {}
    for number, line in enumerate(lines.splitlines()):
        reading = json.loads(line)
        levels = {name: reading[name] for name in reading if name.endswith("_db")}
        bands = levels.pop("bands_db", {})
        for name, value in {**levels, **bands}.items():
            if value is not None:
                found[number, name] = value
    return found
