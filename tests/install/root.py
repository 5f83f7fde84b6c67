"""A fresh Debian in a folder, to install things into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

SUITES: Final = ("bookworm", "trixie")

# Else debootstrap's own choice.
_MIRROR: Final = os.environ.get("DEBIAN_MIRROR")
_CACHE: Final = Path("build") / "install"
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
# As what QEMU runs programs for arm64: a Raspberry Pi Zero 2. Its own choice signs every return
# address, at which setting up a Debian never ends, and has SVE, for which OpenBLAS's kernels
# calculate nonsense in it; no Pi has either.
_EMULATED: Final = "QEMU_CPU=cortex-a53"
# What a Raspberry Pi OS Lite has, of what matters here.
_PACKAGES: Final = "ca-certificates,iproute2,python3"


class Root:
    """A root folder of its own with a Debian as it comes; gone at the end.

    Parameters
    ----------
    suite : str
        Which Debian, and after a hyphen for which processor, if not ours. Made by debootstrap at
        the first time, and kept as an archive.
    """

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self._folder = Path(tempfile.mkdtemp(prefix=f"skolro-{suite}-"))
        self.path = self._folder / "root"

    def __enter__(self) -> Self:
        archive = _archive(self.suite)
        self.path.mkdir()
        _run("tar", "--extract", "--zstd", "--file", archive, "--directory", self.path)
        # It was made in a folder that nobody else may enter.
        self.path.chmod(0o755)
        for name in ("proc", "dev"):
            _run("mount", "--rbind", "--make-rslave", f"/{name}", self.path / name)
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        if _CERTIFICATES.exists():
            # Where the machine trusts a proxy of its own, so must what is installed here.
            shutil.copy(_CERTIFICATES, self.path / str(_CERTIFICATES)[1:])
            # pip knows others by itself.
            self.inside("/etc/pip.conf").write_text(f"[global]\ncert = {_CERTIFICATES}\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.let_go()
        shutil.rmtree(self._folder, ignore_errors=True)

    def let_go(self) -> None:
        """Unmount what is the machine's: what is left is the system's own."""
        for name in ("dev", "proc"):
            if os.path.ismount(self.path / name):
                _run("umount", "--recursive", "--lazy", self.path / name)

    def pack(self, archive: Path) -> None:
        """Keep the system as it is now, to begin with it another time; nothing runs here then."""
        self.let_go()
        _pack(self.path, archive)

    def inside(self, path: str) -> Path:
        """Where the absolute `path` in there is for us."""
        return self.path / path.lstrip("/")

    def command(self, *command: str, user: str | None = None) -> list[str]:
        """The command line that runs `command` in there, as root or as `user`."""
        whom = ["runuser", "-u", user, "--"] if user else []
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]
        return [*clean, _EMULATED, "chroot", str(self.path), *whom, *command]

    def run(self, *command: str, user: str | None = None) -> str:
        """Run something in there to its end; :class:`AssertionError` where it fails."""
        return _run(*self.command(*command, user=user))


def archive_of(suite: str) -> Path:
    """Where a system is kept."""
    return (_CACHE / f"{suite}.tar.zst").absolute()


def _pack(folder: str | Path, archive: Path) -> None:
    part = archive.with_suffix(".part")
    _run("tar", "--create", "--zstd", "--file", part, "--directory", folder, ".")
    part.replace(archive)


def _archive(suite: str) -> Path:
    path = archive_of(suite)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="skolro-debootstrap-") as folder:
        mirror = [] if _MIRROR is None else [_MIRROR]
        release, _, architecture = suite.partition("-")
        foreign = [f"--arch={architecture}", "--foreign"] if architecture else []
        options = ("--variant=minbase", f"--include={_PACKAGES}", *foreign)
        _run("debootstrap", *options, release, folder, *mirror)
        if foreign:
            chroot = ("env", _EMULATED, "chroot", folder)
            _run(*chroot, "/debootstrap/debootstrap", "--second-stage")
        _pack(folder, path)
    return path


def built(folder: Path) -> Path:
    """The wheel of this tree, made in `folder`."""
    finished([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def _run(*command: str | Path) -> str:
    return finished([str(part) for part in command])


def finished(command: Sequence[str]) -> str:
    """Run a command to its end and return what it printed; :class:`AssertionError` if it fails."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        last = "\n".join((ended.stdout + ended.stderr).splitlines()[-15:])
        raise AssertionError(f"{' '.join(command)} ended with {ended.returncode}:\n{last}")
    return ended.stdout
