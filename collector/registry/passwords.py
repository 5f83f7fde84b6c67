"""Passwords: which ones are accepted, and how they are kept (argon2id)."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.errors import RegistryError

SHORTEST: Final = 12
LONGEST: Final = 256

_FEWEST_DIFFERENT: Final = 6
_AT_ONCE: Final = 2

_RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyzåäö",
    "01234567890",
    "qwertyuiopå",
    "asdfghjklöä",
    "zxcvbnm",
)
_COMMON: Final = frozenset(
    {
        "password", "passwort", "lösenord", "losenord", "hemligt", "letmein", "welcome",
        "välkommen", "valkommen", "sommar", "vinter", "sverige", "skolro", "admin", "administrator",
        "polis", "polisen", "kommun", "kommunen", "skola", "skolan", "iloveyou", "changeme",
    }
)  # fmt: skip
"""What people put digits behind until it is long enough."""


class Passwords:
    """Hashes passwords and checks them; the parameters are RFC 9106's for little memory.

    A check takes 64 MiB, so that only a few run at once.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = BoundedSemaphore(_AT_ONCE)
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._turn:
            return self._hasher.hash(_plain(password))

    def holds(self, hashed: str | None, password: str) -> bool:
        """Whether `hashed` is of `password`; None takes as long, and is of none."""
        # Made before anything is compared, so that nobody can tell by the time who exists.
        if self._decoy is None:
            self._decoy = self.hash("of nobody at all")
        with self._turn:
            try:
                self._hasher.verify(hashed or self._decoy, _plain(password))
            except (VerificationError, InvalidHashError):
                return False
        return hashed is not None

    def is_dated(self, hashed: str) -> bool:
        """Whether it was hashed with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(hashed)


def require_good(password: str, name: str) -> None:
    """Return if `password` may be that of the account `name`.

    Length is what counts, and that it is none of those that are tried first; no characters are
    prescribed (NIST SP 800-63B, 5.1.1.2).

    Raises
    ------
    RegistryError
        It may not be; says why.
    """
    text = _plain(password).casefold()
    if len(text) < SHORTEST:
        raise RegistryError(
            f"a password needs {SHORTEST} characters or more: three or four words that do not "
            "belong together are easy to remember"
        )
    if len(text) > LONGEST:
        raise RegistryError(f"a password has {LONGEST} characters at most")
    own = [part for part in re.split(r"[._@+-]", name) if len(part) > 3]
    if any(part in text for part in own):
        raise RegistryError("the password contains the account's own name: choose another")
    if _is_trivial(text):
        raise RegistryError("that password is among the first to be tried: choose another")


def _is_trivial(text: str) -> bool:
    letters = re.sub(r"[\W\d_]+", "", text)
    return (
        len(set(text)) < _FEWEST_DIFFERENT
        or letters in _COMMON
        # The same again and again.
        or re.fullmatch(r"(.{1,6}?)\1+.{0,5}", text) is not None
        or _longest_run(text) > len(text) / 2
    )


def _longest_run(text: str) -> int:
    """How many characters in a row stand so on the keyboard or in the alphabet."""
    rows = [*_RUNS, *(row[::-1] for row in _RUNS)]
    longest = length = 1
    for pair in pairwise(text):
        follows = any("".join(pair) in row for row in rows)
        length = length + 1 if follows else 1
        longest = max(longest, length)
    return longest


def _plain(password: str) -> str:
    # The same key gives the same password on every keyboard (NIST SP 800-63B, 5.1.1.2).
    return unicodedata.normalize("NFKC", password)
