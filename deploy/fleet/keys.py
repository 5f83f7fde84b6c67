"""The fleet's keys: who may say what nodes run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.evidence.authority_key import load_private_key, make_key
from deploy.errors import DeployError
from sensor.contract.errors import SkolroError
from sensor.contract.signature import public_key_text

NEXT: Final = ".next"
_HEAD: Final = "# Whose signatures this node believes; written by skolro node image.\n"


class FleetKeys:
    """The key that signs, and the one that may follow it, which nodes believe already.

    Parameters
    ----------
    path : Path
        The file of the key that signs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = self._path.with_name(self._path.name + NEXT)

    @property
    def exists(self) -> bool:
        """Whether there is a key."""
        return self._path.exists()

    @property
    def has_next(self) -> bool:
        """Whether one waits to follow."""
        return self._next.exists()

    def make(self) -> None:
        """Make the first key.

        Raises
        ------
        DeployError
            There is one, or it cannot be written.
        """
        _make(self._path)

    def make_next(self) -> None:
        """Make the key that is to follow, or that is kept elsewhere should the first be lost.

        Raises
        ------
        DeployError
            There is one, it cannot be written, or there is none to follow.
        """
        self.signing()
        _make(self._next)

    def take_next(self) -> None:
        """Sign with the next key from now on; the one before is believed no longer.

        Raises
        ------
        DeployError
            There is none.
        """
        _load(self._next)
        try:
            self._next.replace(self._path)
        except OSError as error:
            raise DeployError(f"cannot replace {self._path}: {error.strerror}") from error

    def signing(self) -> Ed25519PrivateKey:
        """The key that signs; :class:`DeployError` where there is none."""
        return _load(self._path)

    def public(self) -> tuple[str, ...]:
        """What nodes are to believe: the key that signs, and the next one if there is one."""
        keys = [self.signing()] + ([_load(self._next)] if self.has_next else [])
        return tuple(public_key_text(key.public_key()) for key in keys)

    def card_file(self) -> bytes:
        """What a node's card says of them."""
        return (_HEAD + "".join(f"{key}\n" for key in self.public())).encode()


def _make(path: Path) -> None:
    try:
        make_key(path)
    except SkolroError as error:
        raise DeployError(f"{path} cannot be made: {error}") from error


def _load(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        raise DeployError(f"there is no fleet key {path}: make it with skolro fleet key --make")
    try:
        return load_private_key(path)
    except SkolroError as error:
        raise DeployError(f"the fleet key {path} cannot be used: {error}") from error
