"""Wheels of a Skolro that stands in for releases: this tree's own, under any version and habit."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

_PROGRAM: Final = """\
import os, sys, time

def main():
    if sys.argv[1:] == ["--version"]:
        print("skolro {version}")
        return
    if {habit!r} == "sleeps" and sys.argv[1:3] == ["sensor", "run"]:
        time.sleep(3600)
    if {habit!r} == "fails" and sys.argv[1:3] == ["sensor", "run"]:
        sys.exit("skolro: it fails")
    if {habit!r} == "reads no configuration" and sys.argv[1:3] == ["sensor", "check-config"]:
        sys.exit("skolro: node.toml, line 3: levels.batch_s is not a known key")
    os.chdir({root!r})
    os.execv({python!r}, [{python!r}, "-m", "skolro", *sys.argv[1:]])
"""


def stand_in(folder: Path, version: str, habit: str = "works") -> Path:
    """Write a wheel of `version` that is installed at once and runs this tree.

    `habit` is ``works``, ``sleeps`` (starts, and never measures), ``fails`` (does not start) or
    ``reads no configuration``.
    """
    info = f"skolro-{version}.dist-info"
    program = _PROGRAM.format(version=version, habit=habit, root=str(ROOT), python=sys.executable)
    return write_wheel(
        folder / f"skolro-{version}-py3-none-any.whl",
        {
            "skolro_stand_in.py": program.encode(),
            f"{info}/METADATA": (
                f"Metadata-Version: 2.1\nName: skolro\nVersion: {version}\n".encode()
            ),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": b"[console_scripts]\nskolro = skolro_stand_in:main\n",
        },
        info,
    )


def write_wheel(path: Path, files: dict[str, bytes], info: str) -> Path:
    """Write a wheel with its list of what is in it."""
    record = "".join(f"{name},sha256={_hash(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def same_with(wheel: Path, folder: Path, version: str, changes: dict[str, bytes]) -> Path:
    """Write a wheel again as another version, with other content of some files."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (old,) = {name.split("/")[0] for name in files if name.endswith(".dist-info/METADATA")}
    before = old.removeprefix("skolro-").removesuffix(".dist-info")
    metadata = f"{old}/METADATA"
    files[metadata] = files[metadata].replace(
        f"\nVersion: {before}\n".encode(), f"\nVersion: {version}\n".encode()
    )
    del files[f"{old}/RECORD"]
    info = f"skolro-{version}.dist-info"
    renamed = {name.replace(old, info): content for name, content in (files | changes).items()}
    return write_wheel(folder / f"skolro-{version}-py3-none-any.whl", renamed, info)
