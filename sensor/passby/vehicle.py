"""The kind of source of an event, with an honest "unsure"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensor.contract.messages import Source, SourceKind
from sensor.errors import ModelError
from sensor.passby import model_store
from sensor.passby.audioset import CONFUSERS, OTHERS, SUBTYPES, VEHICLE
from sensor.passby.log_mel import patches, resampled
from sensor.passby.yamnet import Yamnet

TRAFFIC = "traffic"
"""Name of the sum of all traffic classes among the scores."""

TRAFFIC_LIKELY = 0.5
"""Sum of the traffic classes from which on it is traffic, or a machine that sounds like it."""

TRAFFIC_UNLIKELY = 0.2
"""Sum below which it is none."""

NAMED = 0.15
"""Score that a class must reach for its group to be named."""

LEAD = 1.5
"""Factor by which a kind of vehicle must lead the next to be named instead of ``vehicle``."""

TARGET_RMS = 0.1
"""-20 dB re full scale: the loudness that the model was trained with, more or less."""

MOST_GAIN = 100.0
"""40 dB; more would only lift the microphone's own noise."""

MOST_PATCHES = 16
"""Patches an event is judged by at most, so that a long one does not take longer."""


class VehicleClassifier:
    """Tells what an event's sound was.

    Parameters
    ----------
    model : Yamnet
        The network.
    """

    def __init__(self, model: Yamnet) -> None:
        self._model = model

    def classify(self, pressure_pa: NDArray[np.floating], sample_rate: int) -> Source:
        """Return the kind of source of a sound.

        Parameters
        ----------
        pressure_pa : ndarray, shape (frames,)
            The sound of the event, one channel; its level does not matter above 34 dB.
        sample_rate : int
            Frames a second.

        Raises
        ------
        ModelError
            There is no sound, it has several channels, or parts of it are no numbers.
        """
        if pressure_pa.ndim != 1 or not pressure_pa.size or not np.isfinite(pressure_pa).all():
            raise ModelError(
                f"a sound of shape {pressure_pa.shape} cannot be classified: give the frames of "
                "one channel, all of them finite"
            )
        sound = levelled(resampled(pressure_pa, sample_rate))
        mean = self._model.scores(patches(sound, MOST_PATCHES)).mean(axis=0)
        return decide(group_scores(mean))


def load_classifier(model_dir: Path | str) -> VehicleClassifier | None:
    """Return the classifier with the model in `model_dir`; None where there is no model.

    Raises
    ------
    ModelError
        What is there is no model.
    """
    model = model_store.load(Path(model_dir))
    return None if model is None else VehicleClassifier(model)


def levelled(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `sound`, shape (samples,), without offset and at the level the model expects."""
    centred = sound - sound.mean()
    rms = float(np.sqrt(np.mean(np.square(centred))))
    gain = min(TARGET_RMS / rms, MOST_GAIN) if rms > 0 else MOST_GAIN
    scaled: NDArray[np.float32] = centred * np.float32(gain)
    return scaled


def group_scores(class_scores: NDArray[np.float32]) -> dict[str, float]:
    """Scores of the groups: each its strongest class, and the sum of all traffic classes.

    Parameters
    ----------
    class_scores : ndarray, shape (521,)
        Mean over the event.

    Returns
    -------
    dict of str to float
        By kind of source, and :data:`TRAFFIC`; rounded, so that the decision can be repeated
        from what is published. The sum is cut at 1, where it has long been decided.
    """
    groups = [*SUBTYPES.items(), ("vehicle", VEHICLE), *OTHERS.items()]
    scores: dict[str, float] = {
        kind: float(class_scores[list(group)].max()) for kind, group in groups
    }
    traffic = [index for group in (*SUBTYPES.values(), VEHICLE) for index in group]
    scores[TRAFFIC] = min(1.0, float(class_scores[traffic].sum()))
    return {name: round(score, 3) for name, score in scores.items()}


def decide(scores: Mapping[str, float]) -> Source:
    """Return the source that `scores`, as :func:`group_scores` gives them, speak for."""
    kind = _kind(scores)
    return Source(kind=kind, probability=_score(kind, scores), scores=dict(scores))


def _kind(scores: Mapping[str, float]) -> SourceKind:
    if scores[TRAFFIC] >= TRAFFIC_LIKELY:
        return _vehicle(scores)
    other = max(OTHERS, key=lambda kind: scores[kind])
    clear = scores[TRAFFIC] < TRAFFIC_UNLIKELY or scores[other] > scores[TRAFFIC]
    return other if clear and scores[other] >= NAMED else "unsure"


def _vehicle(scores: Mapping[str, float]) -> SourceKind:
    """Kind of vehicle, or ``unconfirmed``.

    Helicopters, chainsaws and heavy rain fill the general classes, vehicle and engine, as well
    as traffic does. What they do not fill is a class of one kind of vehicle.
    """
    leader, second = sorted(SUBTYPES, key=lambda kind: scores[kind], reverse=True)[:2]
    confuser = max(scores[kind] for kind in CONFUSERS)
    if scores[leader] < NAMED or scores[leader] < confuser:
        return "unconfirmed"
    return leader if scores[leader] >= LEAD * scores[second] else "vehicle"


def _score(kind: SourceKind, scores: Mapping[str, float]) -> float | None:
    """Strongest class of what was named; None where nothing was."""
    if kind == "unsure":
        return None
    named: dict[SourceKind, tuple[str, ...]] = {
        "vehicle": (*SUBTYPES, "vehicle"),
        "unconfirmed": (*SUBTYPES, "vehicle", *CONFUSERS),
    }
    return max(scores[name] for name in named.get(kind, (kind,)))
