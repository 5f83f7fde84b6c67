"""The microphone's response is read from the usual files, and undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensor.acoustics import SoundLevelMeter
from sensor.acoustics.response import (
    MicrophoneResponse,
    ResponseFilter,
    load_response_filter,
    read_response,
)
from sensor.acoustics.weighting import weighting_db
from sensor.errors import MeterError
from tests.sensor.acoustics.signals import blocks, feed, known, noise, tone

UMIK = '"Sens Factor =-1.378dB, SERNO: 7012345"\n10.0\t-4.1\n100\t-0.2\n1000\t0.3\n20000\t3.1\n'


@pytest.mark.parametrize(
    "text",
    [
        UMIK,
        "* a remark\n10 -4.1 0\n100 -0.2 0\n1000 0.3 0\n20000 3.1 0\n",
        "Frequency,Gain\n10,-4.1\n100,-0.2\n1000,0.3\n20000,3.1\n",
        "10;-4,1\n100;-0,2\n1000;0,3\n20000;3,1\n",
        "10, -4.1\n100, -0.2\n1e3, 0.3\n20000, 3.1\n",
        "\ufeff10.0 -4.1\r\n100 -0.2\r\n1000 0.3\r\n20000 3.1\r\n",
    ],
)
def test_the_usual_files_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "response.txt"
    path.write_text(text, encoding="utf-8")
    response = read_response(path)
    assert response.frequency_hz.tolist() == [10, 100, 1000, 20000]
    assert response.gain_db == pytest.approx([-4.4, -0.5, 0.0, 2.8])


def test_the_head_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "7012345.txt"
    path.write_text(UMIK)
    response = read_response(path)
    assert response.sensitivity_db == -1.378
    assert response.serial == "7012345"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing here", "no response file"),
        ("10 0\n10 1\n2000 0\n", "do not rise"),
        ("10 0\n1000 94\n20000 0\n", "beyond 40 dB"),
        ("10 0\n100 1\n", "1 kHz"),
    ],
)
def test_what_is_no_response_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "response.txt"
    path.write_text(text)
    with pytest.raises(MeterError, match=why):
        read_response(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MeterError, match="cannot read"):
        load_response_filter(tmp_path / "none.txt", 48_000)


def _rolled_off() -> MicrophoneResponse:
    """A MEMS microphone: a fall below 60 Hz, a resonance above 5 kHz."""
    frequency = 1000 * 10 ** (np.arange(-17, 14) / 10)
    gain = -10 * np.log10(1 + (30 / frequency) ** 2) + 8 / (1 + (15_000 / frequency) ** 4)
    return MicrophoneResponse(frequency, gain - np.interp(1000, frequency, gain))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_the_filters_error_is_small_and_shown(rate: int) -> None:
    response = _rolled_off()
    correction = ResponseFilter(response, rate)
    assert correction.error_db < 0.1
    points = response.frequency_hz[response.frequency_hz < 0.4 * rate][5:]
    assert correction.gain_db(points) == pytest.approx(-response.gain_at_db(points), abs=0.1)


def test_a_curve_that_cannot_be_followed_shows_it() -> None:
    frequency = np.array([10.0, 20, 20.5, 21, 1000, 20_000])
    sharp = MicrophoneResponse(frequency, np.array([0.0, 0, 15, 0, 0, 0]))
    assert ResponseFilter(sharp, 48_000).error_db > 1


def test_a_correction_is_limited() -> None:
    deaf = MicrophoneResponse(np.array([10.0, 100, 1000, 20_000]), np.array([-39.0, 0, 0, 0]))
    assert ResponseFilter(deaf, 48_000).gain_db([10.0]).max() < 20.5


@pytest.mark.parametrize("frequency_hz", [40, 1000, 12_000])
def test_the_meter_reads_what_was_there(frequency_hz: float) -> None:
    response = _rolled_off()
    level_db = 80 + float(response.gain_at_db(frequency_hz))
    meter = SoundLevelMeter(48_000, correction=ResponseFilter(response, 48_000))
    readings, _ = feed(meter, blocks(tone(frequency_hz, level_db, 3.0, 48_000), 48_000, 4800))
    expected = 80 + float(weighting_db("A", frequency_hz))
    assert readings[1].laeq_db == pytest.approx(expected, abs=0.1)
    assert readings[1].lzeq_db == pytest.approx(80, abs=0.1)
    assert max((readings[1].bands_db or {}).values()) == pytest.approx(80, abs=0.15)


def test_blocks_do_not_show_in_the_correction() -> None:
    sound = noise(3, 40_000)
    levels = []
    for length in (40_000, 333):
        correction = ResponseFilter(_rolled_off(), 16_000)
        meter = SoundLevelMeter(16_000, correction=correction)
        levels.append([known(r.laeq_db) for r in feed(meter, blocks(sound, 16_000, length))[0]])
    assert levels[0] == pytest.approx(levels[1], abs=1e-6)
