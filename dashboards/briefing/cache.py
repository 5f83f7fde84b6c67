"""Values that many readers ask for within moments, made once for all of them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MOST_KEYS: Final = 256


class Cache(Generic[K, V]):
    """Values by key, each kept for `seconds`; safe for several threads.

    Two threads that ask for the same key at once make its value once; one waits for the other.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._slots: OrderedDict[K, _Slot[V]] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of `key`, by `make` if there is none that is new enough."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > _MOST_KEYS:
                self._slots.popitem(last=False)
        with slot.lock:
            if slot.made is None or self._clock() - slot.made[0] >= self._seconds:
                slot.made = (self._clock(), make())
            return slot.made[1]


class _Slot(Generic[V]):
    def __init__(self) -> None:
        self.lock = Lock()
        self.made: tuple[float, V] | None = None
