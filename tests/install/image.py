"""``python -m tests.install.image``: what deploy/Dockerfile does, in a fresh Debian 13.

Its Python is that of the image. There is no engine here: COPY and RUN are carried out in one root
folder, as they stand, so that what the file says is run, though not by what will run it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.install.root import Root

_ROOT: Final = Path(__file__).parents[2]
_SUITE: Final = "trixie"

console = Console()


def main() -> int:
    """Carry it out, and use what it makes as its user."""
    if os.geteuid() != 0:
        console.print("This needs root: sudo make test-install")
        return 2
    with Root(_SUITE) as root:
        # What the image of Python brings.
        root.run("apt-get", "update", "-qq")
        root.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv")
        root.run("ln", "-s", "python3", "/usr/bin/python")
        settings = carry_out(root)
        (program,) = re.findall(r'"(\w+)"', settings["ENTRYPOINT"])
        entry = (f"/opt/skolro/bin/{program}",)
        version = root.run(*entry, "--version", user=settings["USER"])
        serve = root.run(*entry, "collector", "serve", "--help", user=settings["USER"])
        assert "--config" in serve
        (wheel,) = root.inside("/opt/skolro/dist").iterdir()
        console.print(f"image: {version.strip()}, {wheel.name}, as {settings['USER']}")
    console.print("all is well")
    return 0


def carry_out(root: Root) -> dict[str, str]:
    """Do what each line says; what was only set, by the last word on it."""
    settings = {"WORKDIR": "/"}
    text = (_ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "COPY" and not rest.startswith("--from"):
            copy(root, settings["WORKDIR"], *shlex.split(rest))
        elif instruction == "RUN":
            root.run("sh", "-c", f"cd {settings['WORKDIR']} && {rest}")
        elif instruction.isupper():
            settings[instruction] = rest
            if instruction == "WORKDIR":
                root.inside(rest).mkdir(parents=True, exist_ok=True)
    return settings


def copy(root: Root, folder: str, *names: str) -> None:
    """Copy from the repository, as COPY does: what is in a folder, or files into one."""
    *sources, target = names
    into = root.inside(f"{folder}/{target}")
    for source in sources:
        found = _ROOT / source
        if found.is_dir():
            shutil.copytree(found, into, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, into / found.name)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssertionError as error:
        console.print(f"failed: {error}")
        sys.exit(1)
