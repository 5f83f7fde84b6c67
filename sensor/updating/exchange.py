"""What the process that measures and the updater tell each other: files in a folder in memory.

The one that measures hands on the server's wish, and shows what it has achieved; the updater says
what became of the wish, and asks for a restart, which the service manager watches for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sensor.contract.codec import MAX_PAYLOAD_BYTES
from sensor.contract.messages import UpdateReport
from sensor.contract.signature import LONGEST_SIGNATURE
from sensor.updating.files import read_untrusted

WISH_FILE: Final = "wish"
PROOF_FILE: Final = "proof.json"
REPORT_FILE: Final = "report.json"
RESTART_FILE: Final = "restart"

_MOST: Final = 4096
_T = TypeVar("_T")


class Proof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the process that measures has achieved since it was started.

    Attributes
    ----------
    boot, started_s : str and float
        When it was started, by the clock that nobody sets.
    version, config_sha256 : str
        What it runs, and with which configuration.
    valid_s : int
        Seconds validly measured, since the microphone was last at fault.
    microphone : str
        How its sound looks.
    first_seq, acked_seq : int
        Number of its first message, and up to which the collector has acknowledged.
    """

    boot: str
    started_s: float
    version: str
    config_sha256: str
    valid_s: int
    microphone: str
    first_seq: int
    acked_seq: int

    @property
    def is_heard(self) -> bool:
        """Whether the collector has acknowledged something that this very process made."""
        return self.acked_seq >= self.first_seq


class Exchange:
    """The folder that both can write, each its own files.

    Parameters
    ----------
    folder : Path
        In memory: it is empty after each start of the node, and what matters comes again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hand_on(self, payload: bytes, signature: str) -> None:
        """Give the updater a wish of the server's; whoever wrote it, it will look itself.

        Raises
        ------
        OSError
            It cannot be written.
        """
        self._put(WISH_FILE, signature.encode() + b"\n" + payload)

    def wish(self) -> tuple[bytes, str] | None:
        """The newest wish that was handed on, as payload and signature."""
        content = self._get(WISH_FILE, LONGEST_SIGNATURE + 1 + MAX_PAYLOAD_BYTES)
        if content is None:
            return None
        signature, _, payload = content.partition(b"\n")
        return payload, signature.decode(errors="replace")

    def show(self, proof: Proof) -> None:
        """Tell what was achieved; :class:`OSError` where it cannot be written."""
        self._put(PROOF_FILE, msgspec.json.encode(proof))

    def proof(self) -> Proof | None:
        """What the process that measures has achieved; None: it has not said."""
        return self._struct(PROOF_FILE, Proof)

    def report(self, report: UpdateReport) -> None:
        """Have the server told, by the process that measures."""
        self._put(REPORT_FILE, msgspec.json.encode(report))

    def reported(self) -> UpdateReport | UnsetType:
        """What the updater says; UNSET: nothing yet."""
        return self._struct(REPORT_FILE, UpdateReport) or UNSET

    def ask_for_restart(self, why: str) -> None:
        """Have the service manager start the process that measures anew."""
        self._put(RESTART_FILE, why.encode())

    def _put(self, name: str, content: bytes) -> None:
        # Renamed into place, so that nobody reads a half, and a link in its way is replaced.
        part = self.folder / f".{name}.part"
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(handle, "wb") as file:
            # Whatever the unit's UMask: it is for the other one.
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
        part.replace(self.folder / name)

    def _get(self, name: str, most: int) -> bytes | None:
        return read_untrusted(self.folder / name, most)

    def _struct(self, name: str, kind: type[_T]) -> _T | None:
        content = self._get(name, _MOST)
        try:
            return None if content is None else msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError:
            return None
