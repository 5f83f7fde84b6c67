"""``messages.jsonl``: the nodes' messages as they came in, one JSON object a line.

``payload`` is a JSON string of the very bytes that were signed, and ``signature`` the detached JWS
beside them. Of a message whose content was pruned, hash and place in the chain are left. Lines are
in order of node and number.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from collector.evidence.errors import EvidenceError
from sensor.contract.codec import MAX_PAYLOAD_BYTES, decode
from sensor.contract.errors import ContractError
from sensor.contract.messages import Message, NodeId, Sequence, Sha256
from sensor.contract.signature import LONGEST_SIGNATURE

LONGEST_LINE: Final = 6 * MAX_PAYLOAD_BYTES + LONGEST_SIGNATURE + 1000
"""In bytes: a control character of the payload takes six."""


class Pruned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left of a message that was pruned."""

    node: NodeId
    seq: Sequence
    prev: Sha256
    sha256: Sha256
    kind: Annotated[str, Meta(max_length=20)]
    time: datetime


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line; exactly one of `payload` and `pruned` is given."""

    received_at: datetime
    signature: Annotated[str, Meta(max_length=LONGEST_SIGNATURE)]
    payload: str | None = None
    pruned: Pruned | None = None

    def __post_init__(self) -> None:
        if (self.payload is None) == (self.pruned is None):
            raise ValueError("either payload or pruned must be given, and not both")


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Line)


class Held(NamedTuple):
    """A message with its place in its node's chain; `message` is None where it was pruned."""

    node: str
    seq: int
    prev: str
    sha256: str
    kind: str
    time: datetime
    message: Message | None


def encode_line(line: Line) -> bytes:
    """Return the line, with its end."""
    return _ENCODER.encode(line) + b"\n"


def decode_line(raw: bytes) -> Line:
    """Return the line in `raw`; :class:`EvidenceError` if it is none."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise EvidenceError(f"not a line of messages.jsonl: {error}") from error


def held(line: Line) -> Held:
    """Return the message in a line; :class:`ContractError` if there is none in it."""
    if line.pruned is not None:
        left = line.pruned
        return Held(left.node, left.seq, left.prev, left.sha256, left.kind, left.time, None)
    if line.payload is None:
        raise ContractError("there is no message in the line")
    payload = line.payload.encode("utf-8", "surrogatepass")
    message = decode(payload)
    digest = hashlib.sha256(payload).hexdigest()
    return Held(
        message.node, message.seq, message.prev, digest, message.kind, message.time, message
    )
