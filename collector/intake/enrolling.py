"""Answers nodes that come for the first time, with a key of their own and a secret for once."""

from __future__ import annotations

import logging
import time
from typing import Final

from collector.errors import LedgerError, RegistryError
from collector.ledger.ed25519 import verify
from collector.ledger.verification import Received
from collector.registry.enrolments import Enrolments
from sensor.contract import topics
from sensor.contract.codec import decode_enrolment
from sensor.contract.errors import ContractError
from sensor.contract.messages import Ack, Enrolment
from sensor.contract.signature import public_key_from_text, take_apart, thumbprint

log = logging.getLogger(__name__)

_PAUSE_S: Final = 1.0
"""A node is answered no oftener, so that one that has gone mad costs nobody much."""

_REFUSED: Final = {
    "used": "its secret was used by another key before: a copied card, see skolro node show",
    "expired": "its secret was made too long ago: make a new image",
    "unknown": "its secret is none of this node's, or a newer image was made",
}


class EnrolmentDesk:
    """Gives nodes the keys that they have made.

    Parameters
    ----------
    enrolments : Enrolments
        The secrets that were given out.
    """

    def __init__(self, enrolments: Enrolments) -> None:
        self._enrolments = enrolments
        self._answered: dict[str, float] = {}

    def answer(self, received: Received) -> Ack | None:
        """Return what the node is to hear; None: nothing now, it will ask again.

        Raises
        ------
        ContractError
            It is no enrolment: whoever receives it puts it where bad messages belong.
        """
        enrolment = _read(received)
        now = time.monotonic()
        if now - self._answered.get(enrolment.node, -_PAUSE_S) < _PAUSE_S:
            return None
        self._answered[enrolment.node] = now
        try:
            result = self._enrolments.redeem(
                enrolment.node, enrolment.secret, enrolment.public_key, received.received_at
            )
        except (LedgerError, RegistryError) as error:
            log.error("node %s cannot be enrolled now: %s", enrolment.node, error)
            return None
        if result == "accepted":
            log.info("node %s is enrolled", enrolment.node)
        else:
            log.warning("node %s is not enrolled: %s", enrolment.node, _REFUSED[result])
        return Ack(seq=0, enrolment=result)


def _read(received: Received) -> Enrolment:
    enrolment = decode_enrolment(received.payload)
    if topics.parse(received.topic).node != enrolment.node:
        raise ContractError(f"an enrolment of {enrolment.node} on {received.topic[:120]!r}")
    parts = take_apart(received.signature or "")
    key = public_key_from_text(enrolment.public_key)
    if parts.kid != thumbprint(key):
        raise ContractError("the enrolment is signed with another key than it tells")
    verify(received.payload, parts, key)
    return enrolment
