"""A new node's first word to the collector: the key it has made, and the secret it was given."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensor.contract.codec import decode_enrolment, encode_enrolment
from sensor.contract.errors import ContractError
from sensor.contract.messages import Enrolment, EnrolmentResult
from sensor.contract.signature import public_key_text, sign
from sensor.errors import IdentityError

log = logging.getLogger(__name__)

ENROLMENT_FILE: Final = "enrolment.secret"

_REFUSED: Final = {
    "used": "its secret was used before with another key, as by a copy of its card",
    "expired": "its secret is too old",
    "unknown": "its secret is not, or no longer, that of this node",
}


class PendingEnrolment:
    """What is told until the collector has accepted it.

    Parameters
    ----------
    path : Path
        The secret's file, which goes once it is of no more use.
    payload, signature
        What travels.
    """

    def __init__(self, path: Path, payload: bytes, signature: str) -> None:
        self._path = path
        self.payload = payload
        self.signature = signature
        self.is_open = True

    def answered(self, result: EnrolmentResult) -> None:
        """Take note of what the collector says of it."""
        if not self.is_open:
            return
        self.is_open = False
        if result == "accepted":
            self._path.unlink(missing_ok=True)
            log.info("the collector has accepted this node's key")
            return
        log.error(
            "the collector does not accept this node's key: %s. What is measured waits here; make "
            "a new image for it with skolro node image, or register its key by hand",
            _REFUSED[result],
        )


def pending_enrolment(node: str, data_dir: Path, key: Ed25519PrivateKey) -> PendingEnrolment | None:
    """Return the enrolment that is to be made; None: the node was given no secret, or has used it.

    Raises
    ------
    IdentityError
        The secret's file cannot be read, or holds something else.
    """
    path = data_dir / ENROLMENT_FILE
    try:
        secret = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IdentityError(f"cannot read the secret for enrolment in {path}: {error}") from error
    enrolment = Enrolment(node=node, secret=secret, public_key=public_key_text(key.public_key()))
    payload = encode_enrolment(enrolment)
    try:
        decode_enrolment(payload)
    except ContractError as error:
        raise IdentityError(
            f"{path} holds no secret for enrolment: copy it anew from the node's image, or delete "
            "it where the key is registered by hand"
        ) from error
    return PendingEnrolment(path, payload, sign(payload, key))
