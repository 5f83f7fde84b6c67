"""Sound cards for tests: ALSA's own ones without hardware, and a real sound server.

PortAudio reads ALSA's configuration once a process, so whatever uses these runs in its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[3]
PULSEAUDIO = shutil.which("pulseaudio")
PULSE_PLUGIN = next(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"), None)
HARDWARE = Path("/dev/snd/controlC0").exists()

SHOWN = 'hint {{ show on; description "{name}" }}'
NULL = "pcm.{name} {{ type null " + SHOWN + " }}"
# A device of two channels and no more.
STEREO = (
    "pcm.{name} {{ type multi slaves.a {{ pcm {{ type null }} channels 2 }} "
    "bindings.0 {{ slave a channel 0 }} bindings.1 {{ slave a channel 1 }} " + SHOWN + " }}"
)
PULSE = 'pcm.{name} {{ type pulse server "unix:{socket}" device "street.monitor" ' + SHOWN + " }}"


def alsa(folder: Path, *devices: str) -> dict[str, str]:
    """The environment of a process that sees these devices."""
    path = folder / "asound.conf"
    path.write_text("\n".join(["</usr/share/alsa/alsa.conf>", *devices]))
    return os.environ | {"ALSA_CONFIG_PATH": str(path), "PYTHONUNBUFFERED": "1"}


def run(program: str, environment: dict[str, str]) -> str:
    """What `program` prints."""
    head = "from sensor.errors import InputError\nfrom sensor.inputs import *\n"
    done = subprocess.run(
        [sys.executable, "-c", head + program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class SoundServer:
    """A real PulseAudio whose one device plays a tone of 1 kHz at half of full scale."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        script = self.folder / "server.pa"
        script.write_text(
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.socket}\n"
            "load-module module-null-sink sink_name=street rate=48000 channels=2\n"
            "load-module module-sine sink=street frequency=1000\n"
        )
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                *(str(PULSEAUDIO), "-n", "-F", str(script), "--daemonize=no", "--disable-shm=yes"),
                *("--use-pid-file=no", "--exit-idle-time=-1"),
            ],
            env=os.environ | {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + 30.0
        while not self.socket.exists():
            assert time.monotonic() < deadline_s, "PulseAudio does not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as if it were unplugged."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
