"""A computer of its own for a card: QEMU, whose power can be cut."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from deploy.processes import Child
from tests.install.card_image import Card
from tests.install.root import finished
from tests.peers import free_port, wait_for

USER: Final = "skolro-admin"
# As a Raspberry Pi Zero 2 has it.
MEMORY_MB: Final = 512
_QEMU: Final = "qemu-system-x86_64"


class Computer:
    """Starts from a card as a Raspberry Pi's firmware does: kernel and command line are the card's.

    Parameters
    ----------
    folder : Path
        For its logs and keys.

    Attributes
    ----------
    card : Card
        What it starts from: put it in first.
    """

    card: Card

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._starts = 0
        self._child: Child | None = None
        self._key = folder / "technician"
        finished(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key)])

    @property
    def public_key(self) -> Path:
        """Of whoever may log in."""
        return self._key.with_suffix(".pub")

    def start(self) -> None:
        """Switch it on."""
        self._starts += 1
        kernel, initrd = self._boot_files()
        line = self.card.on_boot("cmdline.txt")
        assert line is not None, "there is no cmdline.txt on the card"
        self._child = Child(
            "computer",
            [
                _QEMU, "-machine", "q35", *_processor(), "-smp", "2", "-m", str(MEMORY_MB),
                "-nodefaults", "-display", "none", "-no-reboot",
                "-serial", f"file:{self._folder / f'console-{self._starts}.log'}",
                "-drive", f"file={self.card.path},format=raw,if=virtio,cache=writeback",
                "-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{self._port}-:22",
                "-device", "virtio-rng-pci",
                "-kernel", str(kernel), "-initrd", str(initrd), "-append", line.decode().strip(),
            ],
            self._folder / "qemu.log",
        )  # fmt: skip

    def await_login(self, within_s: float = 600) -> None:
        """Wait until a technician can log in."""
        wait_for(self._is_up, within_s, f"nobody can log in: {self.console()}")

    def await_end(self, within_s: float) -> None:
        """Wait until it has shut down, as for a restart."""
        child = self._running()
        wait_for(lambda: child.status is not None, within_s, f"it goes on: {self.console()}")
        assert child.status == 0, child.last_word()
        self._child = None

    def cut_power(self) -> None:
        """No program in there gets to do anything any more."""
        child = self._running()
        os.kill(child.pid, signal.SIGKILL)
        child.join(30)
        self._child = None

    def off(self) -> None:
        """However it is."""
        if self._child is not None and self._child.status is None:
            self.cut_power()

    def run(self, command: str) -> str:
        """Run a shell command as root to its end; :class:`AssertionError` where it fails."""
        return self.ssh(f"sudo sh -c {_quoted(command)}")

    def ssh(self, command: str, *, check: bool = True, within_s: float = 120) -> str:
        """Run a command as the technician. A host key that is not the first one is refused."""
        ended = subprocess.run(
            [
                "ssh", "-F", "none", "-i", str(self._key), "-p", str(self._port),
                "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR",
                "-o", "StrictHostKeyChecking=accept-new",
                "-o", f"UserKnownHostsFile={self._folder / 'known_hosts'}",
                f"{USER}@127.0.0.1", command,
            ],
            capture_output=True, text=True, check=False, timeout=within_s,
        )  # fmt: skip
        if check and ended.returncode != 0:
            raise AssertionError(
                f"{command} ended with {ended.returncode}: {ended.stdout[-1500:]}"
                f"{ended.stderr[-1500:]}"
            )
        return ended.stdout

    def console(self) -> str:
        """The last lines that its kernel and systemd wrote."""
        log = self._folder / f"console-{self._starts}.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""

    def _is_up(self) -> bool:
        child = self._running()
        assert child.status is None, f"it has gone down: {self.console()}"
        return self.ssh("echo up", check=False).strip() == "up"

    def _running(self) -> Child:
        assert self._child is not None, "it is not switched on"
        return self._child

    def _boot_files(self) -> tuple[Path, Path]:
        found = []
        for name in ("vmlinuz", "initrd.img"):
            path = self._folder / name
            path.unlink(missing_ok=True)
            self.card.take(self.card.newest_in_boot(name), path)
            found.append(path)
        return found[0], found[1]


def _processor() -> tuple[str, ...]:
    """Emulated, which takes ten times as long, where the processor does not help for real."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    if os.access("/dev/kvm", os.W_OK) and not {"vmx", "svm"}.isdisjoint(flags):
        return ("-accel", "kvm", "-cpu", "host")
    # One without AVX, which QEMU 7.2 does not emulate well enough for numpy.
    return ("-accel", "tcg,thread=multi", "-cpu", "Westmere")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
