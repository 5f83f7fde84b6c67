"""The targets by name; a module is imported only when one of its targets is fed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from tests.fuzz.target import Target

TARGETS: Final[Mapping[str, str]] = {
    "codec": "tests.fuzz.contract:Codec",
    "signature": "tests.fuzz.contract:Signature",
    "publish": "tests.fuzz.publish:Publish",
    "intake": "tests.fuzz.intake:Deliveries",
    "ack": "tests.fuzz.ack:Acknowledgements",
    "radar": "tests.fuzz.radar:RadarLines",
    "toml": "tests.fuzz.files:Toml",
    "recording": "tests.fuzz.files:Recordings",
}


def open_target(name: str) -> Target:
    """Return the target of that name, or at that path, ready to be fed."""
    path = TARGETS.get(name, name)
    module, _, kind = path.partition(":")
    made = getattr(import_module(module), kind)()
    if not isinstance(made, Target):
        raise TypeError(f"{path} is no target")
    return made
