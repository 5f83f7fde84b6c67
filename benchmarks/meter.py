"""How fast the sound level meter is, beside others, in one run.

    OMP_NUM_THREADS=1 python benchmarks/meter.py [--seconds 30] [--rounds 5]

Prints seconds of sound per CPU second for each design, and Skolro's ratio to it. The best of
several rounds counts, the designs taking turns, since machines are busy. phonometry is measured
where it is installed (it needs a newer Python than the product).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import bilinear_zpk, butter, lfilter, resample_poly, sosfilt, zpk2sos

from sensor.acoustics import SoundLevelMeter
from sensor.blocks import AudioBlock

RATE = 48_000
Design = Callable[[NDArray[np.float32], int], None]

SAID = {
    "levels": "LAeq, LAFmax, LASmax, LCeq, LCpeak",
    "levels and bands": "the same and 30 third octaves",
}


def skolro(bands: bool) -> Design:
    """The product's own meter; it also makes LAFmin, LAE, LZeq and the percentiles."""

    def run(sound: NDArray[np.float32], block: int) -> None:
        meter = SoundLevelMeter(RATE, bands=bands)
        for start in range(0, sound.size, block):
            meter.process(AudioBlock(sound[start : start + block, None], RATE, start))
        meter.flush()

    return run


def plain_scipy(bands: bool, oversampling: int = 1) -> Design:
    """What one would write first: sosfilt for A and C, lfilter for F and S, a bank of 30.

    Without oversampling its peak is that of the samples, which misses Table 5 at 8 kHz.
    """
    w1, w2, w3, w4 = 2 * np.pi * np.array([20.598997, 107.65265, 737.86223, 12194.217])
    a_poles, c_poles = [-w1, -w1, -w4, -w4, -w2, -w3], [-w1, -w1, -w4, -w4]
    a_sos = zpk2sos(*bilinear_zpk([0] * 4, a_poles, 1.0, RATE))
    c_sos = zpk2sos(*bilinear_zpk([0] * 2, c_poles, 1.0, RATE))
    centres = 1000 * 10 ** (np.arange(-16, 14) / 10)
    edges = [(c * 10**-0.05, min(c * 10**0.05, 0.499 * RATE)) for c in centres]
    bank = [butter(4, edge, "bandpass", fs=RATE, output="sos") for edge in edges]
    keep = [float(np.exp(-1 / RATE / tau)) for tau in (0.125, 1.0)]

    def run(sound: NDArray[np.float32], block: int) -> None:
        a_state, c_state = np.zeros((len(a_sos), 2)), np.zeros((len(c_sos), 2))
        states = [np.zeros((len(sos), 2)) for sos in bank]
        slow_states = [np.zeros(1), np.zeros(1)]
        for start in range(0, sound.size, block):
            part = sound[start : start + block].astype(np.float64)
            a, a_state = sosfilt(a_sos, part, zi=a_state)
            c, c_state = sosfilt(c_sos, part, zi=c_state)
            square = a * a
            for number, k in enumerate(keep):
                smooth, slow_states[number] = lfilter(
                    [1 - k], [1, -k], square, zi=slow_states[number]
                )
                10 * np.log10(smooth.max())
            10 * np.log10(square.mean()), 10 * np.log10((c * c).mean())
            np.abs(c if oversampling == 1 else resample_poly(c, oversampling, 1)).max()
            if bands:
                for number, sos in enumerate(bank):
                    band, states[number] = sosfilt(sos, part, zi=states[number])
                    10 * np.log10((band * band).mean())

    return run


def phonometry(bands: bool) -> Design | None:
    """phonometry's streaming filters, if it is here."""
    try:
        peer: Any = import_module("phonometry")
    except ImportError:
        return None

    def run(sound: NDArray[np.float32], block: int) -> None:
        a_filter = peer.WeightingFilter(RATE, "A", stateful=True)
        c_filter = peer.WeightingFilter(RATE, "C", stateful=True)
        fast, slow = peer.TimeWeighting(RATE, "fast"), peer.TimeWeighting(RATE, "slow")
        bank = peer.OctaveFilterBank(
            RATE, fraction=3, limits=[22, 20_000], stateful=True, resample=False
        )
        for start in range(0, sound.size, block):
            part = sound[start : start + block].astype(np.float64)
            a, c = a_filter.filter(part), c_filter.filter(part)
            np.max(fast.process(a)), np.max(slow.process(a))
            10 * np.log10(np.mean(a * a)), 10 * np.log10(np.mean(c * c)), np.abs(c).max()
            if bands:
                bank.filter(part)

    return run


def best_speed(
    designs: dict[str, Design], sound: NDArray[np.float32], block: int, rounds: int
) -> dict[str, float]:
    """Seconds of sound per CPU second of each design."""
    fastest = dict.fromkeys(designs, np.inf)
    for _ in range(rounds):
        for name, design in designs.items():
            begun = time.process_time()
            design(sound, block)
            fastest[name] = min(fastest[name], time.process_time() - begun)
    return {name: sound.size / RATE / spent for name, spent in fastest.items()}


def memory_mb() -> None:
    """Resident memory of a process that measures, part by part."""
    parts = {
        "Python": "pass",
        "numpy": "import numpy",
        "the meter, imported": "import sensor.acoustics",
        "the meter, measuring with bands": (
            "import numpy as np; from sensor.acoustics import SoundLevelMeter;"
            "from sensor.blocks import AudioBlock; m = SoundLevelMeter(48000);"
            "x = np.random.default_rng(1).standard_normal((4800, 1)).astype('f4');"
            "[m.process(AudioBlock(x, 48000, 4800 * i)) for i in range(100)]"
        ),
    }
    told = (
        "; s = open('/proc/self/status').read(); print(int(s.split('VmHWM:')[1].split()[0]) / 1024)"
    )
    print("\nResident memory of a process (MB)")
    for part, code in parts.items():
        done = subprocess.run(
            [sys.executable, "-c", code + told], capture_output=True, text=True, check=True
        )
        print(f"  {part:34s} {float(done.stdout):6.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    generator = np.random.default_rng(1)
    sound = generator.standard_normal(asked.seconds * RATE).astype(np.float32) * 0.02
    for what, bands in (("levels", False), ("levels and bands", True)):
        designs = {
            "Skolro": skolro(bands),
            "plain scipy": plain_scipy(bands),
            "plain scipy, peak 4 x": plain_scipy(bands, oversampling=4),
        }
        peer = phonometry(bands)
        if peer is None:
            print("phonometry is not installed here and is left out")
        else:
            designs["phonometry, streaming"] = peer
        for block_s in (0.1, 1.0):
            speeds = best_speed(designs, sound, round(block_s * RATE), asked.rounds)
            print(f"\n{SAID[what]}, blocks of {block_s * 1000:g} ms")
            for name, speed in speeds.items():
                ratio = speeds["Skolro"] / speed
                print(f"  {name:24s} {speed:7.1f} s of sound per CPU s   Skolro is {ratio:5.2f} x")
    memory_mb()


if __name__ == "__main__":
    main()
