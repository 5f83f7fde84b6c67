"""What an event costs: finding it, and telling what it was.

``python -m benchmarks.vehicle [MODEL_DIR]`` fetches the model into MODEL_DIR (default: the user's
data folder) if it is not there. Times are CPU time of one thread; ratios are within this run.
"""

from __future__ import annotations

import os

# Before numpy is loaded: several threads would be measured, and wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.meter import SoundLevelMeter
from sensor.blocks import AudioBlock, RecentSound
from sensor.passby import model_store
from sensor.passby.detector import Detection, DetectorConfig, EventDetector
from sensor.passby.log_mel import patches, resampled
from sensor.passby.thresholds import BUFFER_S
from sensor.passby.vehicle import MOST_PATCHES, VehicleClassifier, levelled
from sensor.passby.yamnet import PAIRS, Yamnet

RATE = 48_000
BLOCK = RATE // 10
ROUNDS = 7


def cpu_s(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Least CPU time of several rounds, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def passing(seconds: float, nearest_s: float) -> NDArray[np.float32]:
    """Noise of a vehicle 7.5 m away at 43 km/h, 80 dB, over 45 dB."""
    t = np.arange(round(seconds * RATE)) / RATE
    level = 0.2 / np.sqrt(1 + (12 * (t - nearest_s) / 7.5) ** 2) + 0.0036
    noise = np.random.default_rng(1).standard_normal(t.size)
    return (level * noise).astype(np.float32)


def products(model: Yamnet) -> None:
    """The matrix products of one patch and nothing else: what the forward pass cannot beat."""
    rows, columns, channels = 48, 32, 32
    for index, (stride, wider) in enumerate(PAIRS):
        rows, columns = -(-rows // stride), -(-columns // stride)
        x = np.ones((rows * columns, channels), dtype=np.float32)
        np.dot(x, model.weights[f"pointwise_{index}_kernel"])
        channels = wider


def print_model(folder: Path, model: Yamnet) -> None:
    """Cost of the parts of the classifier."""
    ten_s = passing(10, 5)
    sound = levelled(resampled(ten_s, RATE))
    chosen = patches(sound, MOST_PATCHES)
    forward_s = cpu_s(lambda: model.scores(chosen)) / len(chosen)
    bare_s = cpu_s(lambda: products(model))
    print(f"load the model                {1e3 * cpu_s(lambda: model_store.load(folder)):8.1f} ms")
    print(f"resample 10 s from 48 kHz     {1e3 * cpu_s(lambda: resampled(ten_s, RATE)):8.1f} ms")
    print(f"log-mel patches of 10 s       {1e3 * cpu_s(lambda: patches(sound, 16)):8.1f} ms")
    print(f"forward pass, a patch         {1e3 * forward_s:8.1f} ms")
    print(f"  over its matrix products    {forward_s / bare_s:8.1f} times")


def print_events(classifier: VehicleClassifier) -> None:
    """Cost of an event by its length."""
    print("\nevent      patches   classify   of its length")
    for seconds in (1, 2, 5, 10, 25):
        sound = passing(seconds, seconds / 2)
        count = len(patches(resampled(sound, RATE), MOST_PATCHES))
        took_s = cpu_s(partial(classifier.classify, sound, RATE), 3)
        print(f"{seconds:4} s {count:11} {1e3 * took_s:8.0f} ms {100 * took_s / seconds:11.2f} %")


def print_whole(classifier: VehicleClassifier) -> None:
    """A pass of some 10 s, block by block, from its end to its source."""
    sound = passing(40, 25)
    meter, recent = SoundLevelMeter(RATE), RecentSound(BUFFER_S)
    detector = EventDetector(DetectorConfig(fall_db=20.0), RATE)
    meter_s = detector_s = 0.0
    found: list[tuple[int, Detection]] = []
    kind_s = 0.0
    for start in range(0, sound.size, BLOCK):
        block = AudioBlock(sound[start : start + BLOCK, np.newaxis], RATE, start)
        recent.add(block)
        began = time.process_time()
        measured = meter.process(block)
        metered = time.process_time()
        events = detector.process(*measured)
        meter_s += metered - began
        detector_s += time.process_time() - metered
        for event in events:
            began = time.process_time()
            span = recent.cut(event.start_frame, event.end_frame)
            if span is not None:
                classifier.classify(span.pressure_pa[:, 0], RATE)
            kind_s = time.process_time() - began
            found.append((block.end_frame, event))
    ((now, event),) = found
    seconds = sound.size / RATE
    waited_s = (now - event.end_frame) / RATE
    print(f"\nan event of {event.duration_s:.1f} s, stream cut into blocks of 100 ms")
    print(f"meter, a second of sound      {1e3 * meter_s / seconds:8.2f} ms")
    print(f"detector, a second of sound   {1e3 * detector_s / seconds:8.2f} ms")
    print(f"  of the meter                {100 * detector_s / meter_s:8.1f} %")
    print(f"from its end to the detection {waited_s:8.2f} s of sound")
    print(f"from there to its source      {kind_s:8.2f} s of CPU")


def main() -> None:
    """Print the tables."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else model_store.default_dir()
    model = model_store.load(folder)
    if model is None:
        model_store.fetch(folder)
        model = model_store.load(folder)
    if model is None:
        raise SystemExit(f"there is no model in {folder}")
    print_model(folder, model)
    print_events(VehicleClassifier(model))
    print_whole(VehicleClassifier(model))


if __name__ == "__main__":
    main()
