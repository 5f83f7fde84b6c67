"""What udev makes of a node's rules, told of devices that a Raspberry Pi would have.

umockdev shows devices to udev that are not there; ``udevadm test`` says what it would do. Both run
in the machine where the rules are installed.
"""

from __future__ import annotations

from typing import Final

from tests.install.machine import Machine

_DESCRIPTION: Final = "/srv/raspberry.umockdev"

_DEVICES: Final = """\
P: /devices/platform/usb1/1-1
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
A: idVendor=2752
A: idProduct=0007

P: /devices/platform/usb1/1-1/1-1:1.0
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface

P: /devices/platform/usb1/1-1/1-1:1.0/sound/card1
E: SUBSYSTEM=sound
A: id=U18dB
A: number=1

P: /devices/platform/soc/soc:sound/sound/card0
E: SUBSYSTEM=sound
A: id=sndrpigooglevoi

P: /devices/platform/vc4/sound/card2
E: SUBSYSTEM=sound
A: id=vc4hdmi

P: /devices/platform/usb1/1-2
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
A: idVendor=058b
A: idProduct=0058

P: /devices/platform/usb1/1-2/1-2:1.0
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface

P: /devices/platform/usb1/1-2/1-2:1.0/tty/ttyACM3
N: ttyACM3
E: SUBSYSTEM=tty
E: DEVNAME=/dev/ttyACM3
E: MAJOR=166
E: MINOR=3
A: dev=166:3

P: /devices/platform/leds/leds/ACT
E: SUBSYSTEM=leds
A: brightness=0
A: trigger=[mmc0] none
"""

# As the udev of bookworm and that of trixie write it.
_NAMED: Final = ("'skolro'", '"skolro"')

EXPECTED: Final[dict[str, tuple[str, ...]]] = {
    "usb1/1-1/1-1:1.0/sound/card1": _NAMED,
    "soc/soc:sound/sound/card0": _NAMED,
    # It plays and does not record.
    "vc4/sound/card2": (),
    "usb1/1-2/1-2:1.0/tty/ttyACM3": ("skolro-radar",),
    "leds/leds/ACT": ("chgrp skolro",),
}
"""Device, and one of these stands in what udev says of our rules for it; empty: nothing of ours."""


def check(machine: Machine) -> None:
    """Ask udev about each device; :class:`AssertionError` where it makes something else of one."""
    machine.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "udev", "umockdev")
    machine.root.inside(_DESCRIPTION).write_text(_DEVICES, encoding="ascii")
    try:
        for device, expected in EXPECTED.items():
            said = _said(machine, device)
            found = [text for text in expected for line in said if text in line]
            assert bool(found) == bool(expected), f"udev says of {device}: {said}"
    finally:
        # udev makes the radar's links although the device is none.
        machine.run("rm", "-f", "/dev/skolro-radar", "/dev/char/166:3")


def _said(machine: Machine, device: str) -> list[str]:
    """What udev does to a device by our rules, line by line."""
    test = ("udevadm", "test", "--action=add", f"/sys/devices/platform/{device}")
    # It tells what it does on the other output.
    told = machine.run(
        "sh", "-c", '"$@" 2>&1', "sh", "umockdev-run", "-d", _DESCRIPTION, "--", *test
    )
    return [line for line in told.splitlines() if "85-skolro.rules:" in line]
