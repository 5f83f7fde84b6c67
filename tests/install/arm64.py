"""``python -m tests.install.arm64``: the meter in a Debian for arm64 measures what ours does.

Programs in there are run by QEMU. What a card brings is chosen and unpacked from outside, as pip
would choose it in there: that takes seconds, and an emulated pip most of an hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.install.emulation import arm64
from tests.install.levels import TOLERANCE_DB, largest_difference
from tests.install.root import Root, built, finished

_SUITE: Final = "trixie-arm64"
_PACKAGES: Final = "/opt/skolro/packages"
# That of a Raspberry Pi Zero 2; QEMU's own choice has instructions that no Pi has.
_PROCESSOR: Final = "cortex-a53"
_LOCK: Final = Path(__file__).parents[2] / "deploy/image/node.lock"

console = Console()


def main() -> int:
    """Unpack, measure on both sides, and compare."""
    if os.geteuid() != 0:
        console.print("This needs root: sudo make test-install")
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, arm64(), Root(_SUITE) as root:
        unpack(root, built(Path(folder)))
        settings = (f"QEMU_CPU={_PROCESSOR}", f"PYTHONPATH={_PACKAGES}")
        skolro = ("env", *settings, "python3", "-m", "skolro")
        difference_db, count = largest_difference(root, skolro)
        console.print(
            f"arm64: {count} levels of the same sound differ by {difference_db:.3f} dB at most "
            f"({time.monotonic() - began:.0f} s)"
        )
        assert difference_db <= TOLERANCE_DB, "the levels are not the same"
    console.print("all is well")
    return 0


def unpack(root: Root, wheel: Path) -> None:
    """Put the locked wheels for arm64, and ours, where Python finds them in there."""
    asked = "import platform; print(platform.machine(), platform.python_version())"
    machine, version = root.run("python3", "-c", asked).split()
    assert machine == "aarch64", f"that is no arm64 but {machine}"
    pip = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--no-deps"]
    pip += ["--target", str(root.inside(_PACKAGES)), "--python-version", version]
    pip += ["--python-platform", "aarch64-manylinux_2_28", "--only-binary", ":all:"]
    finished([*pip, "--require-hashes", "--requirement", str(_LOCK)])
    finished([*pip, str(wheel)])
    console.print(f"arm64: unpacked for Python {version}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, subprocess.SubprocessError) as error:
        console.print(f"failed: {error}")
        sys.exit(1)
