"""Programs of another processor, run by QEMU as if they were this machine's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.install.root import finished

_FORMATS: Final = Path("/proc/sys/fs/binfmt_misc")
_QEMU: Final = "qemu-aarch64"
# As the package qemu-user-static brings it: with F, so that it works in a chroot too.
_FORMAT: Final = Path("/usr/lib/binfmt.d") / f"{_QEMU}.conf"


@contextmanager
def arm64() -> Iterator[None]:
    """Let the kernel run programs for arm64, and leave it as it was.

    Raises
    ------
    AssertionError
        QEMU is not installed.
    """
    assert _FORMAT.exists(), "QEMU is not installed: apt-get install qemu-user-static"
    if not (_FORMATS / "register").exists():
        finished(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_FORMATS)])
    if (_FORMATS / _QEMU).exists():
        yield
        return
    lines = _FORMAT.read_text(encoding="ascii").splitlines()
    (format_,) = (line for line in lines if line.startswith(":"))
    (_FORMATS / "register").write_text(format_, encoding="ascii")
    try:
        yield
    finally:
        (_FORMATS / _QEMU).write_text("-1", encoding="ascii")
