"""The way out of the place and the clock that is set by it, as the system tells of them.

Read from the kernel and from chrony; of a modem, ModemManager's ``mmcli`` is asked where it is
installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from sensor.contract.commissioning import ClockFindings, NetworkFindings
from sensor.contract.messages import TimeSource
from sensor.time_service import ClockState, clock_state

_MODEM_S: Final = 5.0
_WIRELESS: Final = re.compile(r"^\s*(\S+):\s+\S+\s+(-?[\d.]+)\s+(-?[\d.]+)", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^(\S+)\t0{8}\t", re.MULTILINE)
_MODEM_QUALITY: Final = re.compile(r"signal-quality\.value\s*:\s*(\d+)")
_MOST_QUALITY: Final = 70.0

Link = Literal["wifi", "ethernet", "mobile", "unknown"]


def network_findings(
    broker_reached: bool, root: Path = Path("/"), ask_modem: Callable[[], str] | None = None
) -> NetworkFindings:
    """Return the interface of the default route and its signal, as far as the system tells.

    Parameters
    ----------
    broker_reached : bool
        Whether the node is connected to its broker.
    root : Path
        Where ``proc`` and ``sys`` are.
    ask_modem : callable, optional
        Gives what ``mmcli --output-keyvalue`` says of a modem.
    """
    interface = _default_interface(root)
    link = _link(root, interface)
    signal_dbm, quality = None, None
    if link == "wifi":
        signal_dbm, quality = _wireless(root, interface)
    elif link == "mobile":
        told = _MODEM_QUALITY.search((ask_modem or _asked_modem)())
        quality = None if told is None else float(told[1])
    return NetworkFindings(
        at=datetime.now(UTC),
        interface=interface,
        link=link,
        signal_dbm=signal_dbm,
        quality_percent=quality,
        broker_reached=broker_reached,
    )


def clock_findings(phone_s: float, state: ClockState | None = None) -> ClockFindings:
    """Return how the clock is led, beside the phone's, which shows `phone_s` since 1970."""
    arrived = datetime.now(UTC)
    told = state or clock_state()
    source = told.source if isinstance(told.source, TimeSource) else None
    return ClockFindings(
        at=arrived,
        synchronised=told.synchronised,
        offset_s=told.offset_s,
        error_s=None if source is None else source.error_s,
        server=None if source is None else source.server,
        phone_offset_s=round(phone_s - arrived.timestamp(), 1),
    )


def _default_interface(root: Path) -> str:
    found = _DEFAULT.search(_text(root / "proc/net/route"))
    return found[1] if found else ""


def _link(root: Path, interface: str) -> Link:
    if not interface:
        return "unknown"
    there = root / "sys/class/net" / interface
    if (there / "wireless").exists() or (there / "phy80211").exists():
        return "wifi"
    if interface.startswith(("ww", "ppp", "cdc", "usb")):
        return "mobile"
    return "ethernet" if interface.startswith(("eth", "en")) else "unknown"


def _wireless(root: Path, interface: str) -> tuple[float | None, float | None]:
    """Signal in dBm and quality of one row of ``/proc/net/wireless``."""
    for name, quality, level in _WIRELESS.findall(_text(root / "proc/net/wireless")):
        if name == interface:
            # A driver that has no level in dBm tells one above zero.
            dbm = float(level)
            percent = min(100.0, 100 * float(quality) / _MOST_QUALITY)
            return (dbm if dbm < 0 else None), round(percent)
    return None, None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _asked_modem() -> str:
    program = shutil.which("mmcli")
    if program is None:
        return ""
    try:
        asked = subprocess.run(
            [program, "--modem", "any", "--output-keyvalue"],
            capture_output=True, text=True, timeout=_MODEM_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout
