"""The OPS243-A driver: what its lines mean, and a session over a real pseudo-terminal."""

from __future__ import annotations

import importlib
import os
import pty
import threading
import time
import tty
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.errors import InputError
from sensor.inputs.ops243 import Ops243Config, Ops243Radar, SpeedReading, parse_line
from sensor.inputs.simulated_radar import SimulatedRadar, SimulatedRadarConfig

NOW = datetime(2026, 11, 23, 7, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "speed_kmh", "direction", "magnitude"),
    [
        ('{"speed":28.5,"direction":"inbound","time":105,"tick":135}', 28.5, "inbound", None),
        ('{"speed":"31.2","direction":"outbound","time":"105.3"}', 31.2, "outbound", None),
        ('{"time":"5.1","unit":"km/h","magnitude":"612","speed":"44"}', 44.0, None, 612.0),
        ('{"uptime":12.5,"magnitude":88,"speed":-17.4}', 17.4, "outbound", 88.0),
        (
            '  {"speed": 12.0, "direction": "Inbound", "new": [1, {"a": 2}]}\r',
            12.0,
            "inbound",
            None,
        ),
        ("33.1", 33.1, None, None),
        ("-33.1\r", 33.1, "outbound", None),
    ],
)
def test_a_reading_is_understood(
    line: str, speed_kmh: float, direction: str | None, magnitude: float | None
) -> None:
    (reading,) = parse_line(line, NOW)
    assert reading.speed_kmh == pytest.approx(speed_kmh)
    assert (reading.direction, reading.magnitude, reading.time) == (direction, magnitude, NOW)


def test_several_echoes_in_one_line_are_several_readings() -> None:
    line = '{"speed":["28.5",12.1],"magnitude":[90,40],"direction":["inbound","outbound"]}'
    first, second = parse_line(line, NOW)
    assert (first.speed_kmh, first.direction, first.magnitude) == (28.5, "inbound", 90.0)
    assert (second.speed_kmh, second.direction, second.magnitude) == (12.1, "outbound", 40.0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\r\n",
        '{"speed":0}',
        '{"speed":"0.0","time":"1"}',
        '{"speed":',
        'ed":28.5,"direction":"inbound"}',
        '{"Units":"km/h"}',
        '{"speed":null}',
        '{"speed":true}',
        '{"speed":"fast"}',
        '{"speed":NaN}',
        '{"speed":"inf"}',
        '{"speed":9999}',
        '{"speed":1' + "0" * 400 + "}",
        '{"speed":' + "9" * 5000 + "}",
        '{"speed":' + "[" * 3000 + "}",
        "\u0663\u0663.1",
        '{"speed":[]}',
        "[1, 2]",
        "null",
    ],
)
def test_what_is_no_reading_gives_none(line: str) -> None:
    assert parse_line(line, NOW) == []


@settings(deadline=None, max_examples=200)
@given(
    st.text(max_size=80) | st.builds(lambda text: '{"speed":' + text + "}", st.text(max_size=20))
)
def test_no_line_breaks_the_parser(line: str) -> None:
    for reading in parse_line(line, NOW):
        assert 0.0 < reading.speed_kmh <= 250.0


