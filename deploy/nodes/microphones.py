"""The microphones that are known by name, and what a node must know of each.

Figures are those of docs/hardware.md, which says where they are from.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from deploy.errors import DeployError

_ABOVE_NOISE_DB: Final = 3.0
"""How far over a microphone's own noise a level is believed."""

_MEMS_FULL_SCALE_PA: Final = 28.2
"""The peak of a sine of 120 dB: -26 dBFS at 94 dB."""

_GUESS_PA: Final = 20.0


class Microphone(Struct, frozen=True, kw_only=True):
    """A kind of microphone.

    Attributes
    ----------
    name : str
        As its maker writes it.
    full_scale_pa : float, optional
        Peak pressure at digital full scale; None: each has its own.
    noise_db : float, optional
        Its own noise in dB(A), where its data sheet has it.
    """

    name: str
    full_scale_pa: float | None = None
    noise_db: float | None = None

    @property
    def configured_pa(self) -> float:
        """What a node begins with, until it is calibrated."""
        return _GUESS_PA if self.full_scale_pa is None else self.full_scale_pa

    @property
    def floor_db(self) -> float | None:
        """Below what a level is flagged."""
        return None if self.noise_db is None else self.noise_db + _ABOVE_NOISE_DB


MICROPHONES: Final = (
    Microphone(name="ICS-43434", full_scale_pa=_MEMS_FULL_SCALE_PA, noise_db=29.0),
    Microphone(name="INMP441", full_scale_pa=_MEMS_FULL_SCALE_PA, noise_db=33.0),
    Microphone(name="SPH0645LM4H", full_scale_pa=_MEMS_FULL_SCALE_PA, noise_db=29.0),
    Microphone(name="UMIK-1"),
    Microphone(name="UMIK-2"),
    Microphone(name="UMM-6"),
)

UNTOLD: Final = Microphone(name="an I2S MEMS microphone", full_scale_pa=_MEMS_FULL_SCALE_PA)
"""What is taken where nobody says: the common kinds agree in their full scale."""


def microphone_named(text: str) -> Microphone | None:
    """Return the kind with which a text such as ``ICS-43434 no. 7`` begins; None: none."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return next((one for one in MICROPHONES if _plain(one.name) == _plain(first)), None)


def require_microphone(text: str, full_scale_pa: float | None) -> Microphone:
    """Return what `text` names; of a kind that is not known, `full_scale_pa` must be told.

    Raises
    ------
    DeployError
        It is not known and nobody says what its full scale is.
    """
    known = microphone_named(text)
    if known is None and full_scale_pa is None:
        raise DeployError(
            f"--microphone {text[:80]!r} begins with no kind that is known: "
            f"{', '.join(one.name for one in MICROPHONES)}; of another one say its peak pressure "
            "at digital full scale, too, with --full-scale-pa"
        )
    kind = known or Microphone(name=text)
    if full_scale_pa is None:
        return kind
    return Microphone(name=kind.name, full_scale_pa=full_scale_pa, noise_db=kind.noise_db)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
