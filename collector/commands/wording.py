"""Numbers of things, as people write them."""

from __future__ import annotations


def some(count: int, one: str, more: str | None = None) -> str:
    """Return how many things there are: ``1 message``, ``2 messages``, ``3 entries``.

    Parameters
    ----------
    one, more : str
        The word for one of them, and for several where an `s` does not make it.
    """
    return f"{count} {one if count == 1 else more or one + 's'}"


def verb(count: int, one: str, more: str) -> str:
    """Return the form of a verb that goes with so many things."""
    return one if count == 1 else more