class Terminal:
    """The radar's end of a pseudo-terminal, reached by a name that survives unplugging."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._master = -1
        self.plug_in()

    def plug_in(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(slave))
        os.close(slave)

    def pull_out(self) -> None:
        os.close(self._master)
        self._link.unlink()

    def send(self, text: str) -> None:
        os.write(self._master, text.encode())

    def settings_received(self) -> str:
        until = time.monotonic() + 5.0
        received = b""
        while b"BZ" not in received and time.monotonic() < until:
            try:
                received += os.read(self._master, 1024)
            except OSError:  # nobody has opened the other end yet
                time.sleep(0.02)
        return received.decode()


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "radar")


class Listener:
    """Collects the readings of a radar in a thread."""

    def __init__(self, radar: Ops243Radar) -> None:
        self.radar = radar
        self.readings: list[SpeedReading] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for reading in self.radar.readings():
            self.readings.append(reading)

    def wait_for(self, count: int) -> list[float]:
        until = time.monotonic() + 10.0
        while len(self.readings) < count and time.monotonic() < until:
            time.sleep(0.01)
        return [reading.speed_kmh for reading in self.readings]

    def end(self) -> None:
        self.radar.stop()
        self._thread.join(timeout=5.0)
        assert not self._thread.is_alive()
        self.radar.close()


SESSION = (
    '{"Product":"OPS243"}\r\n'
    '{"Units":"km/h"}\r\n'
    "\r\n"
    '{"speed":0,"direction":"inbound"}\r\n'
    '{"time":"12.0","magnitude":"310","speed":"21.3","direction":"inbound"}\r\n'
    'rection":"inbound"}\r\n'
    '{"speed":30.5,"direction":"inbound","time":105,"tick":135}\r\n'
    '{"uptime":3,"speed":["33.0",8.1],"direction":["outbound","inbound"],"odd":null}\r\n'
)


def test_a_session_with_all_its_oddities(terminal: Terminal, tmp_path: Path) -> None:
    listener = Listener(Ops243Radar(Ops243Config(port=str(tmp_path / "radar"))))
    assert terminal.settings_received().split() == ["UK", "OJ", "OM", "R|", "SX", "BZ"]
    # Whatever the serial line does, lines are put together again from their pieces.
    for begin in range(0, len(SESSION), 7):
        terminal.send(SESSION[begin : begin + 7])
        time.sleep(0.001)
    assert listener.wait_for(4) == [21.3, 30.5, 33.0, 8.1]
    assert listener.radar.ignored == 1
    listener.end()


def test_unplugged_and_back(terminal: Terminal, tmp_path: Path) -> None:
    config = Ops243Config(port=str(tmp_path / "radar"), retry_s=0.1)
    listener = Listener(Ops243Radar(config))
    terminal.settings_received()
    terminal.send('{"speed":20.5}\n{"spe')
    assert listener.wait_for(1) == [20.5]
    terminal.pull_out()
    time.sleep(0.4)
    terminal.plug_in()
    # The half line from before the plug was pulled must not spoil the first one after.
    assert "OJ" in terminal.settings_received()
    terminal.send('{"speed":25.5}\n')
    assert listener.wait_for(2) == [20.5, 25.5]
    assert listener.radar.reopened >= 1
    listener.end()


def test_stopping_while_the_plug_is_out(terminal: Terminal, tmp_path: Path) -> None:
    listener = Listener(Ops243Radar(Ops243Config(port=str(tmp_path / "radar"))))
    terminal.settings_received()
    terminal.pull_out()
    time.sleep(0.3)
    listener.end()


def test_a_silent_line_is_opened_again(terminal: Terminal, tmp_path: Path) -> None:
    config = Ops243Config(port=str(tmp_path / "radar"), quiet_s=0.3, retry_s=0.1)
    listener = Listener(Ops243Radar(config))
    terminal.settings_received()
    until = time.monotonic() + 5.0
    while not listener.radar.reopened and time.monotonic() < until:
        time.sleep(0.02)
    assert listener.radar.reopened
    listener.end()


def test_a_missing_device_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        Ops243Radar(Ops243Config(port=str(tmp_path / "none")))


def test_missing_pyserial_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without_serial(name: str, package: str | None = None) -> ModuleType:
        if name == "serial":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr("sensor.inputs.ops243.import_module", without_serial)
    with pytest.raises(InputError, match=r"skolro\[radar\]"):
        Ops243Radar(Ops243Config(port="/dev/null"))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "ops243", "port": "x", "bauds": 1}, Ops243Config)


def test_the_simulated_radar_sees_its_passes() -> None:
    config = SimulatedRadarConfig(speed_kmh=42.0, passes=2, every_s=20.0, real_time=False)
    readings = list(SimulatedRadar(config, NOW).readings())
    first = [reading for reading in readings if reading.time < NOW + timedelta(seconds=20)]
    assert 0 < len(first) < len(readings)
    assert max(reading.speed_kmh for reading in first) == pytest.approx(42.0, abs=1.5)
    assert {reading.direction for reading in first} == {"inbound", "outbound"}
    assert [reading.time for reading in readings] == sorted(reading.time for reading in readings)


def test_the_simulated_radar_repeats_itself() -> None:
    config = SimulatedRadarConfig(passes=1, real_time=False, seed=7)
    once, again = (list(SimulatedRadar(config, NOW).readings()) for _ in range(2))
    assert once == again
