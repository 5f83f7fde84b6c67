"""The decision rule, and what recordings become."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensor.contract.messages import Source, SourceKind
from sensor.errors import ModelError
from sensor.inputs.recording import RecordingConfig, RecordingInput
from sensor.passby.audioset import OTHERS, SUBTYPES, VEHICLE
from sensor.passby.vehicle import (
    TRAFFIC,
    VehicleClassifier,
    decide,
    group_scores,
    levelled,
    load_classifier,
)
from tests.sensor.passby.model import model_dir
from tests.sensor.passby.yamnet_golden import sounds

REFERENCE = Path(__file__).parents[3] / "../shared/reference/audio/esc10"
TRAFFIC_KINDS = {*SUBTYPES, "vehicle"}


def source_of(**scores: float) -> Source:
    """Decision for scores of groups; those not named are 0."""
    every = dict.fromkeys((*SUBTYPES, "vehicle", *OTHERS, TRAFFIC), 0.0)
    return decide(every | scores)


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        ({"traffic": 1.0, "vehicle": 0.9, "moped_motorcycle": 0.6}, "moped_motorcycle"),
        ({"traffic": 1.0, "vehicle": 0.9, "car": 0.3, "heavy_vehicle": 0.25}, "vehicle"),
        ({"traffic": 1.0, "vehicle": 0.9, "car": 0.31, "heavy_vehicle": 0.2}, "car"),
        ({"traffic": 1.0, "vehicle": 0.6, "car": 0.3, "tool": 0.4}, "unconfirmed"),
        ({"traffic": 1.0, "vehicle": 0.6, "car": 0.3, "aircraft_train_boat": 0.4}, "unconfirmed"),
        ({"traffic": 1.0, "vehicle": 0.9, "car": 0.1}, "unconfirmed"),
        ({"traffic": 0.5, "horn": 0.5}, "horn"),
        ({"traffic": 0.4, "vehicle": 0.4}, "unsure"),
        ({"traffic": 0.4, "vehicle": 0.4, "voices": 0.3}, "unsure"),
        ({"traffic": 0.4, "vehicle": 0.4, "voices": 0.7}, "voices"),
        ({"traffic": 0.1, "animal": 0.15}, "animal"),
        ({"traffic": 0.1, "animal": 0.14}, "unsure"),
        ({}, "unsure"),
    ],
)
def test_the_rule(scores: dict[str, float], kind: SourceKind) -> None:
    assert source_of(**scores).kind == kind


def test_the_probability_is_that_of_what_is_named() -> None:
    assert source_of(traffic=1.0, vehicle=0.9, moped_motorcycle=0.6).probability == 0.6
    assert source_of(traffic=1.0, vehicle=0.9, car=0.3, heavy_vehicle=0.25).probability == 0.9
    assert source_of(traffic=1.0, vehicle=0.5, tool=0.7).probability == 0.7
    assert source_of(traffic=0.1, animal=0.4).probability == 0.4
    assert source_of(traffic=0.3).probability is None


def classes(**scores: float) -> NDArray[np.float32]:
    made = np.zeros(521, dtype=np.float32)
    for number, score in scores.items():
        made[int(number.removeprefix("c"))] = score
    return made


def test_groups_take_their_strongest_class_and_traffic_the_sum() -> None:
    scores = group_scores(classes(c320=0.3, c301=0.1, c308=0.2, c337=0.25, c69=0.4, c70=0.3))
    assert scores["moped_motorcycle"] == 0.3
    assert scores["car"] == 0.2
    assert scores["vehicle"] == 0.25
    assert scores["animal"] == 0.4
    assert scores[TRAFFIC] == 0.85


def test_no_class_is_in_two_groups() -> None:
    groups = [*SUBTYPES.values(), VEHICLE, *OTHERS.values()]
    for one, other in itertools.combinations(groups, 2):
        assert not set(one) & set(other)
    assert set(itertools.chain(*groups)) <= set(range(521))


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.integers(0, 520), st.floats(0, 1, width=32), max_size=12))
def test_every_decision_travels_and_can_be_repeated(scores: dict[int, float]) -> None:
    class_scores = np.zeros(521, dtype=np.float32)
    class_scores[list(scores)] = list(scores.values())
    source = decide(group_scores(class_scores))
    received = msgspec.json.decode(msgspec.json.encode(source), type=Source)
    assert received == source
    assert received.scores is not None
    assert decide(received.scores) == source


def test_levels_do_not_matter_above_the_limit_of_the_gain() -> None:
    sound = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    loud, quiet = levelled(sound), levelled(sound * np.float32(2e-3) + np.float32(0.5))
    assert loud.std() == pytest.approx(0.1, rel=1e-4)
    assert quiet == pytest.approx(loud, abs=1e-3)
    assert levelled(sound * np.float32(1e-5)).std() == pytest.approx(1e-3, rel=1e-2)
    assert not levelled(np.zeros(100, dtype=np.float32)).any()


def test_without_a_model_there_is_no_classifier(tmp_path: Path) -> None:
    assert load_classifier(tmp_path) is None


def classifier() -> VehicleClassifier:
    found = load_classifier(model_dir())
    assert found is not None
    return found


@pytest.mark.parametrize("sample_rate", [22_050, 48_000])
def test_any_rate_is_classified_alike(sample_rate: int) -> None:
    """A school bell: strokes of a few partials that die away."""

    def bell(rate: int) -> NDArray[np.float64]:
        t = np.arange(3 * rate) / rate
        partials = sum(np.sin(2 * np.pi * f * t) for f in (620.0, 1240.0, 1860.0, 2480.0))
        return np.asarray(0.05 * partials * np.exp(-3 * (t % 1.0)))

    reference = classifier().classify(bell(16_000), 16_000)
    found = classifier().classify(bell(sample_rate), sample_rate)
    assert found.kind not in TRAFFIC_KINDS
    assert found.scores == pytest.approx(reference.scores, abs=0.05)


def test_sounds_made_by_formula_are_no_traffic() -> None:
    kinds = {name: classifier().classify(x, 16_000).kind for name, x in sounds().items()}
    assert kinds["tone"] == "bell"
    assert not TRAFFIC_KINDS & set(kinds.values())


def test_silence_is_unsure() -> None:
    assert classifier().classify(np.zeros(48_000), 48_000).kind == "unsure"


def test_a_sound_shorter_than_a_patch_is_classified() -> None:
    assert classifier().classify(sounds()["tone"][:4_000], 16_000).kind == "bell"


@pytest.mark.parametrize(
    "sound", [np.zeros(0), np.zeros((100, 2)), np.full(100, np.nan)], ids=["none", "2D", "nan"]
)
def test_what_is_no_sound_of_one_channel_is_refused(sound: NDArray[np.float64]) -> None:
    with pytest.raises(ModelError, match="cannot be classified"):
        classifier().classify(sound, 48_000)


def recorded(name: str) -> tuple[NDArray[np.float32], int]:
    with RecordingInput(RecordingConfig(path=str(REFERENCE / name), real_time=False)) as source:
        blocks = [block.pressure_pa[:, 0] for block in source.blocks()]
        return np.concatenate(blocks), source.sample_rate


CLIPS = sorted(path.name for path in REFERENCE.glob("*.ogg"))


@pytest.mark.recordings
@pytest.mark.skipif(not CLIPS, reason="the reference recordings are not here")
def test_recordings_of_what_is_no_traffic() -> None:
    """None is traffic; a table of what each becomes is printed (``pytest -s``)."""
    model = classifier()
    found = {name: model.classify(*recorded(name)) for name in CLIPS}
    for name, source in found.items():
        score = "" if source.probability is None else f"{source.probability:.2f}"
        print(f"{name:28} {source.kind:20} {score}")  # noqa: T201 - the table is wanted
    assert {name for name, source in found.items() if source.kind in TRAFFIC_KINDS} == set()
    engines = {n for n in found if n.startswith(("chainsaw", "helicopter"))}
    assert {found[name].kind for name in engines} == {"unconfirmed"}
    children = {n for n in found if n.startswith("baby_cry")}
    assert {found[name].kind for name in children} == {"voices"}


@pytest.mark.recordings
@pytest.mark.skipif(not CLIPS, reason="the reference recordings are not here")
def test_parts_of_those_recordings_at_other_levels() -> None:
    """Events are parts of what happens, and soft or loud."""
    model = classifier()
    names = [n for n in CLIPS if n.startswith(("baby", "dog", "rain", "rooster", "helicopter"))]
    for number, name in enumerate(names):
        sound, sample_rate = recorded(name)
        first = round((0.3 + 0.2 * (number % 5)) * sample_rate)
        part = sound[first : first + 3 * sample_rate] * np.float32(0.01)
        assert model.classify(part, sample_rate).kind not in TRAFFIC_KINDS, name
