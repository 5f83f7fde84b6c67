from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensor.contract import signature
from sensor.contract.errors import ContractError
from sensor.contract.messages import GENESIS
from sensor.contract.signature import SignatureError
from tests.sensor.contract.samples import GOLDEN, KEY, samples

PUBLIC = KEY.public_key()


def golden(kind: str) -> tuple[bytes, str]:
    payload = (GOLDEN / f"{kind}.json").read_bytes()
    return payload, (GOLDEN / f"{kind}.sig").read_text(encoding="ascii")


@pytest.mark.parametrize("kind", samples())
def test_the_golden_signatures_are_made_and_verify(kind: str) -> None:
    payload, signed = golden(kind)
    assert signature.sign(payload, KEY) == signed
    signature.verify(payload, signed, PUBLIC)


def test_each_golden_message_names_the_hash_of_the_one_before() -> None:
    prev = GENESIS
    for kind in samples():
        payload, _ = golden(kind)
        assert json.loads(payload)["prev"] == prev
        prev = signature.payload_hash(payload)


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    key = signature.public_key_from_text("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert signature.thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_changed_payload_does_not_verify() -> None:
    payload, signed = golden("event")
    with pytest.raises(SignatureError, match="does not fit"):
        signature.verify(payload.replace(b"82.4", b"62.4"), signed, PUBLIC)


def test_another_key_does_not_verify() -> None:
    payload, signed = golden("event")
    with pytest.raises(SignatureError, match="not by the one known"):
        signature.verify(payload, signed, Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("bad", ["", "a.b.c", "x..y", "..", "\u00e5..b", "a..b..c", "eyJ9..AA"])
def test_what_is_no_signature_says_so(bad: str) -> None:
    payload, _ = golden("event")
    with pytest.raises(SignatureError):
        signature.verify(payload, bad, PUBLIC)


def test_a_signature_has_one_spelling() -> None:
    payload, signed = golden("event")
    for other in (signed + "=", signed + "\n", signed[:-1] + chr(ord(signed[-1]) + 1)):
        with pytest.raises(SignatureError):
            signature.verify(payload, other, PUBLIC)


def test_a_long_signature_is_not_even_read() -> None:
    # Headers are kept to be read once only: nobody may fill the memory with long ones.
    payload, signed = golden("event")
    spaced = signature._b64(b" " * 2000 + signature._unb64(signed.split(".")[0]))
    with pytest.raises(SignatureError, match="characters is none of ours"):
        signature.verify(payload, f"{spaced}..{signed.split('.')[2]}", PUBLIC)


@pytest.mark.parametrize("text", ["", "abc", "!!", "A" * 44])
def test_what_is_no_public_key_says_so(text: str) -> None:
    with pytest.raises(ContractError, match="public key"):
        signature.public_key_from_text(text)
