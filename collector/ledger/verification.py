"""Is what came in a message that one of our nodes made?

The signature is checked before the payload is decoded, so that nobody without a node's key
reaches the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

from collector.ledger.ed25519 import verify
from collector.registry.inventory import Inventory, NodeKey
from sensor.contract.codec import KINDS, MAX_PAYLOAD_BYTES, decode
from sensor.contract.errors import ContractError
from sensor.contract.messages import Event, KeyChange, LevelBatch, Message
from sensor.contract.signature import (
    SignatureError,
    payload_hash,
    public_key_from_text,
    take_apart,
    thumbprint,
)
from sensor.contract.topics import ENROL, parse

Reason: TypeAlias = Literal[
    "wrong_topic",  # not a topic of stored messages
    "oversized",
    "unknown_node",
    "unsigned",
    "unknown_key",  # by a key that this node does not have
    "revoked_key",
    "retired_key",  # another key was announced before
    "late_key",  # announces a key as of before what the old one signed
    "forged",  # the signature is malformed or does not fit
    "undecodable",
    "wrong_kind",  # payload and topic contradict each other
    "wrong_node",
    "fork",  # another message with this number is in the ledger
    "unstorable",  # the database has no room for a value in it
]


class Received(Struct, frozen=True):
    """What the broker handed over, unread."""

    topic: str
    payload: bytes
    signature: str | None
    received_at: datetime


class Verified(Struct, frozen=True):
    """A message that one of our nodes made."""

    received: Received
    signature: str
    message: Message
    sha256: str

    @property
    def start(self) -> datetime:
        """When what it tells began."""
        match self.message:
            case LevelBatch(start=start) | Event(start=start):
                return start
            case message:
                return message.time


@dataclass(frozen=True, slots=True)
class Refused:
    """Something else, and why."""

    received: Received
    reason: Reason
    detail: str


class _RefusalError(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def examine(received: Received, inventory: Inventory) -> Verified | Refused:
    """Return the message in `received`, or why there is none that can be trusted."""
    try:
        return _examine(received, inventory)
    except _RefusalError as refusal:
        return Refused(received, refusal.reason, refusal.detail)


def _examine(received: Received, inventory: Inventory) -> Verified:
    try:
        node, kind = parse(received.topic)
    except ContractError as error:
        raise _RefusalError("wrong_topic", str(error)) from error
    if kind == ENROL:
        # One that can be read never comes here.
        raise _RefusalError("undecodable", "an enrolment that cannot be read")
    if kind not in KINDS:
        raise _RefusalError("wrong_topic", f"{kind} is not a kind of message that is stored")
    if (size := len(received.payload)) > MAX_PAYLOAD_BYTES:
        raise _RefusalError("oversized", f"{size} bytes, more than {MAX_PAYLOAD_BYTES}")
    if node not in inventory.nodes:
        raise _RefusalError("unknown_node", f"node {node} is not registered")
    if not received.signature:
        raise _RefusalError("unsigned", "the user property sig is missing")
    key = _check_signature(received, received.signature, node, inventory)
    message = _decoded(received.payload)
    if message.kind != kind:
        raise _RefusalError("wrong_kind", f"{message.kind} on the topic of {kind}")
    if message.node != node:
        raise _RefusalError("wrong_node", f"of {message.node} on the topic of {node}")
    _check_key_change(message, key)
    return Verified(received, received.signature, message, payload_hash(received.payload))


def _check_signature(
    received: Received, signature: str, node: str, inventory: Inventory
) -> NodeKey:
    try:
        parts = take_apart(signature)
        key = _key(parts.kid, node, inventory)
        if key.revoked_at is not None and received.received_at >= key.revoked_at:
            raise _RefusalError("revoked_key", f"key {key.kid} was revoked at {key.revoked_at}")
        verify(received.payload, parts, key.public_key)
    except SignatureError as error:
        raise _RefusalError("forged", str(error)) from error
    return key


def _check_key_change(message: Message, key: NodeKey) -> None:
    if key.last_seq is not None and message.seq > key.last_seq:
        detail = f"key {key.kid} was followed by another one with message {key.last_seq}"
        raise _RefusalError("retired_key", detail)
    if isinstance(message, KeyChange):
        try:
            following = thumbprint(public_key_from_text(message.public_key))
        except ContractError as error:
            raise _RefusalError("undecodable", str(error)) from error
        if following == key.kid:
            raise _RefusalError("undecodable", "it announces the key that it is signed with")


def _key(kid: str, node: str, inventory: Inventory) -> NodeKey:
    key = inventory.keys.get(kid)
    if key is None or key.node != node:
        raise _RefusalError("unknown_key", f"key {kid[:43]!r} is not one of node {node}")
    return key


def _decoded(payload: bytes) -> Message:
    try:
        return decode(payload)
    except ContractError as error:
        raise _RefusalError("undecodable", str(error)) from error
