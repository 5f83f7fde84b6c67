"""The key that signs a node's messages, which follows the change that was announced."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensor.contract.signature import public_key_text, sign
from sensor.errors import IdentityError
from sensor.identity import announced_key


class Signer:
    """Signs with the key of the node.

    Parameters
    ----------
    key : Ed25519PrivateKey
        The key to begin with.
    folder : Path
        Where the node's keys are kept, should another one be announced.
    """

    def __init__(self, key: Ed25519PrivateKey, folder: Path) -> None:
        self._folder = folder
        self.use(key)

    def use(self, key: Ed25519PrivateKey) -> None:
        """Sign with `key` from now on."""
        self._key = key
        self.public_key = public_key_text(key.public_key())

    def sign(self, payload: bytes) -> str:
        """Return the signature of `payload`."""
        return sign(payload, self._key)

    def find(self, public_key: str) -> bool:
        """Use the key with that public half, if it is kept here; return whether it is."""
        if public_key != self.public_key:
            key = announced_key(self._folder, public_key)
            if key is None:
                return False
            self.use(key)
        return True

    def follow(self, public_key: str) -> None:
        """Use the key that another process has announced.

        Raises
        ------
        IdentityError
            It is not kept here.
        """
        if not self.find(public_key):
            raise IdentityError(
                f"the node's key in {self._folder} is not the one announced last: restore it from "
                "a backup, or restart to go on with the one there is"
            )
