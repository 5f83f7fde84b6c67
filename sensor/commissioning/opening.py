"""The door: a code that lets one phone in, for a while, and few tries to guess it.

The door stands in a file, so that whoever is at the node's terminal can open it for the process
that measures, and so that a restart neither closes it nor gives new tries. The time is counted
while the node runs, since the clock of a new node may be anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from sensor.commissioning import files

OPENING_FILE: Final = "opening.json"
CODE_LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without those that look alike: 31 to the power of 8 codes."""

CODE_LENGTH: Final = 8
TRIES: Final = 10
DEFAULT_MINUTES: Final = 120.0
LONGEST_MINUTES: Final = 7 * 24 * 60.0

# 16 MiB and some tens of milliseconds on a Pi: guessing from a stolen file is slow too.
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1}

_Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", max_length=64)]


class Opening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A door that was opened.

    Attributes
    ----------
    salt, code_scrypt : str
        Of the code, which itself is nowhere kept.
    left_s : float
        Running time until it closes by itself.
    tries_left : int
        Wrong codes until it closes by itself.
    session_sha256 : str, optional
        Of what the phone holds that came in; the code works no more then.
    """

    salt: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", max_length=32)]
    code_scrypt: _Hex64
    left_s: Annotated[float, Meta(ge=0, le=LONGEST_MINUTES * 60)]
    tries_left: Annotated[int, Meta(ge=0, le=TRIES)] = TRIES
    session_sha256: _Hex64 | None = None

    @property
    def is_open(self) -> bool:
        """Whether anybody may still come in or go on."""
        return self.left_s > 0 and (self.tries_left > 0 or self.session_sha256 is not None)


def new_code() -> str:
    """Return a code, written as people read it out."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def opening_for(code: str, minutes: float) -> Opening:
    """Return a door that `code` opens."""
    salt = secrets.token_hex(16)
    return Opening(salt=salt, code_scrypt=_hashed(code, salt), left_s=60.0 * minutes)


def _hashed(code: str, salt: str) -> str:
    letters = "".join(c for c in code.upper() if c.isalnum())
    made = hashlib.scrypt(letters.encode(), salt=bytes.fromhex(salt), dklen=32, **_SCRYPT)
    return made.hex()


class Door:
    """The door of one node, in the folder `data_dir`.

    Not safe for threads: its owner sees to that.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / files.FOLDER / OPENING_FILE

    def open(self, minutes: float = DEFAULT_MINUTES) -> str:
        """Open it with a new code, which is returned; an older code and session end."""
        code = new_code()
        files.write(self.path, opening_for(code, minutes))
        return code

    def look(self) -> Opening | None:
        """Return the door if it is open."""
        opening = files.read(self.path, Opening)
        return opening if opening is not None and opening.is_open else None

    def pass_time(self, seconds: float) -> None:
        """Count that it has been open for so long."""
        opening = self.look()
        if opening is not None:
            files.write(self.path, replace(opening, left_s=max(0.0, opening.left_s - seconds)))

    def try_code(self, code: str) -> str | None:
        """Return what lets a phone go on, if `code` is right and was not used; else None."""
        opening = self.look()
        if opening is None or opening.session_sha256 is not None:
            return None
        # Counted before it is looked at, so that no power cut gives a try back.
        opening = replace(opening, tries_left=opening.tries_left - 1)
        files.write(self.path, opening)
        if not hmac.compare_digest(_hashed(code[:64], opening.salt), opening.code_scrypt):
            return None
        session = secrets.token_urlsafe(32)
        files.write(self.path, replace(opening, session_sha256=_sha256(session)))
        return session

    def knows(self, session: str) -> bool:
        """Whether `session` is that of the phone that came in."""
        opening = self.look()
        if opening is None or opening.session_sha256 is None:
            return False
        return hmac.compare_digest(_sha256(session), opening.session_sha256)

    def close(self) -> None:
        """Let nobody in any more, and nobody go on."""
        self.path.unlink(missing_ok=True)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
