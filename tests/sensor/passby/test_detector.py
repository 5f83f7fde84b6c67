"""Events: their beginnings and ends, what parts and joins them, what they say."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensor.acoustics.meter import LevelStep, SoundLevelMeter
from sensor.blocks import AudioBlock
from sensor.passby.detector import (
    Detection,
    DetectorConfig,
    EventDetector,
    normalised_7m5_db,
)
from tests.sensor.passby.levels import (
    SAMPLE_RATE,
    STEP,
    Level,
    bursts,
    constant,
    passes,
    readings_of,
    run,
    steps_of,
)

CONFIG = DetectorConfig()


def detected(level: Level, seconds: float, config: DetectorConfig = CONFIG) -> list[Detection]:
    """The events of a course of the level, with the readings that belong to it."""
    steps = steps_of(level, seconds)
    detector = EventDetector(config, SAMPLE_RATE)
    return [event for _, event in run(detector, steps, readings_of(steps))]


def seconds(frame: int) -> float:
    return frame / SAMPLE_RATE


@pytest.mark.parametrize("sample_rate", [48_000, 44_100])
def test_a_tone_burst_through_the_meter_is_one_event(sample_rate: int) -> None:
    t = np.arange(16 * sample_rate) / sample_rate
    noise_pa = np.random.default_rng(3).standard_normal(t.size) * 20e-6 * 10 ** (40 / 20)
    tone_pa = math.sqrt(2) * np.sin(2 * np.pi * 1000 * t) * ((t >= 11.3) & (t < 13.3))
    sound = (noise_pa + tone_pa).astype(np.float32)[:, np.newaxis]
    meter, detector = SoundLevelMeter(sample_rate), EventDetector(CONFIG, sample_rate)
    found: list[Detection] = []
    for start in range(0, t.size, sample_rate // 10):
        block = AudioBlock(sound[start : start + sample_rate // 10], sample_rate, start)
        found += detector.process(*meter.process(block))
    found += detector.process(*meter.flush()) + detector.flush()

    (event,) = found
    level_db = 20 * math.log10(1 / 20e-6)
    assert event.lafmax_db == pytest.approx(level_db, abs=0.1)
    assert event.lae_db == pytest.approx(level_db + 10 * math.log10(2), abs=0.1)
    assert 10.3 <= event.start_frame / sample_rate <= 11.3
    # F falls by 15 dB in 0.43 s; the ends are on the grid of 125 ms.
    assert event.end_frame / sample_rate == pytest.approx(13.3 + 15 / 34.7, abs=0.13)
    assert event.trigger == "level"
    assert event.flags == frozenset()
    assert event.bands_db is not None
    assert max(event.bands_db, key=event.bands_db.__getitem__) == "1000"
    assert event.bands_db["1000"] == pytest.approx(event.laeq_db, abs=0.3)
    # The tone's beginning overshoots in the C-weighting by a little.
    assert event.lcpeak_db == pytest.approx(level_db + 3.01, abs=0.5)


def test_what_fades_after_a_loud_event_is_no_part_of_the_next() -> None:
    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        fading = np.where(t >= 22, 94 - 34.7 * (t - 22), 94.0)
        loud = np.where((t >= 20) & (fading > 40), fading, 40.0)
        return np.where((t >= 27) & (t < 29), 78.0, loud)

    assert [round(event.lafmax_db) for event in detected(level, 40)] == [94, 78]


def test_a_pass_is_given_out_a_second_after_its_end() -> None:
    steps = steps_of(passes(30), 60)
    ((now, event),) = run(EventDetector(CONFIG, SAMPLE_RATE), steps, readings_of(steps))
    assert seconds(now - event.end_frame) == pytest.approx(1.0)
    assert seconds(event.lafmax_frame) == pytest.approx(30, abs=0.25)
    assert event.lafmax_db == pytest.approx(80, abs=0.2)
    # 15 dB below the peak and half a second of pre-roll.
    assert seconds(event.start_frame) == pytest.approx(30 - 7.5 / 12 * 5.5 - 0.5, abs=0.3)
    assert seconds(event.end_frame) == pytest.approx(30 + 7.5 / 12 * 5.5, abs=0.4)


def test_what_emerges_from_a_quiet_yard_counts_below_the_fixed_level() -> None:
    (event,) = detected(passes(30, peak_db=66), 60)
    assert event.trigger == "emergence"
    assert event.background_laf90_db is not None
    assert event.emergence_db == pytest.approx(66 - event.background_laf90_db, abs=0.2)


@pytest.mark.parametrize(
    ("peak_db", "floor_db"), [(58, 40), (66, 55)], ids=["below the floor", "little emergence"]
)
def test_what_hardly_emerges_is_no_event(peak_db: float, floor_db: float) -> None:
    assert detected(passes(30, peak_db=peak_db, floor_db=floor_db), 60) == []


def test_beside_a_loud_road_only_what_rises_counts() -> None:
    assert detected(constant(74), 60) != []
    roar = steps_of(lambda t: np.maximum(constant(74)(t), passes(60, peak_db=88)(t)), 90)
    events = [e for _, e in run(EventDetector(CONFIG, SAMPLE_RATE), roar)]
    assert [round(event.lafmax_db) for event in events] == [74, 88]


@pytest.mark.parametrize(
    ("gap_s", "speed_mps"), [(4, 12.0), (5, 8.3), (6, 8.3), (8, 12.0), (6, 6.0)]
)
def test_passes_a_few_seconds_apart_are_two_events(gap_s: float, speed_mps: float) -> None:
    first, second = detected(passes(30, 30 + gap_s, speed_mps=speed_mps), 70)
    assert seconds(first.lafmax_frame) == pytest.approx(30, abs=0.3)
    assert seconds(second.lafmax_frame) == pytest.approx(30 + gap_s, abs=0.3)
    assert first.end_frame == second.start_frame
    middle_s = 30 + gap_s / 2
    assert seconds(first.end_frame) == pytest.approx(middle_s, abs=0.5)


def test_three_passes_of_different_loudness_are_three_events() -> None:
    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        quiet, loud = passes(30, 46, peak_db=74), passes(38, peak_db=80)
        return 10 * np.log10(10 ** (quiet(t) / 10) + 10 ** (loud(t) / 10))

    events = detected(level, 70)
    assert [round(event.lafmax_db) for event in events] == [74, 80, 74]


@pytest.mark.parametrize(("depth_db", "length_s"), [(15, 0.6), (4, 1.5), (30, 0.4)])
def test_one_pass_that_dips_is_one_event(depth_db: float, length_s: float) -> None:
    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        dips = (t > 29.0) & (t < 29.0 + length_s)
        return passes(30)(t) - depth_db * dips

    assert len(detected(level, 60)) == 1


def test_a_click_is_no_event_and_a_bang_is() -> None:
    click, bang = bursts((20, 20.02), level_db=78), bursts((20, 20.1), level_db=100)
    assert detected(click, 40) == []
    (event,) = detected(bang, 40)
    assert event.duration_s < 1.6


def test_a_long_noise_is_cut_once_and_a_pass_above_it_is_heard() -> None:
    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        mower = bursts((60, 400), level_db=72)
        return np.maximum(mower(t), passes(200, peak_db=88)(t))

    cut, vehicle = detected(level, 420)
    assert cut.flags == {"cut"}
    assert cut.duration_s == pytest.approx(25, abs=0.2)
    assert seconds(vehicle.lafmax_frame) == pytest.approx(200, abs=0.3)
    assert "cut" not in vehicle.flags
    # Five minutes of it do not become the background.
    assert vehicle.background_laf90_db == pytest.approx(46, abs=1)


def test_the_end_of_the_stream_cuts() -> None:
    (event,) = detected(bursts((20, 40), level_db=80), 30)
    assert event.flags == {"cut"}
    assert seconds(event.end_frame) == 30


def test_a_storm_does_not_flood_and_what_is_dropped_is_counted() -> None:
    gusts = [(10 + 6 * i, 11 + 6 * i) for i in range(30)]
    detector = EventDetector(DetectorConfig(maximum_per_hour=7), SAMPLE_RATE)
    events = run(detector, steps_of(bursts(*gusts, level_db=85), 200))
    assert len(events) == 7
    assert detector.dropped == 23


def test_the_radar_opens_an_event_that_is_hardly_heard() -> None:
    detector = EventDetector(CONFIG, SAMPLE_RATE)
    for tenth in range(20):
        detector.radar(round((20 + tenth / 10) * SAMPLE_RATE), 40.0)
    ((_, event),) = run(detector, steps_of(constant(50), 40))
    assert event.trigger == "radar"
    assert seconds(event.start_frame) == pytest.approx(19.5, abs=0.13)
    assert seconds(event.end_frame) == pytest.approx(22, abs=0.13)
    assert event.lafmax_db == pytest.approx(50, abs=0.1)


def test_the_radar_opens_one_event_a_vehicle() -> None:
    detector = EventDetector(CONFIG, SAMPLE_RATE)
    for tenth in range(200):
        detector.radar(round((20 + tenth / 10) * SAMPLE_RATE), 40.0)
    ((_, event),) = run(detector, steps_of(passes(25), 60))
    assert event.trigger == "radar"
    assert event.lafmax_db == pytest.approx(80, abs=0.2)
    # Once it is heard, its sound decides the end, not how far the radar sees.
    assert seconds(event.end_frame) == pytest.approx(28.5, abs=0.5)


def test_a_walker_opens_nothing() -> None:
    detector = EventDetector(CONFIG, SAMPLE_RATE)
    detector.radar(20 * SAMPLE_RATE, 6.0)
    assert run(detector, steps_of(constant(50), 40)) == []


def spoilt(steps: list[LevelStep], first: int, last: int) -> list[LevelStep]:
    """`steps` with some not valid."""
    nan = math.nan
    return [
        replace(step, lafmax_db=nan, laeq_db=nan, lceq_db=nan, valid=False)
        if first <= index < last
        else step
        for index, step in enumerate(steps)
    ]


def test_steps_that_are_not_valid_are_flagged_and_left_out() -> None:
    ((_, event),) = run(
        EventDetector(CONFIG, SAMPLE_RATE), spoilt(steps_of(passes(30), 60), 230, 234)
    )
    assert event.flags == {"gap"}
    assert event.lafmax_db == pytest.approx(80, abs=0.2)


def test_an_event_that_a_gap_ends_is_flagged() -> None:
    steps = spoilt(steps_of(bursts((20, 30), level_db=80), 60), 200, 280)
    ((_, event), *_) = run(EventDetector(CONFIG, SAMPLE_RATE), steps)
    assert event.flags == {"gap"}
    assert seconds(event.end_frame) == pytest.approx(25, abs=0.01)


def test_missing_steps_end_an_event_and_nothing_reaches_back_over_them() -> None:
    steps = steps_of(bursts((20, 40), level_db=80), 60)
    first, second = (
        event for _, event in run(EventDetector(CONFIG, SAMPLE_RATE), steps[:200] + steps[240:])
    )
    assert first.flags == {"gap"}
    assert second.flags == frozenset()
    assert first.end_frame <= 200 * STEP
    assert second.start_frame >= 240 * STEP


def test_overload_is_flagged() -> None:
    steps = [replace(s, overload=236 <= i < 240) for i, s in enumerate(steps_of(passes(30), 60))]
    ((_, event),) = run(EventDetector(CONFIG, SAMPLE_RATE), steps)
    assert event.flags == {"overload"}


def test_wind_is_suspected_from_the_bands_of_the_event() -> None:
    steps = steps_of(passes(30), 60, lc_la_db=25.0)
    rumble = dict.fromkeys((25.0, 31.5, 40.0), 15.0) | dict.fromkeys((80.0, 100.0, 1000.0), -8.0)
    found = run(EventDetector(CONFIG, SAMPLE_RATE), steps, readings_of(steps, rumble))
    assert [event.flags for _, event in found] == [{"wind_suspected"}]


def test_rain_is_suspected_during_and_after_steady_hiss() -> None:
    steps = steps_of(passes(40, floor_db=58), 60)
    hiss = dict.fromkeys((250.0, 500.0, 1000.0), -12.0) | dict.fromkeys(
        (2000.0, 4000.0, 8000.0), -6.0
    )
    found = run(EventDetector(CONFIG, SAMPLE_RATE), steps, readings_of(steps, hiss))
    assert [event.flags for _, event in found] == [{"rain_suspected"}]


def test_the_spectrum_of_a_short_event_is_not_diluted_by_the_seconds_around_it() -> None:
    steps = steps_of(bursts((20.6, 21.3), level_db=85), 40)
    flat = dict.fromkeys((500.0, 1000.0, 12500.0), -4.0)
    ((_, event),) = run(EventDetector(CONFIG, SAMPLE_RATE), steps, readings_of(steps, flat))
    assert event.bands_db is not None
    assert event.bands_db.keys() == {"500", "1000", "12500"}
    assert event.bands_db["1000"] == pytest.approx(event.laeq_db - 4, abs=0.2)


def test_a_silent_band_is_not_below_what_the_meter_shows() -> None:
    steps = steps_of(bursts((20.9, 21.5), level_db=85, floor_db=20), 40)
    found = run(EventDetector(CONFIG, SAMPLE_RATE), steps, readings_of(steps, {20000.0: -125.0}))
    assert [event.bands_db for _, event in found] == [{"20000": -40.0}]


def test_the_trace_has_one_value_a_second_from_the_start() -> None:
    (event,) = detected(passes(30), 60)
    assert len(event.trace_lafmax_db) == math.ceil(event.duration_s)
    assert max(x for x in event.trace_lafmax_db if x is not None) == event.lafmax_db


def test_levels_are_normalised_by_distance() -> None:
    assert normalised_7m5_db(80, 7.5) == 80
    assert normalised_7m5_db(80, 15) == pytest.approx(86.02, abs=0.01)


@pytest.mark.parametrize("wrong", [{"level_db": 10}, {"maximum_s": 60}, {"levle_db": 70}])
def test_thresholds_out_of_their_limits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, DetectorConfig)


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.floats(12, 80), min_size=1, max_size=5),
    st.floats(60, 95),
    st.lists(st.integers(1, 90), min_size=1, max_size=12),
)
def test_events_do_not_depend_on_how_the_steps_come(
    at_s: list[float], peak_db: float, cuts: list[int]
) -> None:
    steps = steps_of(passes(*at_s, peak_db=peak_db), 90)
    alone = [event for _, event in run(EventDetector(CONFIG, SAMPLE_RATE), steps)]
    detector = EventDetector(CONFIG, SAMPLE_RATE)
    together: list[Detection] = []
    lengths = itertools.cycle(cuts)
    start = 0
    while start < len(steps):
        length = next(lengths)
        together += detector.process([], steps[start : start + length])
        start += length
    assert together + detector.flush() == alone


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.floats(12, 110), st.floats(55, 95)), min_size=1, max_size=8),
    st.floats(3, 20),
)
def test_events_are_in_order_and_do_not_overlap(
    vehicles: list[tuple[float, float]], speed_mps: float
) -> None:
    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        courses = [passes(at_s, peak_db=p, speed_mps=speed_mps)(t) for at_s, p in vehicles]
        return np.asarray(
            10 * np.log10(np.sum([10 ** (course / 10) for course in courses], axis=0))
        )

    events = detected(level, 120)
    for event in events:
        assert event.start_frame <= event.lafmax_frame < event.end_frame
        assert 0 < event.duration_s <= CONFIG.maximum_s
        assert event.laeq_db <= event.lafmax_db + 0.5
    for earlier, later in itertools.pairwise(events):
        assert earlier.end_frame <= later.start_frame
    loudest_s, loudest_db = max(vehicles, key=lambda vehicle: vehicle[1])
    if loudest_db > 75:
        spans = [(seconds(e.start_frame), seconds(e.end_frame)) for e in events]
        assert any(start <= loudest_s <= end for start, end in spans)
