"""A reader with a fault, which the fuzzer must find."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fuzz.target import Target, require


class Planted(Target):
    """Fails for one word."""

    words = (b"sesame",)

    def seeds(self) -> Iterable[bytes]:
        """One that is well."""
        yield b"open"

    def run(self, data: bytes) -> str:
        """Fail, or not."""
        require(b"sesame" not in data, "this word is never said")
        return "read"
