"""The contract's readers: messages, live readings, acknowledgements, signatures, topics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensor.contract import codec, signature, topics
from sensor.contract.errors import ContractError
from sensor.contract.messages import Ack, Enrolment, Live
from tests.fuzz.mutation import changed_json
from tests.fuzz.target import Target, require
from tests.sensor.contract.samples import KEY, NODE, TIME, samples

_PAYLOAD = b"a payload"


class Codec(Target):
    """Payloads: what is read is written as it came, or there is a :class:`ContractError`.

    The first byte of an input chooses the decoder.
    """

    longest = 70_000
    words = (b'"v":1', b'"kind":"levels"', b'"kind":"event"', b'"kind":"health"', b'"seq":')

    def seeds(self) -> Iterable[bytes]:
        """A message of each kind, a live reading and acknowledgements."""
        for message in samples().values():
            yield b"m" + codec.encode(message)
        live = Live(node=NODE, time=TIME, laeq_db=51.5, lafmax_db=None, flags=("gap",))
        yield b"l" + codec.encode_live(live)
        yield b"a" + codec.encode_ack(Ack(seq=42))
        public_key = signature.public_key_text(KEY.public_key())
        enrolment = Enrolment(node=NODE, secret="A" * 26, public_key=public_key)
        yield b"e" + codec.encode_enrolment(enrolment)

    def change(self, data: bytes, random: Random) -> bytes:
        """Change the JSON text."""
        return data[:1] + changed_json(data[1:], random)

    def run(self, data: bytes) -> str:
        """Decode, and encode again."""
        payload = data[1:]
        match data[:1]:
            case b"l":
                return _there_and_back(payload, codec.decode_live, codec.encode_live)
            case b"a":
                return _there_and_back(payload, codec.decode_ack, codec.encode_ack)
            case b"e":
                return _there_and_back(payload, codec.decode_enrolment, codec.encode_enrolment)
            case _:
                return _message(payload)


def _message(payload: bytes) -> str:
    try:
        message = codec.decode(payload)
    except ContractError as error:
        require(bool(str(error)), "an error says what is wrong")
        return "refused"
    require(codec.encode(message) == payload, "one message has one form in bytes")
    require(len(payload) <= codec.MAX_PAYLOAD_BYTES, "no message is larger than the limit")
    return message.kind


def _there_and_back(
    payload: bytes, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]
) -> str:
    try:
        value = decode(payload)
    except ContractError:
        return "refused"
    require(decode(encode(value)) == value, "what was read can be written and read again")
    return type(value).__name__.lower()


class Signature(Target):
    """Signatures: only the one that was made of these bytes by this key passes."""

    words = (b"..", b"eyJ", b"EdDSA", b"b64")

    def __init__(self) -> None:
        self._good = signature.sign(_PAYLOAD, KEY)

    def seeds(self) -> Iterable[bytes]:
        """Of this payload, of another, and by another key."""
        other = Ed25519PrivateKey.from_private_bytes(bytes(32))
        for made in (
            self._good,
            signature.sign(b"another payload", KEY),
            signature.sign(_PAYLOAD, other),
            signature.public_key_text(KEY.public_key()),
            topics.topic(NODE, "event"),
        ):
            yield made.encode()

    def run(self, data: bytes) -> str:
        """Verify, and read the same text as a key and as a topic."""
        text = data.decode("utf-8", "surrogateescape")
        self._read_otherwise(text)
        try:
            signature.verify(_PAYLOAD, text, KEY.public_key())
        except ContractError:
            return "refused"
        require(text == self._good, "a signature has one spelling, which only the key can make")
        return "verified"

    @staticmethod
    def _read_otherwise(text: str) -> None:
        try:
            key = signature.public_key_from_text(text)
            require(signature.public_key_text(key) == text, "a key has one spelling")
        except ContractError:
            pass
        try:
            node, kind = topics.parse(text)
            require(topics.topic(node, kind) == text, "a topic has one spelling")
        except ContractError:
            pass
