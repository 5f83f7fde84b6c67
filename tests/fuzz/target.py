"""What a fuzzer feeds: one reader of bytes from outside, and the laws that it must keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from random import Random

from tests.fuzz.mutation import changed_bytes


class Target(ABC):
    """A reader under test.

    Attributes
    ----------
    longest : int
        Bytes of the longest input that is tried.
    words : tuple of bytes
        What the format is made of, for whoever changes inputs blindly.
    """

    longest = 4096
    words: tuple[bytes, ...] = ()

    @abstractmethod
    def seeds(self) -> Iterable[bytes]:
        """Inputs to begin with: what peers that are well send."""

    @abstractmethod
    def run(self, data: bytes) -> str:
        """Read `data`, and return in a word what became of it.

        A broken law, as any error that the reader has not declared, is raised.
        """

    def change(self, data: bytes, random: Random) -> bytes:
        """Return `data` with a change that its format suggests."""
        return changed_bytes(data, random)

    def finish(self) -> None:  # noqa: B027 - most have nothing to verify afterwards
        """Verify what must hold after many inputs, and let go of everything."""


class BrokenLawError(AssertionError):
    """The reader did what it must never do."""


def require(holds: bool, law: str) -> None:
    """Return if the law holds; raise :class:`BrokenLawError` if not."""
    if not holds:
        raise BrokenLawError(law)
