"""The software that a card brings along: Skolro's wheel, and the locked versions beside it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from deploy.errors import DeployError

_DEPLOY: Final = Path(__file__).parents[1]
UNITS: Final = (
    "skolro-sensor.service",
    "skolro-updater.service", "skolro-updater.path", "skolro-updater.timer",
    "skolro-restart.service", "skolro-restart.path",
)  # fmt: skip
"""Of a node's, in ``deploy/systemd``."""

LOCK: Final = _DEPLOY / "image" / "node.lock"
_WHEELS: Final = (Path("dist"), Path(sys.prefix) / "dist")
"""Where one is made by hand, and where an installed server keeps its own."""


def software(wheel: Path | None = None) -> dict[str, bytes]:
    """Return by name what a node is installed from.

    Parameters
    ----------
    wheel : Path, optional
        Skolro's own; that of this version in ``dist``, here or where this runs, unless told.

    Raises
    ------
    DeployError
        A file is missing.
    """
    chosen = wheel or _usual_wheel()
    if chosen.suffix != ".whl":
        raise DeployError(f"{chosen} is no wheel: make one with python -m build, or pip wheel")
    try:
        return {
            chosen.name: chosen.read_bytes(),
            "node.lock": LOCK.read_bytes(),
            **{name: (_DEPLOY / "systemd" / name).read_bytes() for name in UNITS},
        }
    except OSError as error:
        raise DeployError(
            f"cannot read {error.filename}: {error.strerror}; make the wheel with pip wheel "
            "--no-deps --wheel-dir dist . or name it with --wheel"
        ) from error


def _usual_wheel() -> Path:
    name = f"skolro-{version('skolro')}-py3-none-any.whl"
    first, *others = (folder / name for folder in _WHEELS)
    return next((path for path in others if path.exists() and not first.exists()), first)
