"""libsodium accepts what OpenSSL accepts, and nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ledger.ed25519 import verify
from sensor.contract import signature
from sensor.contract.signature import SignatureError, sign, take_apart

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=50)
def test_what_the_node_signs_is_verified(payload: bytes) -> None:
    signed = sign(payload, KEY)
    verify(payload, take_apart(signed), PUBLIC)
    signature.verify(payload, signed, PUBLIC)


@given(st.integers(0, 63), st.integers(1, 255))
@settings(deadline=None, max_examples=200)
def test_both_refuse_a_changed_signature(at: int, change: int) -> None:
    parts = take_apart(sign(b"{}", KEY))
    value = bytearray(parts.value)
    value[at] ^= change
    changed = parts._replace(value=bytes(value))
    with pytest.raises(SignatureError, match="does not fit the payload"):
        verify(b"{}", changed, PUBLIC)
    encoded = signature._b64(bytes(value))
    with pytest.raises(SignatureError, match="does not fit the payload"):
        signature.verify(b"{}", f"{parts.encoded_header}..{encoded}", PUBLIC)


def test_both_refuse_a_second_form_of_a_signature() -> None:
    # The scalar plus the order of the group: the same equation holds, but RFC 8032 forbids it.
    order = 2**252 + 27742317777372353535851937790883648493
    parts = take_apart(sign(b"{}", KEY))
    scalar = int.from_bytes(parts.value[32:], "little") + order
    second = parts._replace(value=parts.value[:32] + scalar.to_bytes(32, "little"))
    with pytest.raises(SignatureError):
        verify(b"{}", second, PUBLIC)
    encoded = signature._b64(second.value)
    with pytest.raises(SignatureError):
        signature.verify(b"{}", f"{parts.encoded_header}..{encoded}", PUBLIC)


def test_a_changed_payload_another_key_or_a_short_signature() -> None:
    parts = take_apart(sign(b"{}", KEY))
    other = Ed25519PrivateKey.generate().public_key()
    for payload, found, key in (
        (b"[]", parts, PUBLIC),
        (b"{}", parts, other),
        (b"{}", parts._replace(value=parts.value[:63]), PUBLIC),
        (b"{}", parts._replace(value=b""), PUBLIC),
    ):
        with pytest.raises(SignatureError, match="does not fit the payload"):
            verify(payload, found, key)
