"""Message to bytes and back, strictly.

One message has exactly one form in bytes: :func:`decode` refuses payloads that say the same in
another way (other order, repeated keys, other spelling of a number), because such a payload
would mean one thing to us and perhaps another to somebody else who checks the signature.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from sensor.contract.errors import ContractError
from sensor.contract.messages import (
    VERSION,
    Absence,
    Ack,
    CalibrationCheck,
    Commissioning,
    Enrolment,
    Event,
    Health,
    KeyChange,
    LevelBatch,
    Live,
    Message,
)

MAX_PAYLOAD_BYTES: Final = 64 * 1024
"""Largest payload of any message; an hour of 1 s levels is about 60 kB."""


class _Head(msgspec.Struct):
    v: int
    kind: str


_HEAD: Final = msgspec.json.Decoder(_Head)
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final[dict[str, msgspec.json.Decoder[Message]]] = {
    "levels": msgspec.json.Decoder(LevelBatch),
    "event": msgspec.json.Decoder(Event),
    "health": msgspec.json.Decoder(Health),
    "calibration": msgspec.json.Decoder(CalibrationCheck),
    "absence": msgspec.json.Decoder(Absence),
    "key": msgspec.json.Decoder(KeyChange),
    "commissioning": msgspec.json.Decoder(Commissioning),
}
KINDS: Final = tuple(_DECODERS)
"""The stored kinds, which are the topics they travel on too."""

_LIVE: Final = msgspec.json.Decoder(Live)
_ACK: Final = msgspec.json.Decoder(Ack)
_ENROLMENT: Final = msgspec.json.Decoder(Enrolment)


def encode(message: Message) -> bytes:
    """Return the payload of `message`.

    Raises
    ------
    ContractError
        A field has a value that the contract does not allow, such as NaN.
    """
    payload = _ENCODER.encode(message)
    if decode(payload) != message:
        raise ContractError(
            f"message {message.seq} of {message.node} ({message.kind}) has a value that JSON "
            "cannot carry, such as NaN: mark it as missing (null) instead"
        )
    return payload


def decode(payload: bytes) -> Message:
    """Return the message in `payload`.

    Raises
    ------
    ContractError
        Anything else than one message in its one form; the text says what and where.
    """
    head = _strictly(_HEAD, payload)
    if head.v > VERSION:
        raise ContractError(
            f"the message is of version {head.v}, newer than the {VERSION} known here: upgrade"
        )
    decoder = _DECODERS.get(head.kind)
    if decoder is None:
        raise ContractError(f"unknown kind of message {head.kind[:40]!r}")
    message = _strictly(decoder, payload)
    if _ENCODER.encode(message) != payload:
        raise ContractError(
            "the payload is not in its one form: a key is repeated or out of order, or a value "
            "is written in another way than the contract's"
        )
    return message


def encode_live(live: Live) -> bytes:
    """Return the payload of a live reading."""
    return _ENCODER.encode(live)


def decode_live(payload: bytes) -> Live:
    """Return the live reading in `payload`, or raise :class:`ContractError`."""
    return _strictly(_LIVE, payload)


def encode_ack(ack: Ack) -> bytes:
    """Return the payload of an acknowledgement."""
    return _ENCODER.encode(ack)


def decode_ack(payload: bytes) -> Ack:
    """Return the acknowledgement in `payload`, or raise :class:`ContractError`."""
    return _strictly(_ACK, payload)


def encode_enrolment(enrolment: Enrolment) -> bytes:
    """Return the payload of an enrolment."""
    return _ENCODER.encode(enrolment)


def decode_enrolment(payload: bytes) -> Enrolment:
    """Return the enrolment in `payload`, or raise :class:`ContractError`."""
    return _strictly(_ENROLMENT, payload)


_T = TypeVar("_T")


def _strictly(decoder: msgspec.json.Decoder[_T], payload: bytes) -> _T:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ContractError(
            f"the payload has {len(payload)} bytes, more than the {MAX_PAYLOAD_BYTES} allowed"
        )
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise ContractError(f"not a message: {error}") from error
