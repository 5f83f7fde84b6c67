"""Whose word counts: the fleet's keys, and numbers that only rise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sensor.contract.errors import ContractError
from sensor.contract.fleet import Wish, decode_wish
from sensor.contract.signature import (
    key_id,
    public_key_from_text,
    thumbprint,
    verify,
)
from sensor.errors import UpdateError
from sensor.updating.journal import State


def require_signed(payload: bytes, signature: str, keys: Sequence[str], what: str) -> None:
    """Return if `payload` is signed by one of `keys`.

    Raises
    ------
    UpdateError
        It is not.
    """
    try:
        kid = key_id(signature)
        for text in keys:
            key = public_key_from_text(text)
            if thumbprint(key) == kid:
                verify(payload, signature, key)
                return
    except ContractError as error:
        raise UpdateError(f"{what} is not believed: {error}") from error
    raise UpdateError(
        f"{what} is signed by the key {kid[:16]}, which this node does not know: it goes on as "
        "it is"
    )


def believed_wish(
    payload: bytes, signature: str, node: str, state: State, keys: Sequence[str]
) -> Wish | None:
    """Return the wish if it is for `node`, signed and not older than the last; None: it is older.

    Raises
    ------
    UpdateError
        It is not to be believed, or cannot be read.
    """
    require_signed(payload, signature, keys, "what the server wishes")
    try:
        wish = decode_wish(payload)
    except ContractError as error:
        raise UpdateError(f"what the server wishes cannot be read here: {error}") from error
    if wish.node != node:
        raise UpdateError(f"what the server wishes is for {wish.node}, and this is {node}")
    if wish.number < state.number:
        return None
    if wish.number == state.number and hashlib.sha256(payload).hexdigest() != state.wish_sha256:
        raise UpdateError(
            f"there are two wishes of the number {wish.number}: the first one counts; wish anew"
        )
    return wish
