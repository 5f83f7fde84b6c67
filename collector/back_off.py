"""How long to wait before something is tried again that has failed."""

from __future__ import annotations

import random
from dataclasses import dataclass

_random = random.SystemRandom()
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits twice as long after each failure, from `first_s` up to `longest_s`.

    With jitter of half of it, so that not all come again at once.
    """

    first_s: float
    longest_s: float

    def bounds_s(self, failures: int) -> tuple[float, float]:
        """The shortest and the longest wait after so many failures."""
        most = min(self.longest_s, self.first_s * 2 ** min(failures - 1, _MOST_DOUBLINGS))
        return most / 2, most

    def wait_s(self, failures: int, at_least_s: float | None = None) -> float:
        """Seconds to wait after so many failures, or longer where somebody asks for it."""
        return max(at_least_s or 0.0, _random.uniform(*self.bounds_s(failures)))
