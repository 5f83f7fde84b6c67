"""The software that a card brings along: Skolro's wheel, and the locked versions beside it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from deploy.errors import DeployError

_DEPLOY: Final = Path(__file__).parents[1]
_UNIT: Final = _DEPLOY / "systemd" / "skolro-sensor.service"
_LOCK: Final = _DEPLOY / "image" / "node.lock"
_WHEELS: Final = Path("dist")


def software(wheel: Path | None = None) -> dict[str, bytes]:
    """Return by name what a node is installed from.

    Parameters
    ----------
    wheel : Path, optional
        Skolro's own; that of this version in ``dist`` unless told.

    Raises
    ------
    DeployError
        A file is missing.
    """
    chosen = wheel or _WHEELS / f"skolro-{version('skolro')}-py3-none-any.whl"
    if chosen.suffix != ".whl":
        raise DeployError(f"{chosen} is no wheel: make one with python -m build, or pip wheel")
    try:
        return {
            chosen.name: chosen.read_bytes(),
            "node.lock": _LOCK.read_bytes(),
            _UNIT.name: _UNIT.read_bytes(),
        }
    except OSError as error:
        raise DeployError(
            f"cannot read {error.filename}: {error.strerror}; make the wheel with pip wheel "
            "--no-deps --wheel-dir dist . or name it with --wheel"
        ) from error
