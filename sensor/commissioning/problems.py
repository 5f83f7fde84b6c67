"""Why something that the phone asked for was not done, by names that the page has words for."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sensor.errors import CommissioningError

Problem: TypeAlias = Literal[
    "busy",  # it listens for something else
    "calibrator_not_heard",
    "calibrator_unlike",  # a level that is neither 94 nor 114 dB, or far from what was told
    "drives_full",
    "failed",  # it could not be stored
    "no_second_microphone",
    "not_begun",
    "pass_unknown",
    "signed",
    "tap_not_heard",
    "unexplained",  # a step is neither done nor left out for a reason
]


class WorkError(CommissioningError):
    """Something that cannot be done now; `problem` names why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"the commissioning cannot do this now: {problem}")
        self.problem = problem
