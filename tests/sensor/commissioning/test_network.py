from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensor.commissioning.network import clock_findings, network_findings
from sensor.contract.messages import TimeSource
from sensor.time_service import ClockState

ROUTE = "Iface\tDestination\tGateway\tFlags\n{name}\t00000000\t0101A8C0\t0003\n"
# As the kernel of Raspberry Pi OS writes it (brcmfmac).
WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   52.  -58.  -256        0      0      0      0      0        0
 wlan1: 0000   35.   40.  -256        0      0      0      0      0        0
"""


def root(folder: Path, interface: str, *, wireless: bool = False) -> Path:
    (folder / "proc/net").mkdir(parents=True)
    (folder / "proc/net/route").write_text(ROUTE.format(name=interface))
    (folder / "proc/net/wireless").write_text(WIRELESS)
    there = folder / "sys/class/net" / interface
    there.mkdir(parents=True)
    if wireless:
        (there / "phy80211").mkdir()
    return folder


def test_a_wireless_network_tells_its_signal(tmp_path: Path) -> None:
    found = network_findings(broker_reached=True, root=root(tmp_path, "wlan0", wireless=True))
    assert (found.interface, found.link) == ("wlan0", "wifi")
    assert (found.signal_dbm, found.quality_percent) == (-58.0, 74.0)
    assert found.broker_reached


def test_a_driver_without_decibels_tells_the_quality_alone(tmp_path: Path) -> None:
    found = network_findings(broker_reached=True, root=root(tmp_path, "wlan1", wireless=True))
    assert (found.signal_dbm, found.quality_percent) == (None, 50.0)


def test_a_cable_has_no_signal(tmp_path: Path) -> None:
    found = network_findings(broker_reached=False, root=root(tmp_path, "eth0"))
    assert (found.link, found.signal_dbm, found.quality_percent) == ("ethernet", None, None)
    assert not found.broker_reached


@pytest.mark.parametrize(
    ("told", "quality"),
    [("modem.generic.signal-quality.value  : 67\n", 67.0), ("", None)],
)
def test_a_modem_is_asked(tmp_path: Path, told: str, quality: float | None) -> None:
    found = network_findings(
        broker_reached=True, root=root(tmp_path, "wwan0"), ask_modem=lambda: told
    )
    assert (found.link, found.quality_percent) == ("mobile", quality)


def test_the_clock_is_told_as_chrony_tells_it() -> None:
    source = TimeSource(server="192.0.2.1", stratum=2, error_s=0.012, age_s=30.0)
    led = ClockState(synchronised=True, offset_s=-0.0004, source=source)
    found = clock_findings(datetime.now(UTC).timestamp() - 90, led)
    assert (found.synchronised, found.offset_s) == (True, -0.0004)
    assert (found.server, found.error_s) == ("192.0.2.1", 0.012)
    assert found.phone_offset_s == pytest.approx(-90, abs=1)
    unknown = clock_findings(0.0, ClockState())
    assert (unknown.synchronised, unknown.server, unknown.error_s) == (None, None, None)


def test_no_way_out_is_no_error(tmp_path: Path) -> None:
    found = network_findings(broker_reached=False, root=tmp_path)
    assert (found.interface, found.link) == ("", "unknown")
